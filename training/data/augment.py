"""Random variation of a batch of pairs, on the device, a different draw for every pair."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from model.preprocess import Preprocessing
from training.config.run import Augmentation
from training.data.pairs import Batch, Views


def augment_pairs(
    batch: Batch,
    augmentation: Augmentation,
    preprocessing: Preprocessing,
    *,
    generator: torch.Generator,
) -> Views:
    """Turns a batch of bytes into varied, normalised encoder inputs.

    Args:
        batch: uint8 pairs on the CPU or a GPU.
        augmentation: how much is varied.
        preprocessing: gives mean and std.
        generator: source of all randomness, on the CPU.

    Returns:
        The batch; the V sketches of a photo vary independently.
    """
    photo = batch.photo.float() / 255
    ink = 1 - batch.sketch.float() / 255
    if augmentation.flip:
        mirrored = (torch.rand(len(photo), generator=generator) < 0.5).to(photo.device)[:, None, None, None]
        photo = torch.where(mirrored, photo.flip(-1), photo)
        if augmentation.flip_apart:
            mirrored = (torch.rand(ink.shape[:2], generator=generator) < 0.5).to(photo.device)[:, :, None, None]
        ink = torch.where(mirrored, ink.flip(-1), ink)
    ink = ink.flatten(0, 1)[:, None]
    photo = _vary_photo(photo, augmentation, generator)
    ink = _erase(_move(ink, augmentation, generator, warp=augmentation.sketch_warp), augmentation, generator)
    return _views(photo, (1 - ink).view_as(batch.sketch), batch, preprocessing)


def plain_views(batch: Batch, preprocessing: Preprocessing) -> Views:
    """The batch as serving would see it, without any variation."""
    return _views(batch.photo.float() / 255, batch.sketch.float() / 255, batch, preprocessing)


def _views(photo: Tensor, sketch: Tensor, batch: Batch, preprocessing: Preprocessing) -> Views:
    sketch = sketch[:, :, None].expand(-1, -1, 3, -1, -1)
    return Views(
        normalise(photo, preprocessing), normalise(sketch, preprocessing), item=batch.item, category=batch.category
    )


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Subtracts mean and divides by std: (…, 3, S, S) in [0, 1] -> float32 encoder input."""
    mean = torch.tensor(preprocessing.mean, device=images.device)[:, None, None]
    std = torch.tensor(preprocessing.std, device=images.device)[:, None, None]
    return (images - mean) / std


def _uniform(shape: tuple[int, ...], reach: float, generator: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=generator) * 2 - 1) * reach


def _move(images: Tensor, augmentation: Augmentation, generator: torch.Generator, *, warp: float) -> Tensor:
    """Rotates, scales, stretches, shifts and (for sketches) smoothly deforms each image by its own draw."""
    count = len(images)
    angle = _uniform((count,), math.radians(augmentation.rotation_degrees), generator)
    size = 1 + _uniform((count,), augmentation.scale, generator)
    aspect = 1 + _uniform((count,), augmentation.scale, generator)
    shift = _uniform((count, 2), 2 * augmentation.shift, generator)
    cos, sin = torch.cos(angle), torch.sin(angle)
    rows = [cos * size * aspect, -sin * size, shift[:, 0], sin * size, cos * size / aspect, shift[:, 1]]
    matrices = torch.stack(rows, dim=1).view(count, 2, 3)
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    if warp:
        field = _uniform((count, 2, 4, 4), 2 * warp, generator)
        smooth = F.interpolate(field, size=images.shape[-2:], mode="bicubic", align_corners=True)
        grid = grid + smooth.permute(0, 2, 3, 1)
    return F.grid_sample(images, grid.to(images.device), align_corners=False)


def _vary_photo(photo: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    photo = _vary_colour(photo, augmentation, generator)
    # Moved as "distance from white", as sketches are: what comes in at the edges is white paper or backdrop.
    return 1 - _move(1 - photo, augmentation, generator, warp=0.0)


def _vary_colour(photo: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Brightness, contrast, saturation and greyness, one draw each for every photo."""
    count = len(photo)
    brightness, contrast, saturation = (
        (1 + _uniform((count, 1, 1, 1), augmentation.colour, generator)).to(photo.device) for _ in range(3)
    )
    lost = (torch.rand((count, 1, 1, 1), generator=generator) < augmentation.grey).to(photo.device)
    weights = torch.tensor([0.299, 0.587, 0.114], device=photo.device)[:, None, None]
    photo = photo * brightness
    middle = photo.mean(dim=(1, 2, 3), keepdim=True)
    photo = (photo - middle) * contrast + middle
    grey = (photo * weights).sum(dim=1, keepdim=True)
    photo = torch.where(lost, grey.expand_as(photo), (photo - grey) * saturation + grey)
    return photo.clamp(0, 1)


def _erase(ink: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Wipes one rectangle of up to half the side out of some sketches."""
    if not augmentation.sketch_erase:
        return ink
    count, side = len(ink), ink.shape[-1]
    centre, half = torch.rand((count, 2), generator=generator), torch.rand((count, 2), generator=generator) * 0.25
    chosen = torch.rand((count, 1), generator=generator) < augmentation.sketch_erase
    position = (torch.arange(side) + 0.5) / side
    inside = ((position[None, None] - centre[..., None]).abs() < half[..., None]) & chosen[..., None]
    rectangle = inside[:, 1, :, None] & inside[:, 0, None, :]
    return ink * (~rectangle).to(ink.device)[:, None]
