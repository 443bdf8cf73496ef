"""The index step, with a `python` in its place that only notes how it was called."""

import os
import subprocess
from pathlib import Path

import pytest

from index_builder.gallery.folder_gallery import CURRENT, GENERATIONS
from index_builder.gallery.manifest import MANIFEST, BundleStamp, Counts, Duplicates, IndexTuning, Manifest

NOTE = '#!/bin/sh\necho "$@" >> "$CALLS"\n'


class Step:
    """Runs the script and keeps what it called."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._script = root / "docker" / "index-gallery"
        self._calls = folder / "calls"
        self._folder = folder
        self.gallery = folder / "gallery"
        python = folder / "python"
        python.write_text(NOTE)
        python.chmod(0o755)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self._folder}:{os.environ['PATH']}"
        needed = {"PATH": path, "CALLS": str(self._calls), "SKETCH_SEARCH_GALLERY": str(self.gallery)}
        command = ["sh", str(self._script), *arguments]
        return subprocess.run(command, env={**needed, **environment}, capture_output=True, text=True)

    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    def hold_gallery_of(self, photos_root: str) -> None:
        """Writes a manifest as the index builder does."""
        manifest = Manifest(
            generation="g1",
            created="2026-01-01",
            count=1,
            dimension=4,
            index_type="Flat",
            photos_root=photos_root,
            bundle=BundleStamp("demo", "f" * 64, "fp32", "fp32"),
            counts=Counts(1, 1, 0),
            duplicates=Duplicates(0, []),
            near_duplicates=Duplicates(0, []),
            columns=[],
            metadata_file=None,
            tuning=IndexTuning("Flat", "few photos", 0, 0.0, 0, 0.95),
            content_digest="",
            files={},
            file_sizes={},
        )
        folder = self.gallery / GENERATIONS / "g1"
        folder.mkdir(parents=True)
        (folder / MANIFEST).write_text(manifest.to_json())
        (self.gallery / CURRENT).write_text("g1\n")


@pytest.fixture
def step(root: Path, tmp_path: Path) -> Step:
    return Step(root, tmp_path)


def test_own_photos_are_indexed_where_they_are_mounted(step: Step) -> None:
    assert step.run(PHOTOS="./photos").returncode == 0
    assert step.calls() == [f"-m index_builder --out {step.gallery} --device auto --gallery /photos"]


def test_without_photos_the_demo_is_rendered_and_indexed_with_its_metadata(step: Step) -> None:
    result = step.run(DEMO_ITEMS="60")
    assert result.returncode == 0
    assert "demo catalogue of 60" in result.stdout
    catalogue, index = step.calls()
    assert catalogue.startswith("-m catalogue --out /demo/60 --items 60 --split demo --sketches 1 --workers ")
    assert index.endswith("--gallery /demo/60/photos --metadata /demo/60/metadata.csv")


def test_a_gallery_of_own_photos_is_not_replaced_by_the_demo(step: Step) -> None:
    step.hold_gallery_of("/photos")
    result = step.run()
    assert result.returncode == 2
    assert "PHOTOS is not set now" in result.stderr
    assert step.calls() == []


def test_a_gallery_of_the_demo_is_brought_up_to_date(step: Step) -> None:
    step.hold_gallery_of("/demo/800/photos")
    assert step.run().returncode == 0
    assert len(step.calls()) == 2


def test_bundle_device_and_options_are_passed_on(step: Step) -> None:
    step.run(
        "--watch",
        PHOTOS="/data",
        SKETCH_SEARCH_BUNDLE="/runs/mine/bundle",
        SKETCH_SEARCH_DEVICE="cuda",
        INDEX_OPTIONS="--max-error-rate 0.2 --metadata /photos/items.csv",
    )
    assert step.calls() == [
        f"-m index_builder --out {step.gallery} --device cuda --gallery /photos --watch --bundle /runs/mine/bundle "
        "--max-error-rate 0.2 --metadata /photos/items.csv"
    ]


def test_a_catalogue_that_fails_is_not_indexed(step: Step, tmp_path: Path) -> None:
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@" >> "$CALLS"\ncase "$*" in *catalogue*) exit 2;; esac\n')
    assert step.run().returncode == 2
    assert not any("index_builder --out" in call for call in step.calls())
