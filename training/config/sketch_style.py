"""What pseudo-sketches are made of: ingredients that can be switched off one by one, and named styles of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self, get_args

EdgeFamily = Literal["canny", "dog", "both"]
EDGE_FAMILIES: tuple[EdgeFamily, ...] = get_args(EdgeFamily)


@dataclass(frozen=True)
class SketchStyle:
    """Which ingredients pseudo-sketches have. With the same seed, styles draw by the same hand as far as they agree.

    Attributes:
        edges: where lines come from: "canny" traces the edges of brightness, "dog" the dark (or light) lines of a
            difference of Gaussians, "both" takes one or the other for each drawing.
        background: the product is told from a plain backdrop, its outline is drawn whole, and nothing beside it;
            without, every edge of the photo may be drawn.
        details: lines inside the outline are left out at random, short ones most often; without, all are drawn.
        warp: errors of proportion and a smooth deformation of the whole drawing.
        wobble: each stroke is shifted, and its corners are.
        simplify: strokes are polygons of few corners; without, they follow the edge pixel by pixel.
        redraw: strokes overshoot their ends, and some are drawn twice.
        width: pens of 1 to 3 pixels; without, always 2.
        smooth: strokes are curves instead of polygons, and the outline's teeth are gone.
        elaborate: fainter lines are looked for, more are drawn, and they reach further, so that they meet.
        subject: on a backdrop that is not plain, GrabCut tells the subject from the photo's margin.
        by_turns: every second drawing of a photo lacks `smooth`, `elaborate` and `subject`, and is of Canny edges where
            `edges` is "both": two hands that draw differently.
    """

    edges: EdgeFamily = "canny"
    background: bool = True
    details: bool = True
    warp: bool = True
    wobble: bool = True
    simplify: bool = True
    redraw: bool = True
    width: bool = True
    smooth: bool = False
    elaborate: bool = False
    subject: bool = False
    by_turns: bool = False

    def __post_init__(self) -> None:
        if self.edges not in EDGE_FAMILIES:
            raise ValueError(f"edges is {self.edges!r}; expected one of {', '.join(EDGE_FAMILIES)}.")

    def without(self, ingredients: Sequence[str]) -> Self:
        """The style with some ingredients switched off.

        Raises:
            ValueError: there is no ingredient of such a name.
        """
        unknown = sorted(set(ingredients) - set(INGREDIENTS))
        if unknown:
            raise ValueError(f"There is no ingredient {unknown[0]!r} to leave out; choose of {', '.join(INGREDIENTS)}.")
        changes: dict[str, Any] = dict.fromkeys(ingredients, False)
        return replace(self, **changes)

    def of_drawing(self, number: int) -> Self:
        """The style of one drawing of a photo; every one is of this style itself but for those `by_turns`."""
        if not self.by_turns or number % 2:
            return replace(self, by_turns=False)
        edges: EdgeFamily = "canny" if self.edges == "both" else self.edges
        return replace(self, by_turns=False, smooth=False, elaborate=False, subject=False, edges=edges)


INGREDIENTS = tuple(setting.name for setting in fields(SketchStyle) if setting.name not in {"edges", "by_turns"})
STYLES: dict[str, SketchStyle] = {
    "first": SketchStyle(),
    "person": SketchStyle(edges="both", smooth=True, elaborate=True, subject=True),
    "mixed": SketchStyle(edges="both", smooth=True, elaborate=True, subject=True, by_turns=True),
}


def get_style(name: str) -> SketchStyle:
    """A style by its name.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in STYLES:
        raise ValueError(f"There is no sketch style {name!r}; choose one of {', '.join(STYLES)}.")
    return STYLES[name]
