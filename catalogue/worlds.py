"""Worlds: which families there are, how items are varied, photographed and drawn.

The shop is the demo's: eight families in tidy studio photos. The wide world is for training encoders that are to know
people and photographs: more families, both facings, any light and backdrop, more human drawings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from catalogue.backdrops import Backdrop, draw_backdrop
from catalogue.families.registry import FAMILIES, WIDE_FAMILIES
from catalogue.family import Family
from catalogue.geometry import Array, Solid
from catalogue.lighting import Light, draw_light
from catalogue.materials import Finish
from catalogue.photo import Lens, draw_lens
from catalogue.skill import Skill, draw_skill
from catalogue.view import PhotoView, draw_view
from catalogue.wide.additions import with_additions
from catalogue.wide.backdrops import draw_wide_backdrop
from catalogue.wide.finish import draw_wide_finish
from catalogue.wide.form import changed, draw_change
from catalogue.wide.light import draw_wide_lens, draw_wide_light
from catalogue.wide.people import draw_wide_skill
from catalogue.wide.view import draw_wide_view


class _DrawsBackdrop(Protocol):
    def __call__(self, rng: np.random.Generator, *, scale: float) -> Backdrop: ...


class _DrawsLight(Protocol):
    def __call__(self, rng: np.random.Generator, *, camera_azimuth: float) -> Light: ...


@dataclass(frozen=True)
class World:
    """How the items of a world come about; each function draws from a random stream of the item.

    Attributes:
        name: of the world.
        families: in the order in which items go round them.
        form: solid as built -> solid, alike for siblings.
        finish: finish as a shop would choose -> finish.
        view, backdrop, light, lens: of the photo.
        skill: who draws.
        additions: strokes -> strokes with what people add or leave out.
    """

    name: str
    families: tuple[Family, ...]
    form: Callable[[Solid, np.random.Generator], Solid]
    finish: Callable[[Finish, np.random.Generator], Finish]
    view: Callable[[Family, np.random.Generator], PhotoView]
    backdrop: _DrawsBackdrop
    light: _DrawsLight
    lens: Callable[[np.random.Generator], Lens]
    skill: Callable[[np.random.Generator], Skill]
    additions: Callable[[list[Array], np.random.Generator], list[Array]]


SHOP = World(
    "shop",
    FAMILIES,
    form=lambda solid, _: solid,
    finish=lambda finish, _: finish,
    view=draw_view,
    backdrop=draw_backdrop,
    light=draw_light,
    lens=draw_lens,
    skill=draw_skill,
    additions=lambda strokes, _: strokes,
)
WIDE = World(
    "wide",
    WIDE_FAMILIES,
    form=lambda solid, rng: changed(solid, draw_change(rng)),
    finish=draw_wide_finish,
    view=draw_wide_view,
    backdrop=draw_wide_backdrop,
    light=draw_wide_light,
    lens=draw_wide_lens,
    skill=draw_wide_skill,
    additions=with_additions,
)
WORLDS = {world.name: world for world in (SHOP, WIDE)}


def get_world(name: str) -> World:
    """The world of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in WORLDS:
        raise ValueError(f"world is {name!r}, expected one of {', '.join(WORLDS)}; choose one of those")
    return WORLDS[name]
