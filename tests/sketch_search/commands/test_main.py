import re
import subprocess
import sys

import pytest

from model.version import __version__
from sketch_search.commands.main import COMMANDS, main


def test_without_a_command_all_are_listed_by_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert re.findall(r"(?m)^  (\w+) ", said) == list(COMMANDS)
    assert said.count(":\n") == len({command.group for command in COMMANDS.values()})
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_under_its_own_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: sketch-search {name} ")


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (["serch"], "'serch'; did you mean search?"),
        (["index", "--galery", "x"], "did you mean --gallery?"),
        (["serve", "--prot", "80"], "did you mean --port?"),
        (["train", "--recpie", "own-photos"], "did you mean --recipe?"),
        (["train", "prevew"], "did you mean preview?"),
        (["evaluate", "--bundel", "x"], "did you mean --bundle?"),
        (["search", "--galery", "x"], "did you mean --gallery?"),
        (["export", "--uot", "x"], "did you mean --out?"),
        (["embed", "x", "--sketch-es", "--out", "y.npy"], "did you mean --sketches?"),
        (["demo", "--itmes", "8"], "did you mean --items?"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest(
    words: list[str], suggestion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(words)
    except SystemExit as stopped:
        status = stopped.code  # type: ignore[assignment]
    assert status == 2
    assert suggestion in capsys.readouterr().err


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"sketch-search {__version__}\n"


def test_the_overview_imports_nothing_heavy() -> None:
    script = (
        "import sys; from sketch_search.commands.main import main; main([]); "
        "print(sorted({'numpy', 'onnxruntime', 'torch', 'fastapi', 'PIL'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.endswith("[]\n")
