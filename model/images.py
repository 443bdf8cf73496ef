"""Turns bytes into an upright 8-bit image, for photos and sketches alike. Nothing here knows about encoders."""

import io
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFile, ImageOps, UnidentifiedImageError

from model.colour import to_srgb
from model.errors import UnreadableImageError

try:
    from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False)
    HEIF_SUFFIXES: tuple[str, ...] = (".heic", ".heif")
except ImportError:  # the extra heif is not installed
    HEIF_SUFFIXES = ()

# The kinds of photos that are indexed and trained on: how their files are named, and Pillow's names of the formats.
PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", *HEIF_SUFFIXES}
)
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", *(("HEIF",) if HEIF_SUFFIXES else ()))
NO_END_MARKER = "no_end_marker"  # in the `info` of an image whose file lacks nothing but its end marker
_WIDE = "colours_of_16_bits"  # likewise
_END_OF_JPEG = b"\xff\xd9"
_OTHER_END = b"\xfe" * 64 + _END_OF_JPEG  # not zeros, which the decoder itself puts where data is missing
_INTEGER_TOPS = (255, 1023, 4095, 16383, 65535)  # the whitest value of 8, 10, 12, 14 and 16 bits


def decode_image(
    data: bytes, *, max_pixels: int, formats: tuple[str, ...] | None = None, draft_size_px: int | None = None
) -> Image.Image:
    """Decodes one image completely, turned upright by its EXIF orientation.

    Args:
        data: the bytes of the file.
        max_pixels: images with more pixels than this are refused before they are decoded.
        formats: Pillow format names that are allowed, such as ("PNG", "JPEG"); None allows every format Pillow reads.
        draft_size_px: when given, a JPEG may be decoded at a reduced size whose shorter side is still at least this.

    Returns:
        An sRGB image of mode "RGB", or "RGBA" when the file has transparency. Colours of other profiles, 16-bit,
        palette, CMYK and grey are converted. `info` has NO_END_MARKER for a JPEG that is complete but for that.

    Raises:
        UnreadableImageError: the bytes are empty, not an image, truncated, too large, or of a format not allowed.
    """
    if not data:
        raise UnreadableImageError("The image is empty (0 bytes); send the whole file.", reason="empty")
    try:
        image = _open(data, formats)
        _check_size(image, max_pixels)
        image = _noted(image, data)
        if draft_size_px is not None:
            image.draft("RGB", (draft_size_px, draft_size_px))
        return upright(image)
    except UnreadableImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError(
            f"The image is larger than {max_pixels:,} pixels; send a smaller one.", reason="too_large"
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # decoders raise many types (OSError, SyntaxError, struct.error, ...) on damaged files
        raise UnreadableImageError(
            f"The image is damaged or cut short ({_first_line(error)}); save it again and send the whole file.",
            reason="truncated",
        ) from error


def upright(image: Image.Image) -> Image.Image:
    """Loads an image that Pillow has opened, turns it upright by its EXIF orientation and makes it 8-bit.

    Args:
        image: any mode and size; an opened file is turned in place.

    Returns:
        An image of mode "RGB", or "RGBA" when it has transparency.
    """
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return _to_8_bit(image)


def photo_draft_size(image_size_px: int) -> int:
    """The `draft_size_px` for photos, the same wherever photos are read, so that their embeddings are the same too.

    Twice the size that is needed, for the encoder or a thumbnail of 256 px: scaling a JPEG while decoding it then
    leaves hardly a trace in the embedding.
    """
    return 2 * max(image_size_px, 256)


def flatten_on_white(image: Image.Image) -> Image.Image:
    """Puts an "RGBA" image on white paper; an "RGB" image is returned as it is."""
    if image.mode != "RGBA":
        return image
    if _is_opaque(image):
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image).convert("RGB")


def grey_on_white(image: Image.Image) -> Image.Image:
    """The grey, mode "L", of what `flatten_on_white` gives: the same pixels with less work for an "RGBA" drawing."""
    if image.mode != "RGBA" or _is_opaque(image):
        return image.convert("L")
    grey = Image.new("L", image.size, 255)
    box = image.getchannel("A").getbbox()
    if box is not None:
        grey.paste(_grey_of_inked(image.crop(box)), box)
    return grey


def _grey_of_inked(image: Image.Image) -> Image.Image:
    extrema = cast("tuple[tuple[int, int], ...]", image.getextrema())
    if any(lowest != highest for lowest, highest in extrema[:3]):
        return _grey_by_strips(image)
    red, green, blue = (lowest for lowest, _ in extrema[:3])
    return image.getchannel("A").point(_greys_of_ink(red, green, blue))


