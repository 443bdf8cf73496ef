"""Items of the catalogue: deterministic by seed, in sibling groups that share all but one or two shape parameters."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from catalogue.camera import frame
from catalogue.family import Family
from catalogue.geometry import Solid
from catalogue.materials import Finish
from catalogue.parameters import draw_parameters, draw_siblings
from catalogue.photo import Shot, render
from catalogue.view import PhotoView
from catalogue.worlds import SHOP, WORLDS, World, get_world

SPLITS = ("train", "test", "demo")
GROUP_SIZES = (3, 2, 4, 5, 2)
STREAM_DESIGN, STREAM_SIBLINGS, STREAM_FINISH, STREAM_PHOTO, STREAM_SKETCH, STREAM_FORM = range(6)
HANGS_AT = 1.2  # height of the lowest point of what hangs, in sizes of the object


@dataclass(frozen=True)
class Item:
    """One product.

    Attributes:
        id: such as "chair-00012", unique within split and family.
        world, split, seed, index: where it comes from.
        family: its kind.
        group: number of its sibling group within the family.
        parameters: the family's dataclass.
        solid: its geometry.
        finish: its materials.
        view: how it is photographed.
    """

    id: str
    world: World
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
        return _stream(self.seed, self.world, self.split, self.index, purpose, *more)


def _stream(seed: int, world: World, split: str, *key: int) -> np.random.Generator:
    which = len(SPLITS) * list(WORLDS).index(world.name) + SPLITS.index(split)
    return np.random.default_rng(np.random.SeedSequence([seed, which, *key]))


def group_of(member: int) -> tuple[int, int, int]:
    """Group number, place within the group, and group size of the n-th item of a family."""
    cycle, rest = divmod(member, sum(GROUP_SIZES))
    for number, size in enumerate(GROUP_SIZES):
        if rest < size:
            return cycle * len(GROUP_SIZES) + number, rest, size
        rest -= size
    raise AssertionError("the sizes of a cycle add up to its length")


def design_item(split: str, index: int, *, seed: int = 0, world: str = SHOP.name) -> Item:
    """The index-th item of a split; consecutive items go round the families.

    Args:
        split: "train", "test" or "demo"; splits come from disjoint random streams.
        index: 0 and up.
        seed: of the whole catalogue.
        world: "shop" or "wide"; worlds share no items.

    Raises:
        ValueError: the split or the world is unknown or the index negative.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, expected one of {', '.join(SPLITS)}; choose one of those")
    if index < 0:
        raise ValueError(f"item index is {index}, expected 0 or more; count items from 0")
    chosen = get_world(world)
    member, which = divmod(index, len(chosen.families))
    family = chosen.families[which]
    group, place, size = group_of(member)

    def stream(*key: int) -> np.random.Generator:
        return _stream(seed, chosen, split, which, *key)

    base = draw_parameters(family.parameters, stream(STREAM_DESIGN, group))
    parameters = draw_siblings(base, family.sibling_fields, size, stream(STREAM_SIBLINGS, group))[place]
    finish_rng = stream(STREAM_FINISH, member)
    finish = chosen.finish(family.finish(parameters, finish_rng), finish_rng)
    view = chosen.view(family, stream(STREAM_PHOTO, member))
    solid = _standing(chosen.form(family.build(parameters), stream(STREAM_FORM, group)), family)
    name = f"{family.noun}-{member:05d}"
    return Item(name, chosen, split, seed, index, family, group, parameters, solid, finish, view)


def _standing(solid: Solid, family: Family) -> Solid:
    """The solid on the floor, or hanging above it."""
    if not family.hangs:
        return solid.standing()
    low, high = solid.bounds()
    lift = HANGS_AT * float(np.linalg.norm(high - low)) - float(low[1])
    return Solid(tuple(dataclasses.replace(part, surface=part.surface.moved(y=lift)) for part in solid.parts))


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
    backdrop = item.world.backdrop(rng, scale=scale)
    light = item.world.light(rng, camera_azimuth=view.azimuth)
    return render(
        Shot(item.solid, item.finish, camera, backdrop, light, item.world.lens(rng)), image_size_px=image_size_px
    )


def describe(item: Item) -> dict[str, Any]:
    """Parameters and attributes as plain values, for manifest and metadata."""
    body = item.finish.material("body")
    readable = {"category": item.family.name, "colour": body.colour_name, "material": body.kind}
    return {
        "metadata": readable | item.family.attributes(item.parameters),
        "parameters": dataclasses.asdict(item.parameters),
        "group": f"{item.family.noun}-group-{item.group:04d}",
    }
