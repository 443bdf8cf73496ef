"""The command writes a complete, consistent folder; a second run returns at once; a broken one resumes."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

import catalogue.generate
from catalogue.__main__ import main
from catalogue.generate import generate
from catalogue.writer import Request, write_item


def arguments(out: Path, *more: str) -> list[str]:
    return ["--out", str(out), "--items", "9", "--sketches", "2", "--image-size", "48", "--workers", "1", *more]


def test_the_manifest_lists_files_that_exist(tmp_path: Path) -> None:
    assert main(arguments(tmp_path)) == 0
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert len(manifest["items"]) == 9
    for item in manifest["items"]:
        assert item["split"] == "demo"
        with Image.open(tmp_path / item["photo"]) as photo:
            assert photo.size == (48, 48)
        assert len(item["sketches"]) == 2
        for sketch in item["sketches"]:
            with Image.open(tmp_path / sketch) as picture:
                assert picture.mode == "L"
    strokes = [json.loads(line) for line in (tmp_path / "strokes.jsonl").read_text().splitlines()]
    assert [line["sketch"] for line in strokes] == [s for item in manifest["items"] for s in item["sketches"]]
    assert all(0 <= x <= 1 for line in strokes for stroke in line["strokes"] for point in stroke for x in point)
    rows = list(csv.DictReader((tmp_path / "metadata.csv").read_text().splitlines()))
    assert [f"photos/{row['photo_id']}.jpg" for row in rows] == [item["photo"] for item in manifest["items"]]
    assert list(rows[0])[:5] == ["photo_id", "category", "colour", "material", "style"]
    filled = [{name: value for name, value in row.items() if value} for row in rows]
    described = [item["metadata"] for item in manifest["items"]]
    assert [{name: row[name] for name in row if name != "photo_id"} for row in filled] == described
    assert not list(tmp_path.rglob("*.part"))


def test_a_second_run_writes_nothing_and_other_arguments_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(tmp_path)) == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert main(arguments(tmp_path)) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert main(arguments(tmp_path, "--seed", "5")) == 2
    assert "choose another folder" in " ".join(capsys.readouterr().err.split())


def test_an_interrupted_run_is_resumed_without_repeating_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    generate(Request(whole, 4, 0, "train", 1, 48))

    def failing(request: Request, index: int) -> dict[str, object]:
        if index == 2:
            raise KeyboardInterrupt
        return write_item(request, index)

    request = Request(broken, 4, 0, "train", 1, 48)
    with monkeypatch.context() as patch:
        patch.setattr(catalogue.generate, "write_item", failing)
        with pytest.raises(KeyboardInterrupt):
            generate(request)
    assert not (broken / "manifest.json").exists()
    done = next((broken / "photos").rglob("*.jpg"))
    stamp = done.stat().st_mtime_ns
    assert generate(request)
    assert done.stat().st_mtime_ns == stamp
    files = {path.relative_to(whole): path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    assert {path.relative_to(broken): path.read_bytes() for path in broken.rglob("*") if path.is_file()} == files


def test_the_wide_world_has_its_own_name_and_never_mixes_with_the_shop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(tmp_path, "--world", "wide")) == 0
    assert json.loads((tmp_path / "manifest.json").read_text())["name"] == "catalogue-wide-demo"
    assert main(arguments(tmp_path)) == 2
    assert "choose another folder" in " ".join(capsys.readouterr().err.split())


def test_impossible_numbers_are_refused(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "--items", "0"]) == 2
    with pytest.raises(ValueError, match="workers is 0"):
        generate(Request(tmp_path, 1, 0, "demo", 1, 48), num_workers=0)
