"""What stands behind and below a product: coloured sweeps, wooden or stone floors with a wall."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import smoothstep
from catalogue.geometry import Array, Indices
from catalogue.materials import linear
from catalogue.textures import noise

# fmt: off
SWEEPS = (
    "f2f0ec", "e9e4da", "dfe5e6", "e6d9cf", "cfd8cf", "d9dde8", "efe3d3", "c8d3d9", "e3cfc8",
    "f6f5f2", "f0d9c6", "e8c4ae", "bfd0b4", "b3cbd8", "ecd9a4", "d6c3de", "f3e2e0", "cfe0d8",
)
# fmt: on
WALLS = ("efebe3", "dfe3e0", "d6dfe6", "ead8c9", "c6d2c6", "e3dcd3", "b4c6cc", "f0e4d2", "e6c9b8", "dcd0e2")
WOOD_FLOORS = ("b98d5e", "8a6040", "d2b48a", "a9805a")
STONE_FLOORS = ("cfccc5", "bdbbb6", "d8d2c7", "e2dfd8")


@dataclass(frozen=True)
class Backdrop:
    """A floor at y = 0 and what is behind it.

    Attributes:
        kind: "sweep" (one colour, no horizon), "wood" or "stone" (floor and wall).
        floor, wall: linear RGB (3,).
        turn: direction of planks, radians.
        scale: size of the object in metres; patterns follow it.
        wall_distance: metres behind the object's middle.
        glow: brightness of the pool of light behind the object, 0 to 1.
        gloss: how much the floor mirrors.
        scene: (n, n, 3) linear RGB, a picture that fills the image behind the object instead; None for none.
    """

    kind: str
    floor: Array
    wall: Array
    turn: float
    scale: float
    wall_distance: float
    glow: float
    gloss: float
    scene: Array | None = None


def draw_backdrop(rng: np.random.Generator, *, scale: float) -> Backdrop:
    """A random backdrop for an object of the given size in metres."""
    kind = str(rng.choice(["sweep", "sweep", "sweep", "wood", "stone"]))
    pool = {"sweep": SWEEPS, "wood": WOOD_FLOORS, "stone": STONE_FLOORS}[kind]
    floor = linear(str(rng.choice(pool))) * rng.uniform(0.95, 1.06)
    wall = floor if kind == "sweep" else linear(str(rng.choice(WALLS)))
    return Backdrop(
        kind,
        np.clip(floor, 0, 1),
        wall,
        float(rng.uniform(-0.6, 0.6)),
        scale,
        float(rng.uniform(0.75, 1.6)) * scale,
        float(rng.uniform(0.1, 0.3)),
        float(rng.uniform(0.0, 0.3)) if kind != "wood" else 0.15,
    )


@dataclass(frozen=True)
class Seen:
    """What n background rays see: colour (n, 3) before shadows, floor flag (n,), floor points (n, 3)."""

    colour: Array
    on_floor: Indices
    points: Array


def look(backdrop: Backdrop, origins: Array, directions: Array, image_points: Array) -> Seen:
    """Colours of the rays that miss the object; image_points (n, 2) place the pool of light."""
    down = directions[:, 1] < -1e-4
    distance = np.where(down, -origins[:, 1] / np.where(down, directions[:, 1], -1.0), 1e6)
    points = origins + distance[:, None] * directions
    behind = directions[:, [0, 2]].mean(axis=0)
    behind /= np.linalg.norm(behind)
    depth = points[:, 0] * behind[0] + points[:, 2] * behind[1]
    on_floor = down & (depth < (backdrop.wall_distance if backdrop.kind != "sweep" else 1e5))
    radius = np.hypot(image_points[:, 0] - 0.5, image_points[:, 1] - 0.45)
    pool = 1.0 + backdrop.glow * (1 - 2.0 * smoothstep(0.0, 0.8, radius))
    if backdrop.scene is not None:
        return Seen(_sampled(backdrop.scene, image_points), on_floor.astype(np.int64), points)
    if backdrop.kind == "sweep":
        rise = smoothstep(1.0, 0.0, image_points[:, 1])
        colour = backdrop.floor * (pool * (1.0 - 0.12 * rise))[:, None]
        return Seen(colour, on_floor.astype(np.int64), points)
    colour = np.empty((len(points), 3))
    colour[on_floor] = _floor(backdrop, points[on_floor])
    colour[~on_floor] = backdrop.wall
    height = np.where(on_floor, 0.0, origins[:, 1] + directions[:, 1] * 4 * backdrop.scale)
    skirting = np.where(on_floor, 1.0 - 0.25 * smoothstep(0.5, 1.0, depth / backdrop.wall_distance), 0.86)
    colour *= (pool * skirting * (1 + 0.02 * np.clip(height, 0, 1)))[:, None]
    return Seen(colour, on_floor.astype(np.int64), points)


def _sampled(scene: Array, image_points: Array) -> Array:
    """Colours (n, 3) of a picture at image coordinates (n, 2), linearly interpolated."""
    last = len(scene) - 1
    place = np.clip(image_points * last, 0, last - 1e-6)
    low = place.astype(np.int64)
    (x, y), t = low.T, place - low
    u, v = t[:, :1], t[:, 1:]
    upper = (1 - u) * scene[y, x] + u * scene[y, x + 1]
    lower = (1 - u) * scene[y + 1, x] + u * scene[y + 1, x + 1]
    return np.asarray((1 - v) * upper + v * lower, dtype=np.float64)


def _floor(backdrop: Backdrop, points: Array) -> Array:
    cosine, sine = np.cos(backdrop.turn), np.sin(backdrop.turn)
    along = (points[:, 0] * cosine + points[:, 2] * sine) / backdrop.scale
    across = (points[:, 2] * cosine - points[:, 0] * sine) / backdrop.scale
    flat = np.stack([along, np.zeros_like(along), across], axis=1)
    if backdrop.kind == "stone":
        cloud = 0.6 * noise(flat + 7.3, 3.0) + 0.4 * noise(flat, 14.0)
        grit = noise(flat, 90.0)
        return np.asarray(backdrop.floor * (0.86 + 0.2 * cloud + 0.06 * grit)[:, None], dtype=np.float64)
    plank = np.floor(across / 0.22)
    tint = np.modf(np.abs(np.sin(plank * 12.9898) * 43758.5))[0]
    flat[:, 0] += plank * 3.7
    grain = noise(flat, np.array([2.5, 1.0, 34.0])) * 0.6 + noise(flat, np.array([6.0, 1.0, 110.0])) * 0.4
    gap = np.abs(np.modf(across / 0.22 + 100.0)[0] - 0.5) * 2
    seam = 1.0 - 0.5 * smoothstep(0.965, 0.99, gap)
    return np.asarray(backdrop.floor * ((0.72 + 0.2 * tint + 0.3 * grain) * seam)[:, None], dtype=np.float64)
