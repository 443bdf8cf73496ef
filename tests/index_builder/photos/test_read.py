import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from index_builder.photos import read as module
from index_builder.photos.read import PhotoReading, make_thumbnail, read_photo


def read(path: Path, fake: Any, *, claim: Callable[[str], bool] = lambda digest: True) -> PhotoReading:
    model = fake.fake_model(fake.FakeEncoder())
    return read_photo(path.parent, path.name, claim=claim, prepare=model.prepare, image_size_px=model.image_size_px)


def sixteen_bit(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


FORMATS: dict[str, tuple[str, Callable[[Image.Image], Image.Image], str]] = {
    "jpeg": ("a.jpg", lambda image: image, "image/jpeg"),
    "grey jpeg": ("a.jpg", lambda image: image.convert("L"), "image/jpeg"),
    "cmyk jpeg": ("a.jpg", lambda image: image.convert("CMYK"), "image/jpeg"),
    "png": ("a.png", lambda image: image, "image/png"),
    "palette png": ("a.png", lambda image: image.quantize(16), "image/png"),
    "black and white png": ("a.png", lambda image: image.convert("1"), "image/png"),
    "16-bit png": ("a.png", sixteen_bit, "image/png"),
    "png with alpha": ("a.png", lambda image: image.convert("RGBA"), "image/png"),
    "grey png with alpha": ("a.png", lambda image: image.convert("LA"), "image/png"),
    "webp": ("a.webp", lambda image: image, "image/webp"),
    "webp with alpha": ("a.webp", lambda image: image.convert("RGBA"), "image/webp"),
    "gif": ("a.gif", lambda image: image, "image/gif"),
    "tiff": ("a.tif", lambda image: image, "image/tiff"),
    "bmp": ("a.bmp", lambda image: image, "image/bmp"),
    "avif": ("a.avif", lambda image: image, "image/avif"),
}


@pytest.mark.parametrize(("name", "convert", "media_type"), FORMATS.values(), ids=FORMATS)
def test_a_photo_of_every_format_is_read(
    tmp_path: Path, fake: Any, draw: Any, name: str, convert: Callable[[Image.Image], Image.Image], media_type: str
) -> None:
    convert(draw(1)).save(tmp_path / name)
    reading = read(tmp_path / name, fake)
    assert reading.problem is None
    decoded = reading.decoded
    assert decoded is not None
    assert (decoded.width_px, decoded.height_px, decoded.media_type) == (48, 36, media_type)
    assert decoded.prepared.shape == (3, 32, 32)
    expected = read(tmp_path / name, fake).decoded
    assert expected is not None
    assert np.array_equal(decoded.prepared, expected.prepared)
    with Image.open(io.BytesIO(decoded.thumbnail)) as thumbnail:
        difference = np.asarray(thumbnail.convert("L"), float) - np.asarray(draw(1).convert("L"), float)
        # Black and white dithering and 16 colours differ locally, but the picture must be the same one.
        assert abs(difference.mean()) < 12


def test_the_content_decides_the_media_type_whatever_the_extension(tmp_path: Path, fake: Any, draw: Any) -> None:
    draw(1).save(tmp_path / "a.jpg", "PNG")
    decoded = read(tmp_path / "a.jpg", fake).decoded
    assert decoded is not None
    assert decoded.media_type == "image/png"


def test_a_phones_jpeg_with_several_pictures_is_a_jpeg(tmp_path: Path, fake: Any, draw: Any) -> None:
    draw(1).save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[draw(2)])
    decoded = read(tmp_path / "a.jpg", fake).decoded
    assert decoded is not None
    assert decoded.media_type == "image/jpeg"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright(tmp_path: Path, fake: Any, name: str, orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpose that a camera held so would have applied
    upright = Image.fromarray(np.repeat(np.linspace(0, 255, 64, dtype=np.uint8)[None], 32, axis=0)).convert("RGB")
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / name, exif=exif)
    decoded = read(tmp_path / name, fake).decoded
    assert decoded is not None
    assert (decoded.width_px, decoded.height_px) == (64, 32)
    with Image.open(io.BytesIO(decoded.thumbnail)) as thumbnail:
        row = np.asarray(thumbnail.convert("L"), float)[16]
        assert row[0] < 30
        assert row[-1] > 225


