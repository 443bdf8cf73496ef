import pytest

from model.command_line import CommandParser, did_you_mean


def parser() -> CommandParser:
    parser = CommandParser(prog="program")
    parser.add_argument("--verbose", action="store_true")
    commands = parser.add_subparsers(required=True, metavar="command")
    index = commands.add_parser("index")
    index.add_argument("--gallery", required=True)
    index.add_argument("--device", choices=["auto", "cpu", "cuda"])
    commands.add_parser("serve")
    return parser


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (["index", "--galery", "x"], "required: --gallery; did you mean --gallery?"),
        (["index", "--gallery", "x", "--devise=cpu"], "unrecognized arguments: --devise=cpu; did you mean --device?"),
        (["--verbos", "serve", "--verbsoe"], "unrecognized arguments: --verbsoe; did you mean --verbose?"),
        (["index", "--gallery", "x", "--device", "gpu"], "did you mean cpu?"),
        (["indx"], "did you mean index?"),
        (["serve", "--unlike-anything"], "unrecognized arguments: --unlike-anything"),
        (["index", "--gal"], "argument --gallery: expected one argument"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest_one(
    arguments: list[str], end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parser().parse_args(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.rstrip().endswith(end)


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    assert did_you_mean("serv", ["index", "serve"]) == "; did you mean serve?"
    assert did_you_mean("zzz", ["index", "serve"]) == ""
