"""Renders an item as a product photo: rays, light, colour, anti-aliased edges, tone and a little lens."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from catalogue.backdrops import Backdrop, look
from catalogue.camera import Camera
from catalogue.geometry import Array, Indices, Solid, dot
from catalogue.lighting import FloorLight, Light, floor_light, object_light
from catalogue.materials import Finish
from catalogue.shading import shade
from catalogue.tracing import Flags, Hits, Tracer

BURNT_OUT = 1.4  # brighter samples are nearly white anyway and would make edges jagged
# Eight rooks on an 8 x 8 board: sub-pixel positions of the extra rays at edges.
EDGE_OFFSETS = (np.array([(0, 3), (1, 6), (2, 1), (3, 4), (4, 7), (5, 2), (6, 5), (7, 0)]) + 0.5) / 8.0


@dataclass(frozen=True)
class Lens:
    """What the camera does to a picture.

    Attributes:
        vignette: how much darker the corners are.
        grain_seed: of the noise.
        noise: standard deviation of the noise, in display values from 0 to 1.
        exposure: factor on the light.
        blur: standard deviation of the blur, in image sizes.
    """

    vignette: float
    grain_seed: int
    noise: float = 0.006
    exposure: float = 1.3
    blur: float = 0.0


def draw_lens(rng: np.random.Generator) -> Lens:
    """A good camera with a random vignette."""
    return Lens(float(rng.uniform(0.08, 0.4)), int(rng.integers(2**31)))


@dataclass(frozen=True)
class Shot:
    """Everything a photo needs: the object, its materials, where it stands and how it is lit and framed."""

    solid: Solid
    finish: Finish
    camera: Camera
    backdrop: Backdrop
    light: Light
    lens: Lens


def render(shot: Shot, *, image_size_px: int = 384) -> Image.Image:
    """The photo, RGB, square."""
    return _Renderer(shot, image_size_px).image()


class _Renderer:
    def __init__(self, shot: Shot, size: int) -> None:
        self.shot, self.size = shot, size
        self.tracer = Tracer(shot.solid)
        self.bounds = shot.solid.bounds()
        self.reach = float(np.linalg.norm(self.bounds[1] - self.bounds[0]))
        self.floor: FloorLight = floor_light(self.tracer, self.bounds, shot.light)

    def image(self) -> Image.Image:
        size = self.size
        row, column = np.divmod(np.arange(size * size), size)
        pixels = np.stack([column, row], axis=1)
        places = (pixels + 0.5) / size
        origins, directions = self.shot.camera.rays(places)
        hits = self.tracer.cast(origins, directions)
        layer = self._object_layer(hits, origins, directions, pixels)
        edges = np.flatnonzero(self._edges(hits).ravel())
        plain = np.setdiff1d(np.arange(size * size), edges, assume_unique=True)
        linear = np.empty((size * size, 3))
        linear[plain] = self._colour(_take(hits, plain), places[plain], layer, plain)
        extra = (pixels[edges][:, None] + EDGE_OFFSETS[None]).reshape(-1, 2) / size
        owner = np.repeat(edges, len(EDGE_OFFSETS))
        fine = self.tracer.cast(*self.shot.camera.rays(extra))
        samples = np.minimum(self._colour(fine, extra, layer, owner), BURNT_OUT)
        linear[edges] = samples.reshape(-1, len(EDGE_OFFSETS), 3).mean(axis=1)
        return self._developed(linear.reshape(size, size, 3))

    def _object_layer(self, hits: Hits, origins: Array, directions: Array, pixels: Indices) -> Array:
        """(pixels, 2): smoothed light openness on the object, extended past its outline."""
        rows = np.flatnonzero(hits.hit)
        points = origins[rows] + hits.distance[rows, None] * directions[rows]
        openness = object_light(self.tracer, points, hits.normals[rows], pixels[rows], self.shot.light, self.reach)
        row, column = np.divmod(rows, self.size)
        top, left = max(int(row.min()) - 3, 0), max(int(column.min()) - 3, 0)
        window = np.s_[top : int(row.max()) + 4, left : int(column.max()) + 4]
        layer = np.ones((self.size, self.size, 2))
        layer.reshape(-1, 2)[rows] = openness
        weights = hits.hit.reshape(self.size, self.size).astype(np.float64)
        guide = hits.normals.reshape(self.size, self.size, 3)
        layer[window] = _guided_mean(layer[window], guide[window], weights[window])
        return layer.reshape(-1, 2)

    def _edges(self, hits: Hits) -> Flags:
        shape = (self.size, self.size)
        label = np.where(hits.hit, hits.parts, -1).reshape(shape)
        normals = hits.normals.reshape(*shape, 3)
        depth = np.where(hits.hit, hits.distance, 0.0).reshape(shape)
        edge = np.zeros(shape, dtype=bool)
        for axis in (0, 1):
            a, b = (slice(None, -1), slice(1, None)) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
            bent = dot(normals[a], normals[b]) < 0.92
            jump = np.abs(depth[a] - depth[b]) > 0.03 * self.reach
            differs = (label[a] != label[b]) | ((bent | jump) & (label[a] >= 0))
            edge[a] |= differs
            edge[b] |= differs
        return edge

    def _colour(self, hits: Hits, places: Array, layer: Array, owner: Indices) -> Array:
        shot = self.shot
        origins, directions = shot.camera.rays(places)
        colour = np.empty((len(places), 3))
        missed, on = np.flatnonzero(~hits.hit), np.flatnonzero(hits.hit)
        if len(missed):
            colour[missed] = self._background(origins[missed], directions[missed], places[missed])
        if len(on):
            colour[on] = shade(
                shot.solid,
                shot.finish,
                points=origins[on] + hits.distance[on, None] * directions[on],
                normals=hits.normals[on],
                view=directions[on],
                parts=hits.parts[on],
                openness=layer[owner[on]],
                light=shot.light,
                floor=np.minimum(shot.backdrop.floor, 1.0),
            )
        return colour

    def _background(self, origins: Array, directions: Array, places: Array) -> Array:
        seen = look(self.shot.backdrop, origins, directions, places)
        colour = seen.colour
        rows = np.flatnonzero(seen.on_floor)
        openness = self.floor.at(seen.points[rows])
        dimmed = (0.30 + 0.70 * openness[:, 1]) * (0.25 + 0.75 * openness[:, 0])
        colour[rows] *= dimmed[:, None]
        return colour

    def _developed(self, linear: Array) -> Image.Image:
        lens = self.shot.lens
        ticks = (np.arange(self.size) + 0.5) / self.size - 0.5
        radius = ticks[:, None] ** 2 + ticks[None] ** 2
        # Shading interpolated between sparse light samples may dip below zero in a tight corner.
        exposed = np.maximum(linear, 0.0) * (1.0 - lens.vignette * radius * 1.6)[..., None] * lens.exposure
        toned = (1.0 - np.exp(-1.45 * exposed)) ** 1.1  # a film-like shoulder: white things keep their shading
        noise = np.random.default_rng(lens.grain_seed).normal(0.0, lens.noise, (self.size, self.size, 1))
        display = np.clip(toned, 0, 1) ** (1 / 2.2) + noise
        image = Image.fromarray((np.clip(display, 0, 1) * 255 + 0.5).astype(np.uint8))
        return image.filter(ImageFilter.GaussianBlur(lens.blur * self.size)) if lens.blur else image


def _take(hits: Hits, rows: Indices) -> Hits:
    return Hits(hits.hit[rows], hits.distance[rows], hits.normals[rows], hits.parts[rows])


def _guided_mean(values: Array, guide: Array, weights: Array) -> Array:
    """Mean over a 5 x 5 window of pixels that face the same way; empty pixels take their neighbours' mean."""
    total, mass = values * weights[..., None], weights
    for axis in (0, 1):
        sums, counts = np.zeros_like(total), np.zeros_like(mass)
        for step, share in ((-2, 0.5), (-1, 1.0), (0, 1.0), (1, 1.0), (2, 0.5)):
            other = np.roll(guide, step, axis)
            alike = np.clip(dot(guide, other) * 4 - 3, 0, 1)
            weight = share * np.where(weights > 0, alike, 1.0) + 1e-6
            sums += np.roll(total, step, axis) * weight[..., None]
            counts += np.roll(mass, step, axis) * weight
        total, mass = sums, counts
    return total / np.maximum(mass, 1e-9)[..., None]
