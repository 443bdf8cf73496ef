"""Items of the catalogue: deterministic by seed, in sibling groups that share all but one or two shape parameters."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from catalogue.backdrops import draw_backdrop
from catalogue.camera import frame
from catalogue.families.registry import FAMILIES
from catalogue.family import Family
from catalogue.geometry import Solid
from catalogue.lighting import draw_light
from catalogue.materials import Finish
from catalogue.parameters import draw_parameters, draw_siblings
from catalogue.photo import Shot, render

SPLITS = ("train", "test", "demo")
GROUP_SIZES = (3, 2, 4, 5, 2)
STREAM_DESIGN, STREAM_SIBLINGS, STREAM_FINISH, STREAM_PHOTO, STREAM_SKETCH = range(5)


@dataclass(frozen=True)
class PhotoView:
    """How a photo was framed: angles in degrees, perspective as in `camera.frame`, fill and shift in image sizes."""

    azimuth: float
    elevation: float
    perspective: float
    fill: float
    shift: tuple[float, float]


@dataclass(frozen=True)
class Item:
    """One product.

    Attributes:
        id: such as "chair-00012", unique within split and family.
        split, seed, index: where it comes from.
        family: its kind.
        group: number of its sibling group within the family.
        parameters: the family's dataclass.
        solid: its geometry.
        finish: its materials.
        view: how it is photographed.
    """

    id: str
    split: str
    seed: int
    index: int
    family: Family
    group: int
    parameters: Any
    solid: Solid
    finish: Finish
    view: PhotoView

    def stream(self, purpose: int, *more: int) -> np.random.Generator:
        """A random stream of this item alone."""
        return _stream(self.seed, self.split, self.index, purpose, *more)


def _stream(seed: int, split: str, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, SPLITS.index(split), *key]))


def group_of(member: int) -> tuple[int, int, int]:
    """Group number, place within the group, and group size of the n-th item of a family."""
    cycle, rest = divmod(member, sum(GROUP_SIZES))
    for number, size in enumerate(GROUP_SIZES):
        if rest < size:
            return cycle * len(GROUP_SIZES) + number, rest, size
        rest -= size
    raise AssertionError("the sizes of a cycle add up to its length")


def design_item(split: str, index: int, *, seed: int = 0) -> Item:
    """The index-th item of a split; consecutive items go round the families.

    Args:
        split: "train", "test" or "demo"; splits come from disjoint random streams.
        index: 0 and up.
        seed: of the whole catalogue.

    Raises:
        ValueError: the split is unknown or the index negative.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, expected one of {', '.join(SPLITS)}; choose one of those")
    if index < 0:
        raise ValueError(f"item index is {index}, expected 0 or more; count items from 0")
    member, which = divmod(index, len(FAMILIES))
    family = FAMILIES[which]
    group, place, size = group_of(member)
    base = draw_parameters(family.parameters, _stream(seed, split, which, STREAM_DESIGN, group))
    siblings_rng = _stream(seed, split, which, STREAM_SIBLINGS, group)
    parameters = draw_siblings(base, family.sibling_fields, size, siblings_rng)[place]
    finish = family.finish(parameters, _stream(seed, split, which, STREAM_FINISH, member))
    view = _draw_view(family, _stream(seed, split, which, STREAM_PHOTO, member))
    name = f"{family.noun}-{member:05d}"
    return Item(name, split, seed, index, family, group, parameters, family.build(parameters).standing(), finish, view)


def _draw_view(family: Family, rng: np.random.Generator) -> PhotoView:
    views = family.views
    return PhotoView(
        float(rng.uniform(*views.azimuth_degrees)),
        float(rng.uniform(*views.elevation_degrees)),
        float(rng.uniform(0.12, 0.34)),
        float(rng.uniform(0.66, 0.82)),
        (float(rng.uniform(-0.04, 0.04)), float(rng.uniform(-0.02, 0.05))),
    )


def render_photo(item: Item, *, image_size_px: int = 384) -> Image.Image:
    """The item's photo, RGB, square."""
    rng = item.stream(STREAM_PHOTO, 1)
    view = item.view
    bounds = item.solid.bounds()
    scale = float(np.linalg.norm(bounds[1] - bounds[0]))
    camera = frame(
        item.solid.all_vertices(),
        azimuth=view.azimuth,
        elevation=view.elevation,
        perspective=view.perspective,
        fill=view.fill,
        shift=view.shift,
    )
    backdrop = draw_backdrop(rng, scale=scale)
    light = draw_light(rng, camera_azimuth=view.azimuth)
    vignette, grain = float(rng.uniform(0.08, 0.4)), int(rng.integers(2**31))
    shot = Shot(item.solid, item.finish, camera, backdrop, light, vignette, grain)
    return render(shot, image_size_px=image_size_px)


def describe(item: Item) -> dict[str, Any]:
    """Parameters and attributes as plain values, for manifest and metadata."""
    body = item.finish.material("body")
    readable = {"category": item.family.name, "colour": body.colour_name, "material": body.kind}
    return {
        "metadata": readable | item.family.attributes(item.parameters),
        "parameters": dataclasses.asdict(item.parameters),
        "group": f"{item.family.noun}-group-{item.group:04d}",
    }