def test_the_size_of_a_large_jpeg_is_the_files_and_not_the_drafts(tmp_path: Path, fake: Any, draw: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    draw(1, (3000, 2400)).save(tmp_path / "a.jpg", exif=exif)
    decoded = read(tmp_path / "a.jpg", fake).decoded
    assert decoded is not None
    assert (decoded.width_px, decoded.height_px) == (2400, 3000)


def test_transparent_becomes_white_in_the_thumbnail() -> None:
    with Image.open(io.BytesIO(make_thumbnail(Image.new("RGBA", (8, 8), (0, 0, 0, 0))))) as thumbnail:
        assert np.asarray(thumbnail.convert("RGB")).min() > 250


def test_what_is_written_about_a_photo_in_its_file_stays_out_of_the_thumbnail(tmp_path: Path, fake: Any) -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    Image.new("RGB", (600, 600)).save(tmp_path / "a.jpg", exif=exif, comment="at home", icc_profile=b"at home")
    decoded = read(tmp_path / "a.jpg", fake).decoded
    assert decoded is not None
    assert b"at home" not in decoded.thumbnail


def test_a_thumbnail_is_256_px_at_most_and_never_larger_than_the_photo(draw: Any) -> None:
    for size, expected in [((1024, 512), (256, 128)), ((48, 36), (48, 36)), ((5000, 2), (256, 1))]:
        with Image.open(io.BytesIO(make_thumbnail(draw(1, size)))) as thumbnail:
            assert thumbnail.size == expected


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "text": (lambda path: path.write_text("not an image"), "not_an_image"),
    "truncated": (truncated, "truncated"),
    "of a format not expected": (lambda path: Image.new("RGB", (4, 4)).save(path, "ICO"), "unsupported_format"),
    "deleted": (lambda path: path.unlink(), "missing"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot_read"),
}


@pytest.mark.parametrize(("spoil", "reason"), SPOILED.values(), ids=SPOILED)
def test_an_unreadable_file_gives_its_reason_and_a_sentence(
    tmp_path: Path, fake: Any, photo: Any, spoil: Callable[[Path], object], reason: str
) -> None:
    path = photo(tmp_path / "a.png", 1)
    spoil(path)
    problem = read(path, fake).problem
    assert problem is not None
    assert problem.reason == reason
    assert problem.sentence.endswith(".")


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path, fake: Any) -> None:
    Image.new("1", (14_000, 14_000)).save(tmp_path / "a.png", compress_level=1)
    problem = read(tmp_path / "a.png", fake).problem
    assert problem is not None
    assert problem.reason == "too_large"


def test_a_file_with_too_many_bytes_is_not_read(
    tmp_path: Path, fake: Any, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PHOTO_BYTES", 100)
    problem = read(photo(tmp_path / "a.png", 1), fake).problem
    assert problem is not None
    assert problem.reason == "too_large"


def test_a_file_that_keeps_changing_while_it_is_read_is_a_problem(
    tmp_path: Path, fake: Any, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photo(tmp_path / "a.png", 1)
    fstat, clock = os.fstat, iter(range(1, 100))

    def ticking(handle: int) -> os.stat_result:
        os.utime(path, ns=(0, next(clock)))
        return fstat(handle)

    monkeypatch.setattr(module.os, "fstat", ticking)
    problem = read(path, fake).problem
    assert problem is not None
    assert problem.reason == "changing"


def test_content_that_somebody_else_has_is_hashed_but_not_decoded(tmp_path: Path, fake: Any, photo: Any) -> None:
    reading = read(photo(tmp_path / "a.png", 1), fake, claim=lambda digest: False)
    assert reading.content_sha256 is not None
    assert reading.decoded is None
    assert reading.problem is None


def test_a_defect_in_one_photo_is_listed_and_not_raised(tmp_path: Path, photo: Any) -> None:
    def broken(image: Image.Image) -> Any:
        raise ZeroDivisionError("of course")

    path = photo(tmp_path / "a.png", 1)
    reading = read_photo(path.parent, path.name, claim=lambda digest: True, prepare=broken, image_size_px=32)
    assert reading.problem is not None
    assert "ZeroDivisionError: of course" in reading.problem.sentence


def test_heic_photos_are_read_where_the_extra_is_installed(tmp_path: Path, fake: Any, draw: Any) -> None:
    pytest.importorskip("pillow_heif")
    draw(1).save(tmp_path / "a.heic")
    reading = read(tmp_path / "a.heic", fake)
    assert reading.problem is None
    assert reading.decoded is not None
    assert reading.decoded.media_type == "image/heic"