def _greys_of_ink(red: int, green: int, blue: int) -> list[int]:
    """The grey of ink of one colour on white paper, for each of the 256 values of alpha."""
    ink = Image.new("RGBA", (256, 1), (red, green, blue))
    ink.putalpha(Image.frombytes("L", (256, 1), bytes(range(256))))
    return list(flatten_on_white(ink).convert("L").tobytes())


def _is_opaque(image: Image.Image) -> bool:
    """Tells whether every pixel of an "RGBA" image is opaque."""
    lowest, _ = image.getchannel("A").getextrema()
    return lowest == 255


def _grey_by_strips(image: Image.Image) -> Image.Image:
    # So that no second copy in full size is made.
    grey = Image.new("L", image.size)
    height = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, height):
        strip = image.crop((0, top, image.width, min(top + height, image.height)))
        grey.paste(flatten_on_white(strip).convert("L"), (0, top))
    return grey


_STRIP_PIXELS = 1 << 20


def _open(data: bytes, formats: tuple[str, ...] | None) -> ImageFile.ImageFile:
    try:
        return Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError:
        pass
    expected = "PNG, JPEG or WebP" if formats is None else ", ".join(formats)
    try:
        other = Image.open(io.BytesIO(data)).format
    except Exception as error:
        raise UnreadableImageError(
            f"The file is not an image that can be read; expected {expected}.", reason="not_an_image"
        ) from error
    raise UnreadableImageError(f"The image is a {other} file; expected one of {expected}.", reason="unsupported_format")


def _noted(image: ImageFile.ImageFile, data: bytes) -> ImageFile.ImageFile:
    """Notes in `info` what is only known before a file is decoded; a JPEG that lacks its end marker gets one."""
    if image.format in ("JPEG", "MPO") and _lacks_end(data):
        # Where picture data is missing, whatever follows is decoded in its place.
        decoded, other = (_open(data + end, ("JPEG", "MPO")) for end in (_END_OF_JPEG, _OTHER_END))
        if ImageChops.difference(decoded, other).getbbox() is None:
            image = _open(data + _END_OF_JPEG, ("JPEG", "MPO"))
            image.info[NO_END_MARKER] = True
    image.info[_WIDE] = image.mode in ("RGB", "RGBA") and any(";16" in str(tile[3]) for tile in image.tile)
    return image


def _lacks_end(jpeg: bytes) -> bool:
    """True if no end marker follows the last start of picture data; what is behind the end marker does not matter."""
    return not jpeg.endswith(_END_OF_JPEG) and jpeg.rfind(_END_OF_JPEG) < jpeg.rfind(b"\xff\xda")


def _refuse_few_bits(image: Image.Image) -> None:
    """Refuses colours of 12 bits in 16, of which Pillow keeps the upper eight: almost black."""
    extrema = cast("tuple[tuple[int, int], ...]", image.getextrema())
    if 0 < max(highest for _, highest in extrema[:3]) < 16:
        raise UnreadableImageError(
            "The image has colours of 16 bits, and uses at most 12 of them; save it with 8 bits a channel.",
            reason="unsupported_format",
        )


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise UnreadableImageError(
            f"The image is {width:,} × {height:,} pixels; at most {max_pixels:,} are accepted, send a smaller one.",
            reason="too_large",
        )


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_wide_grey_to_8_bit(np.asarray(image)), "L").convert("RGB")
    if image.info.get(_WIDE):
        _refuse_few_bits(image)
    has_transparency = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    mode: Literal["RGB", "RGBA"] = "RGBA" if has_transparency else "RGB"
    image = to_srgb(image, mode)
    return image if image.mode == mode else image.convert(mode)  # convert would copy


def _wide_grey_to_8_bit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scales grey values so that white is the whitest value of the number of bits, or range, that the image uses."""
    peak = float(np.nanmax(values, initial=0, where=np.isfinite(values)))
    is_share = values.dtype.kind == "f" and peak <= 1  # floats are from 0 to 1, or as integers are
    top = 1.0 if is_share else next((each for each in _INTEGER_TOPS if peak <= each), peak)
    narrow = np.empty(values.shape, np.uint8)
    for row, into in zip(values, narrow, strict=True):  # row by row: as floats the whole would take four times as much
        into[:] = np.clip(np.nan_to_num(row.astype(np.float32) * (255.0 / top)), 0, 255)
    return narrow


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
