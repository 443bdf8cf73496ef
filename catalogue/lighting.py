"""Light on a product: soft key shadow, ambient occlusion, studio reflections; everything in linear RGB."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import smoothstep
from catalogue.geometry import Array, Indices, unit
from catalogue.tracing import Tracer

OBJECT_RAYS = 5
FLOOR_CELLS = 104
FLOOR_RAYS = 10
TILE = 4


@dataclass(frozen=True)
class Light:
    """A key light with a size, a warm or cool tint, and an exposure."""

    direction: Array
    softness: float
    tint: Array
    key: float
    ambient: float


def draw_light(rng: np.random.Generator, *, camera_azimuth: float) -> Light:
    """A key light above the camera's left or right shoulder."""
    side = float(rng.choice([-1.0, 1.0])) * rng.uniform(28, 65)
    around, above = np.radians(camera_azimuth + side), np.radians(rng.uniform(38, 62))
    direction = np.array([np.sin(around) * np.cos(above), np.sin(above), np.cos(around) * np.cos(above)])
    warmth = float(rng.uniform(-0.05, 0.08))
    tint = np.array([1.0 + warmth, 1.0, 1.0 - warmth])
    return Light(
        direction, float(rng.uniform(0.12, 0.3)), tint, float(rng.uniform(0.82, 1.0)), float(rng.uniform(0.42, 0.55))
    )


def sphere_directions(count: int) -> Array:
    """Evenly spread unit vectors (count, 3)."""
    k = np.arange(count) + 0.5
    height, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(turn), height, radius * np.sin(turn)], axis=1)


def tiled(pixels: Indices) -> Indices:
    """Which sample set each pixel (n, 2) uses: neighbours in a tile differ, so a tile's mean is smooth."""
    order = np.random.default_rng(5).permutation(TILE * TILE)
    return np.asarray(order[(pixels[:, 0] % TILE) * TILE + pixels[:, 1] % TILE], dtype=np.int64)


def object_light(tracer: Tracer, points: Array, normals: Array, pixels: Indices, light: Light, reach: float) -> Array:
    """(n, 2): openness of the surroundings and of the key light, each in [0, 1], noisy within a tile of pixels."""
    sets = TILE * TILE
    rng = np.random.default_rng(11)
    table = sphere_directions(sets * OBJECT_RAYS)[rng.permutation(sets * OBJECT_RAYS)].reshape(sets, OBJECT_RAYS, 3)
    chosen = table[tiled(pixels)]
    start = points + normals * (reach * 0.004)
    origins = np.repeat(start, OBJECT_RAYS, axis=0)
    outward = (normals[:, None] * 1.001 + chosen).reshape(-1, 3)
    openness = 1.0 - tracer.blocked(origins, outward, reach * 0.5).reshape(-1, OBJECT_RAYS).mean(axis=1)
    towards = (light.direction + light.softness * chosen).reshape(-1, 3)
    lit = 1.0 - tracer.blocked(origins, towards).reshape(-1, OBJECT_RAYS).mean(axis=1)
    return np.stack([openness, lit], axis=1)


@dataclass(frozen=True)
class FloorLight:
    """Shadow and contact darkening of the floor, on a grid around the object."""

    low: Array
    size: Array
    grid: Array

    def at(self, points: Array) -> Array:
        """(n, 2): openness of surroundings and key light at floor points (n, 3); 1 far away."""
        cells = self.grid.shape[0] - 1
        place = (points[:, [0, 2]] - self.low) / self.size * cells
        rows = np.flatnonzero(((place > 0) & (place < cells)).all(axis=1))
        near = place[rows]
        corner = near.astype(np.int64)
        t = near - corner
        x, z, u, v = corner[:, 0], corner[:, 1], t[:, :1], t[:, 1:]
        value = (1 - u) * (1 - v) * self.grid[x, z] + u * (1 - v) * self.grid[x + 1, z]
        value = value + (1 - u) * v * self.grid[x, z + 1] + u * v * self.grid[x + 1, z + 1]
        edge = np.abs(near / cells - 0.5).max(axis=1)[:, None]
        found = np.ones((len(points), 2))
        found[rows] = 1.0 - (1.0 - value) * (1.0 - smoothstep(0.36, 0.5, edge))
        return found


def floor_light(tracer: Tracer, bounds: Array, light: Light) -> FloorLight:
    """Light that reaches the floor around an object with the given bounds (2, 3)."""
    height = float(bounds[1, 1])
    reach = float(np.linalg.norm(bounds[1] - bounds[0]))
    throw = -light.direction[[0, 2]] / light.direction[1] * height
    corners = np.concatenate([bounds[:, [0, 2]], bounds[:, [0, 2]] + throw])
    margin = 0.3 * reach
    low, high = corners.min(axis=0) - margin, corners.max(axis=0) + margin
    ticks = np.linspace(0, 1, FLOOR_CELLS)
    x, z = np.meshgrid(low[0] + ticks * (high[0] - low[0]), low[1] + ticks * (high[1] - low[1]), indexing="ij")
    points = np.stack([x.ravel(), np.full(x.size, 1e-4 * reach), z.ravel()], axis=1)
    pixels = np.stack(np.meshgrid(np.arange(FLOOR_CELLS), np.arange(FLOOR_CELLS), indexing="ij"), -1).reshape(-1, 2)
    sets = TILE * TILE
    rng = np.random.default_rng(17)
    table = sphere_directions(sets * FLOOR_RAYS)[rng.permutation(sets * FLOOR_RAYS)].reshape(sets, FLOOR_RAYS, 3)
    chosen = table[tiled(pixels)]
    origins = np.repeat(points, FLOOR_RAYS, axis=0)
    upward = (np.array([0.0, 1.001, 0.0]) + chosen).reshape(-1, 3)
    towards = (light.direction + light.softness * chosen).reshape(-1, 3)
    openness = 1.0 - tracer.blocked(origins, upward, reach * 0.7).reshape(-1, FLOOR_RAYS).mean(axis=1)
    lit = 1.0 - tracer.blocked(origins, towards).reshape(-1, FLOOR_RAYS).mean(axis=1)
    grid: Array = np.stack([openness, lit], axis=1).reshape(FLOOR_CELLS, FLOOR_CELLS, 2)
    return FloorLight(low, high - low, tile_mean(grid))


def tile_mean(grid: Array) -> Array:
    """Mean over a tile-sized window, which averages all sample sets."""
    for axis in (0, 1):
        padded = np.concatenate([grid.take([0, 0], axis), grid, grid.take([-1, -1], axis)], axis)
        weights = (0.5, 1.0, 1.0, 1.0, 0.5)
        length = grid.shape[axis]
        shifted = np.stack([w * padded.take(range(k, k + length), axis) for k, w in enumerate(weights)])
        grid = shifted.sum(axis=0) / 4.0
    return grid


def studio(directions: Array, light: Light, floor: Array) -> Array:
    """Radiance (n, 3) of the surrounding studio for mirror directions: soft boxes, ceiling, floor."""
    up = directions[:, 1]
    base = 0.28 + 0.35 * smoothstep(-0.1, 1.0, up)
    towards = directions @ light.direction
    box = 2.6 * smoothstep(0.86, 0.95, towards)
    strip_direction = unit(np.array([-light.direction[0], 0.5, 0.2 - light.direction[2] * 0.3]))
    strip = 1.1 * smoothstep(0.86, 0.96, directions @ strip_direction)
    above = smoothstep(-0.12, 0.06, up)[:, None]
    return np.asarray((base + box + strip)[:, None] * light.tint * above + (1 - above) * floor * 0.7, dtype=np.float64)
