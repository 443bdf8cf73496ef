from pathlib import Path

import numpy as np
import pytest

import sketch_search


def test_a_sketch_finds_its_photo_and_its_embedding_finds_the_same(
    gallery: sketch_search.Gallery, drawing: Path
) -> None:
    hits = gallery.search(drawing, k=3)
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert gallery.search(gallery.encoder.embed_sketches([drawing])[0], k=3) == hits
    assert gallery.size == 4


def test_a_photos_own_embedding_finds_it_first(gallery: sketch_search.Gallery) -> None:
    embedding = gallery.embedding("more/thing-2")
    assert embedding is not None
    assert gallery.search(embedding)[0].photo_id == "more/thing-2"
    assert len(gallery.search(embedding)) == 4


@pytest.mark.parametrize("filters", ["price>=20", ["price>=20"]])
def test_filters_choose_among_the_photos(
    gallery: sketch_search.Gallery, drawing: Path, filters: str | list[str]
) -> None:
    hits = gallery.search(drawing, filters=filters)
    assert {hit.photo_id for hit in hits} == {"more/thing-2", "more/thing-3"}
    assert all(hit.metadata["price"] >= 20 for hit in hits)


def test_an_embedding_of_another_length_is_refused(gallery: sketch_search.Gallery) -> None:
    with pytest.raises(sketch_search.SketchSearchError, match="expects"):
        gallery.search(np.ones(3, np.float32))


def test_thumbnails_are_small_images(gallery: sketch_search.Gallery) -> None:
    thumbnail = gallery.thumbnail("thing-0")
    assert thumbnail is not None
    assert thumbnail.startswith(b"\xff\xd8")
    assert gallery.thumbnail("unknown") is None


def test_a_build_says_what_it_does_unless_it_is_to_be_quiet(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sketch_search.build_gallery(photos, tmp_path / "loud", num_workers=1).close()
    assert "Found 4 photos" in capsys.readouterr().err
    sketch_search.build_gallery(photos, tmp_path / "quiet", num_workers=1, quiet=True).close()
    assert capsys.readouterr().err == ""


def test_what_is_no_gallery_is_named(tmp_path: Path) -> None:
    with pytest.raises(sketch_search.SketchSearchError, match="There is no gallery at"):
        sketch_search.open_gallery(tmp_path)
    with pytest.raises(sketch_search.SketchSearchError, match="milvus"):
        sketch_search.open_gallery("milvus://nobody")
