import re
import sys

import pytest

from training.__main__ import main
from training.config.recipes import RECIPES


def help_of(*arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(sys, "argv", ["training", *arguments, "--help"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", ["run", "baseline", "export", "evaluate", "report"])
def test_every_option_of_every_command_is_explained(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = help_of(command, monkeypatch=monkeypatch, capsys=capsys)
    options = re.split(r"\n  (?=-)", said.partition("options:")[2].partition("\n\n")[0])[1:]
    assert len(options) > 3
    for option in options:
        name, *explanation = re.split(r"\s{2,}", option.strip())
        assert explanation, name


@pytest.mark.parametrize("arguments", [[], ["run"], ["baseline"]])
def test_every_recipe_has_a_line_of_its_own(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = help_of(*arguments, monkeypatch=monkeypatch, capsys=capsys).partition("recipes:")[2]
    lines = [line.split(maxsplit=1) for line in said.strip().splitlines()]
    assert [name for name, _ in lines] == list(RECIPES)
    assert all(len(explanation) > 20 for _, explanation in lines)
