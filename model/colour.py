"""Converts the colours of an image with an ICC profile to sRGB, as browsers show them."""

import io
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageCms

_MAX_PROFILE_BYTES = 4 << 20
_NUM_KEPT = 16  # a camera writes the same profile into all of its photos
_CONVERTED = ("RGB", "RGBA", "CMYK", "L")


def to_srgb(image: Image.Image, mode: Literal["RGB", "RGBA"]) -> Image.Image:
    """Converts an 8-bit image to sRGB if its profile says that it is something else.

    Args:
        image: decoded; its `info` may hold an "icc_profile".
        mode: of the result, if the image has to be converted.

    Returns:
        The image itself where it has no profile, has that of sRGB, or one that does not fit it; `info` stays.
    """
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not 0 < len(profile) <= _MAX_PROFILE_BYTES:
        return image
    if image.mode not in _CONVERTED:
        image = _with_info(image.convert(mode), image)
    transform = _transform(profile, image.mode, mode)
    if transform is None:
        return image
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # it is only where the image is changed in place
    return _with_info(converted, image)


@lru_cache(maxsize=_NUM_KEPT)
def _transform(profile: bytes, mode: str, target: str) -> ImageCms.ImageCmsTransform | None:
    """Prepares a conversion; None where none is needed or possible."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, target)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None  # damaged, or of another kind of colours than the image


def _with_info(converted: Image.Image, image: Image.Image) -> Image.Image:
    converted.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return converted
