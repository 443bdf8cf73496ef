"""Sketches of an item as different people would draw it, and their rasterisation."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from catalogue.camera import Camera, frame
from catalogue.feature_lines import FeatureLine, extract
from catalogue.geometry import Array, Solid
from catalogue.hand import drawn, simplified
from catalogue.items import STREAM_SKETCH, Item
from catalogue.skill import Skill
from catalogue.strokes import plan
from catalogue.tracing import Tracer

OVERSAMPLING = 3


@dataclass(frozen=True)
class Sketch:
    """A drawn sketch.

    Attributes:
        strokes: polylines (n, 2) in drawing order, coordinates in [0, 1], y down.
        pen_width: in image sizes.
        skill: who drew it.
    """

    strokes: tuple[Array, ...]
    pen_width: float
    skill: Skill


class Sketcher:
    """Draws any number of sketches of one item; the item's geometry is prepared once."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._tracer = Tracer(item.solid)

    def draw(self, number: int, *, skill: Skill | None = None) -> Sketch:
        """The number-th sketch of the item, always the same for the same number.

        Args:
            number: 0 and up; every number is another person.
            skill: who draws; drawn at random when not given.
        """
        rng = self._item.stream(STREAM_SKETCH, number)
        person = self._item.world.skill(rng) if skill is None else skill
        camera = _imagined_camera(self._item, person, rng)
        lines = extract(self._item.solid, self._tracer, camera, thin_radius=person.thin_radius)
        lines = _misproportioned(lines, self._item.solid, person, rng)
        planned = plan(lines, [part.level for part in self._item.solid.parts], person, rng)
        strokes = [stroke for each in planned for stroke in drawn(each.points, person, rng)]
        strokes = self._item.world.additions(strokes, rng)
        return Sketch(_placed(strokes, person, rng), person.pen_width, person)


def draw_sketch(item: Item, number: int, *, skill: Skill | None = None) -> Sketch:
    """The number-th sketch of an item; for many sketches of one item, keep a `Sketcher`."""
    return Sketcher(item).draw(number, skill=skill)


def _imagined_camera(item: Item, skill: Skill, rng: np.random.Generator) -> Camera:
    """The view a person has in mind: the photo's, with errors, sometimes flat or without perspective."""
    view, views = item.view, item.family.views
    azimuth = view.azimuth + float(np.clip(rng.normal(0, skill.view_error_degrees), -20, 20))
    elevation = view.elevation + float(np.clip(rng.normal(0, 0.6 * skill.view_error_degrees), -12, 15))
    if rng.random() < skill.flat_view:
        azimuth = views.flat_azimuth_degrees + float(rng.normal(0, 4))
        elevation = float(rng.uniform(*views.elevation_sketch_degrees))
    perspective = 0.0 if rng.random() < skill.parallel_view else view.perspective * float(rng.uniform(0.6, 1.4))
    points = item.solid.all_vertices()
    return frame(
        points,
        azimuth=azimuth,
        elevation=elevation if item.family.hangs else max(elevation, 1.0),
        perspective=perspective,
        fill=0.8,
    )


def _misproportioned(
    lines: list[FeatureLine], solid: Solid, skill: Skill, rng: np.random.Generator
) -> list[FeatureLine]:
    """Lines with every part a little too large or small, and a little off its place."""
    kinds = {part.name.rstrip("0123456789 ") for part in solid.parts}
    scales = {kind: np.exp(rng.normal(0, skill.part_scale, 2)) for kind in sorted(kinds)}
    shifts = rng.normal(0, skill.part_shift, (len(solid.parts), 2))
    centres = {
        k: np.concatenate([each.points for each in lines if each.part == k]).mean(axis=0)
        for k in {each.part for each in lines}
    }
    changed = []
    for each in lines:
        scale = scales[solid.parts[each.part].name.rstrip("0123456789 ")]
        centre = centres[each.part]
        moved = centre + (each.points - centre) * (1 + 0.6 * (scale - 1)) + shifts[each.part]
        changed.append(replace(each, points=moved))
    return changed


def _placed(strokes: list[Array], skill: Skill, rng: np.random.Generator) -> tuple[Array, ...]:
    """Strokes warped as a whole, put somewhere in the frame, thinned to the points they need."""
    if not strokes:
        return ()
    ratio = float(np.clip(rng.normal(0, skill.anisotropy), -0.3, 0.3))
    stretch = np.exp(np.array([-ratio, ratio]) / 2)
    lean = float(rng.normal(0, 0.5 * skill.warp))
    knots = rng.normal(0, skill.warp, (4, 4, 2))
    bent = []
    for stroke in strokes:
        centred = (stroke - 0.5) * stretch
        centred = centred + np.stack([lean * centred[:, 1], 0.3 * lean * centred[:, 0]], axis=1)
        bent.append(centred + _warp(centred, knots))
    everything = np.concatenate(bent)
    low, high = everything.min(axis=0), everything.max(axis=0)
    scale = float(rng.uniform(0.66, 0.92)) / max(float((high - low).max()), 1e-6)
    room = (1 - (high - low) * scale) / 2
    middle = 0.5 + rng.uniform(-0.6, 0.6, 2) * np.clip(room - 0.03, 0, None)
    return tuple(simplified((stroke - (low + high) / 2) * scale + middle, 0.0008) for stroke in bent)


def _warp(points: Array, knots: Array) -> Array:
    """Smooth displacement (n, 2) interpolated from a 4 x 4 grid of knots over [-0.5, 0.5]."""
    place = np.clip((points + 0.5) * 3, 0, 3 - 1e-9)
    cell = place.astype(np.int64)
    t = place - cell
    t = t * t * (3 - 2 * t)
    u, v = t[:, :1], t[:, 1:]
    x, y = cell[:, 0], cell[:, 1]
    upper = (1 - u) * knots[x, y] + u * knots[x + 1, y]
    lower = (1 - u) * knots[x, y + 1] + u * knots[x + 1, y + 1]
    return np.asarray((1 - v) * upper + v * lower, dtype=np.float64)


def rasterise(
    strokes: tuple[Array, ...] | list[Array], *, image_size_px: int = 288, pen_width_px: float = 2.5
) -> Image.Image:
    """Black strokes on white, mode "L", anti-aliased, with round ends.

    Args:
        strokes: polylines (n, 2) in [0, 1].
        image_size_px: side of the image.
        pen_width_px: line width.
    """
    side = image_size_px * OVERSAMPLING
    width = max(1, round(pen_width_px * OVERSAMPLING))
    image = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(image)
    radius = (width - 1) / 2
    for stroke in strokes:
        path = [(float(x) * side, float(y) * side) for x, y in stroke]
        pen.line(path, fill=0, width=width, joint="curve")
        for x, y in (path[0], path[-1]):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    return image.resize((image_size_px, image_size_px), Image.Resampling.BOX)
