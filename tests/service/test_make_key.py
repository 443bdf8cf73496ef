import stat
from pathlib import Path

import pytest

from service.access.api_keys import read_keys
from service.make_key import main


def test_a_new_key_is_shown_once_and_only_its_hash_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "api-keys.txt"
    assert main(["shop", "--file", str(file)]) == 0
    key = capsys.readouterr().out.strip()
    assert main(["prometheus", "--role", "operator", "--file", str(file)]) == 0
    operator_key = capsys.readouterr().out.strip()
    assert key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    keys = read_keys("", file)
    found, operator = keys.find(key), keys.find(operator_key)
    assert found is not None
    assert operator is not None
    assert (found.name, found.role) == ("shop", "search")
    assert (operator.name, operator.role) == ("prometheus", "operator")
    assert keys.find(key[:-1]) is keys.find("") is None


def test_a_name_that_is_taken_is_refused_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "api-keys.txt"
    file.write_text(f"shop:search:{'0' * 64}")  # without an end of line
    assert main(["shop", "--file", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"The name shop is taken by a key in {file}; choose another, or delete its line there first." in said.err
    assert file.read_text() == f"shop:search:{'0' * 64}"
    assert main(["other", "--file", str(file)]) == 0
    assert len(read_keys("", file)) == 2


@pytest.mark.parametrize("name", ["a:b", "my shop", "", "a" * 65, "café"])
def test_a_name_that_cannot_be_is_refused_with_those_that_can(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "is no name for a key; use 1 to 64 letters A to Z, digits, dots, underscores and hyphens." in said.err


def test_a_file_that_is_broken_already_is_refused_as_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "api-keys.txt"
    file.write_text(f"shop:search:{'0' * 64}\n" * 2)
    assert main(["other", "--file", str(file)]) == 2
    assert f"The key shop stands twice in {file}; remove one of the two lines." in capsys.readouterr().err


def test_without_a_file_the_entry_for_the_setting_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shop"]) == 0
    said = capsys.readouterr()
    entry = said.err.partition("For --api-keys: ")[2].split(" ")[0]
    assert read_keys(entry, None).find(said.out.strip())
