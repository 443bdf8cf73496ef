"""The command search, on a gallery in a folder and on one that `sketch-search serve` serves."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sketch_search
from sketch_search.commands.main import main


@pytest.fixture(scope="module")
def service(gallery_folder: Path) -> Iterator[str]:
    """The address of a running service."""
    command = [sys.executable, "-m", "sketch_search", "serve", "--gallery", str(gallery_folder), "--port", "0"]
    with subprocess.Popen(
        [*command, "--drain-seconds", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, process.communicate()[1]
        yield found[0]
        process.terminate()
        said = process.communicate(timeout=30)[1]
        assert process.returncode == 0
        assert said.endswith("Next: sketch-search train --recipe own-photos --data photos/ --out runs/photos\n")


def test_a_drawing_finds_photos_with_rank_and_score(
    gallery_folder: Path, drawing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", str(drawing), "--gallery", str(gallery_folder), "-k", "2", "--filter", "price<20"]) == 0
    captured = capsys.readouterr()
    rows = [line.split() for line in captured.out.splitlines()]
    assert [row[0] for row in rows] == ["1", "2"]
    assert {row[2] for row in rows} == {"thing-0", "thing-1"}
    assert captured.err == f"Next: sketch-search serve --gallery {gallery_folder}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.png"], "The image nowhere.png cannot be read"),
        (["DRAWING", "--gallery", "nowhere"], "There is no gallery at nowhere"),
        (["DRAWING", "--filter", "colour=red"], "colour"),
        (["DRAWING", "-k", "0"], "k"),
        (["DRAWING", "--gallery", "http://127.0.0.1:1"], "cannot be reached"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(
    words: list[str], sentence: str, gallery_folder: Path, drawing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(drawing) if word == "DRAWING" else word for word in words]
    where = [] if "--gallery" in words else ["--gallery", str(gallery_folder)]
    assert main(["search", *given, *where]) == 2
    said = capsys.readouterr().err
    assert said.startswith("sketch-search: ")
    assert sentence in said
    assert said.count("\n") == 1


def test_a_service_gives_the_hits_that_its_gallery_gives(
    service: str, gallery: sketch_search.Gallery, drawing: Path
) -> None:
    expected = gallery.search(drawing, k=3, filters=["price>=10"])
    with sketch_search.open_gallery(service) as remote:
        image = Image.open(drawing)
        for sketch in (drawing, drawing.read_bytes(), image, image.convert("CMYK"), np.asarray(image)):
            hits = remote.search(sketch, k=3, filters="price>=10")
            assert [(hit.photo_id, hit.metadata) for hit in hits] == [(hit.photo_id, hit.metadata) for hit in expected]
            np.testing.assert_allclose([hit.score for hit in hits], [hit.score for hit in expected], atol=1e-3)
        assert remote.thumbnail("more/thing-2") == gallery.thumbnail("more/thing-2")
        assert remote.thumbnail("unknown") is None


def test_a_service_says_why_it_refuses(service: str, drawing: Path) -> None:
    remote = sketch_search.open_gallery(service + "/")
    with pytest.raises(sketch_search.SketchSearchError, match=r"refused: .*k is '0'"):
        remote.search(drawing, k=0)
    with pytest.raises(sketch_search.SketchSearchError, match="not by embeddings"):
        remote.search(np.ones(128, np.float32))
