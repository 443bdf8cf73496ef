from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import sketch_search


@pytest.fixture(scope="module")
def encoder() -> sketch_search.ImageEncoder:
    return sketch_search.load_encoder(device="cpu")


def test_a_path_bytes_an_image_and_an_array_of_one_drawing_have_one_embedding(
    encoder: sketch_search.ImageEncoder, drawing: Path
) -> None:
    image = Image.open(drawing)
    embeddings = encoder.embed_sketches(
        [drawing, str(drawing), drawing.read_bytes(), image, np.asarray(image), np.asarray(image.convert("L"))]
    )
    assert (embeddings.shape, embeddings.dtype) == ((6, encoder.dimension), np.float32)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(embeddings, np.repeat(embeddings[:1], 6, axis=0))


def test_a_batch_of_pixels_is_taken_apart_and_an_empty_list_is_allowed(encoder: sketch_search.ImageEncoder) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 40, 30, 3), np.uint8)
    assert encoder.embed_photos(pixels).shape == (2, encoder.dimension)
    assert encoder.embed_photos([]).shape == (0, encoder.dimension)


def test_a_photo_is_embedded_as_its_gallery_holds_it(
    encoder: sketch_search.ImageEncoder, gallery: sketch_search.Gallery, photos: Path
) -> None:
    stored = gallery.embedding("thing-1")
    np.testing.assert_allclose(encoder.embed_photos([photos / "thing-1.jpg"])[0], stored, atol=1e-6)


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        ("drawing.png", "One image was given where a list is expected"),
        (b"bytes", "One image was given where a list is expected"),
        (np.zeros((8, 8, 3), np.uint8), "One image was given where a list is expected"),
        (["nowhere.png"], "The image nowhere.png cannot be read"),
        ([b"no image"], "Image 0 of those given cannot be used: The file is not an image"),
        ([np.full((40, 40), 255, np.uint8)], "Image 0 of those given cannot be used: The sketch is blank"),
        ([np.zeros((8, 8), np.float64)], r"given as float64 \(8, 8\); expected uint8"),
        ([np.zeros((8, 8, 2), np.uint8)], r"given as uint8 \(8, 8, 2\); expected uint8"),
        ([np.zeros((0, 8), np.uint8)], r"given as uint8 \(0, 8\); expected uint8"),
    ],
)
def test_what_cannot_be_embedded_is_named(encoder: sketch_search.ImageEncoder, images: Any, sentence: str) -> None:
    with pytest.raises(sketch_search.SketchSearchError, match=sentence):
        encoder.embed_sketches(images)


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(sketch_search.SketchSearchError, match="There is no encoder bundle at"):
        sketch_search.load_encoder(tmp_path)
