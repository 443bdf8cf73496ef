"""Several catalogues become one dataset without a copy of a file."""

import json
from pathlib import Path

import pytest

from catalogue.generate import generate
from catalogue.join import join, main
from catalogue.writer import Request


def test_the_joined_manifest_names_every_file_of_both_and_no_id_twice(tmp_path: Path) -> None:
    for name, world in (("shop", "shop"), ("wide", "wide")):
        generate(Request(tmp_path / name, 2, 0, "train", 1, 48, world=world))
    assert main(["--out", str(tmp_path / "all"), str(tmp_path / "shop"), str(tmp_path / "wide")]) == 0
    items = json.loads((tmp_path / "all/manifest.json").read_text())["items"]
    assert len({item["id"] for item in items}) == len(items) == 4
    for item in items:
        assert all((tmp_path / "all" / path).is_file() for path in (item["photo"], *item["sketches"]))


def test_an_unfinished_catalogue_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="generate it first"):
        join([tmp_path], tmp_path / "all")
    with pytest.raises(ValueError, match="rename a folder"):
        join([tmp_path, tmp_path], tmp_path / "all")
