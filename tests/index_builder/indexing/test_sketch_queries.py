import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from index_builder.gallery.errors import GalleryError
from index_builder.indexing.sketch_queries import MAX_SKETCHES, embed_sketches, find_sketches
from model.bundle import default_bundle_path, read_bundle


def test_drawings_are_found_below_a_folder_and_in_a_manifest(tmp_path: Path) -> None:
    for name in ("b.png", "deep/a.JPG", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_sketches(tmp_path) == [tmp_path / "b.png", tmp_path / "deep/a.JPG"]
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"items": [{"id": "1", "sketches": ["b.png"]}, {"id": "2", "sketches": []}]}))
    assert find_sketches(manifest) == [tmp_path / "b.png"]


def test_of_many_drawings_some_from_everywhere_are_taken(tmp_path: Path) -> None:
    for number in range(2 * MAX_SKETCHES):
        (tmp_path / f"{number:04}.png").touch()
    found = find_sketches(tmp_path)
    assert len(set(found)) == MAX_SKETCHES
    assert {path.name[0] for path in found} == {"0"}
    assert (found[0].name, found[-1].name) == ("0000.png", "0999.png")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "not a manifest"),
        ('{"items": [{}]}', "not a manifest"),
        ('{"items": []}', "no draw"),
    ],
)
def test_what_holds_no_drawings_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(GalleryError, match=message):
        find_sketches(path)


def test_drawings_are_embedded_as_the_service_embeds_them(tmp_path: Path) -> None:
    path = tmp_path / "mug.png"
    paper = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(paper).rectangle((50, 50, 150, 160), outline=0, width=3)
    paper.save(path)
    embeddings = embed_sketches([path, path], read_bundle(default_bundle_path()), device="cpu")
    np.testing.assert_array_equal(embeddings[0], embeddings[1])
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_a_blank_drawing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    Image.new("L", (64, 64), 255).save(path)
    with pytest.raises(GalleryError, match=r"blank\.png"):
        embed_sketches([path], read_bundle(default_bundle_path()), device="cpu")
