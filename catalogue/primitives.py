"""The few solids everything is built of: grid surfaces, lathe, tube, bevelled box and beam, slab, loft.

Each returns a Surface that carries its own drawn lines (sharp edges, rims, end circles).
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from catalogue.curves import arc_lengths
from catalogue.geometry import Array, Indices, Surface, merge, unit

SHARP_CORNER_DEGREES = 35.0


def grid_faces(rows: int, columns: int) -> Indices:
    """Two triangles per cell of a rows x columns grid of vertices."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    return np.concatenate([np.stack(t, axis=-1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])


def grid_surface(grid: Array, *, closed: bool = False, lines: Sequence[Array] = ()) -> Surface:
    """A smooth surface through a grid of points (rows, columns, 3).

    Args:
        grid: points; with `closed`, the last column repeats the first and normals agree across the seam.
        closed: whether columns run around.
        lines: the drawn lines of the surface.
    """
    if closed:
        wide = np.concatenate([grid[:, -2:-1], grid, grid[:, 1:2]], axis=1)
        across = wide[:, 2:] - wide[:, :-2]
    else:
        across = np.gradient(grid, axis=1)
    along = np.gradient(grid, axis=0)
    normals = np.cross(across, along)
    for row in (0, -1):  # a pole has no direction across: borrow its neighbour's normal
        if np.linalg.norm(normals[row], axis=-1).max() < 1e-12:
            normals[row] = normals[1 if row == 0 else -2].mean(axis=0)
    rows, columns = grid.shape[:2]
    return Surface(grid.reshape(-1, 3), unit(normals).reshape(-1, 3), grid_faces(rows, columns), tuple(lines))


def smooth_pieces(profile: Array) -> list[Array]:
    """A polyline cut at its sharp corners."""
    steps = unit(np.diff(profile, axis=0))
    turns = np.degrees(np.arccos(np.clip((steps[1:] * steps[:-1]).sum(axis=1), -1, 1)))
    cuts = [0, *(np.flatnonzero(turns > SHARP_CORNER_DEGREES) + 1).tolist(), len(profile) - 1]
    return [profile[a : b + 1] for a, b in itertools.pairwise(cuts)]


def lathe(profile: Array, *, sides: int = 48, squash: float = 1.0) -> Surface:
    """A surface of revolution about the y axis.

    Args:
        profile: (n, 2) of (radius, y) from one end to the other; corners sharper than 35 degrees are edges.
        sides: segments around.
        squash: scale of z, for oval bodies.
    """
    angle = np.linspace(0.0, 2 * np.pi, sides + 1)
    ring = np.stack([np.cos(angle), np.ones_like(angle), squash * np.sin(angle)], axis=1)
    surfaces = []
    pieces = smooth_pieces(profile)
    for number, piece in enumerate(pieces):
        lifted = np.stack([piece[:, 0], piece[:, 1], piece[:, 0]], axis=1)
        rims = [lifted[-1] * ring] if piece[-1, 0] > 1e-6 else []
        if number == 0 and piece[0, 0] > 1e-6:
            rims.insert(0, lifted[0] * ring)
        surfaces.append(grid_surface(lifted[:, None, :] * ring[None], closed=True, lines=rims))
    return merge(surfaces)


def frames(path: Array, up: Sequence[float]) -> tuple[Array, Array]:
    """Two unit vectors (n, 3) across the path: sideways and upwards, turning as little as possible."""
    tangents = unit(np.gradient(path, axis=0))
    upward = np.empty_like(path)
    current = np.asarray(up, dtype=np.float64)
    if abs(float(unit(current) @ tangents[0])) > 0.95:
        current = np.array([1.0, 0.0, 0.0]) if abs(tangents[0, 0]) < 0.9 else np.array([0.0, 0.0, 1.0])
    for row, tangent in enumerate(tangents):
        current = unit(current - (current @ tangent) * tangent)
        upward[row] = current
    return np.cross(tangents, upward), upward


def tube(
    path: Array,
    radius: float | Array,
    *,
    flatness: float = 1.0,
    up: Sequence[float] = (0.0, 1.0, 0.0),
    sides: int = 14,
    power: float = 2.0,
    closed: bool = False,
) -> Surface:
    """A round or flat bar along a path.

    Args:
        path: (n, 3) centre line.
        radius: half width sideways, one or per point (n,).
        flatness: half height (towards `up`) relative to the radius; small values give straps.
        up: direction that stays upwards at the start.
        sides: segments around.
        power: 2 is an ellipse, 8 nearly a rectangle.
        closed: the path ends where it starts, so there are no caps.
    """
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(path))
    sideways, upward = frames(path, up)
    angle = np.linspace(0.0, 2 * np.pi, sides + 1)
    scale = (np.abs(np.cos(angle)) ** power + np.abs(np.sin(angle)) ** power) ** (-1.0 / power)
    across, above = np.cos(angle) * scale, np.sin(angle) * scale * flatness
    ring = sideways[:, None] * across[None, :, None] + upward[:, None] * above[None, :, None]
    grid = path[:, None] + radii[:, None, None] * ring
    surface = grid_surface(grid, closed=True)
    if not closed:
        caps = [disc(grid[0]), disc(grid[-1])]
        thick = [grid[0], grid[-1]] if float(radii.min()) * min(1.0, flatness) > 1e-4 else []
        surface = replace(merge([surface, *caps]), lines=tuple(thick))
    return replace(surface, axis=path, axis_radius=float(radii.mean()))


def disc(outline: Array) -> Surface:
    """A flat cap over a closed, nearly convex outline (n, 3); it draws no line of its own."""
    centre = outline[:-1].mean(axis=0)
    normal = unit(np.cross(outline[:-1] - centre, outline[1:] - centre).sum(axis=0))
    vertices = np.concatenate([outline, centre[None]])
    ring = np.arange(len(outline) - 1)
    faces = np.stack([ring, ring + 1, np.full_like(ring, len(outline))], axis=1)
    return Surface(vertices, np.tile(normal, (len(vertices), 1)), faces, contours=False)


def box(size: Sequence[float], *, bevel: float = 0.003) -> Surface:
    """A bevelled box centred on the origin; its twelve edges are its lines."""
    half = np.asarray(size, dtype=np.float64) / 2
    bevel = min(bevel, 0.45 * float(half.min()))
    inner = half - bevel
    pieces = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for sign in (-1.0, 1.0):
            ticks_u = np.array([-half[u], -inner[u], inner[u], half[u]])
            ticks_v = np.array([-half[v], -inner[v], inner[v], half[v]])
            cube = np.zeros((4, 4, 3))
            cube[..., u], cube[..., v] = np.meshgrid(ticks_u, ticks_v, indexing="ij")
            cube[..., axis] = sign * half[axis]
            core = np.clip(cube, -inner, inner)
            normals = unit(cube - core)
            vertices = (core + bevel * normals).reshape(-1, 3)
            pieces.append(Surface(vertices, normals.reshape(-1, 3), grid_faces(4, 4), contours=False))
    return replace(merge(pieces), lines=box_edges(half - bevel * (1 - 0.7071)), contours=False)


def box_edges(half: Array) -> tuple[Array, ...]:
    """The twelve edges of a box with the given half sizes (3,), each (9, 3)."""
    edges = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for sign_u in (-1.0, 1.0):
            for sign_v in (-1.0, 1.0):
                edge = np.zeros((9, 3))
                edge[:, axis] = np.linspace(-half[axis], half[axis], 9)
                edge[:, u], edge[:, v] = sign_u * half[u], sign_v * half[v]
                edges.append(edge)
    return tuple(edges)


def beam(
    start: Sequence[float],
    end: Sequence[float],
    width: float,
    depth: float,
    *,
    taper: float = 1.0,
    bevel: float = 0.003,
    facing: Sequence[float] = (0.0, 0.0, 1.0),
) -> Surface:
    """A bevelled bar from start to end; `taper` scales the section at the end; `facing` is where depth points."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    length = float(np.linalg.norm(b - a))
    along = (b - a) / length
    towards = np.asarray(facing, dtype=np.float64)
    towards = unit(towards - (towards @ along) * along)
    sideways = np.cross(along, towards)
    bar = box((width, length, depth), bevel=bevel)

    def shaped(vertices: Array) -> Array:
        scale = 1.0 + (taper - 1.0) * (vertices[:, 1:2] / length + 0.5)
        return np.asarray(vertices * np.concatenate([scale, np.ones_like(scale), scale], axis=1), dtype=np.float64)

    bar = replace(bar, vertices=shaped(bar.vertices), lines=tuple(shaped(edge) for edge in bar.lines))
    placed = bar.mapped(np.stack([sideways, along, towards], axis=1), (a + b) / 2)
    axis = np.linspace(a, b, 9)
    return replace(placed, axis=axis, axis_radius=(width + depth) / 4 * (1 + taper) / 2)


def slab(outline: Array, thickness: float, *, bevel: float = 0.004, dome: float = 0.0) -> Surface:
    """A horizontal plate with a closed outline (n, 2) in x and z, its top at y = 0.

    Args:
        outline: closed and nearly convex.
        thickness: height.
        bevel: rounding of the upper and lower edge.
        dome: how far the middle of the top rises, for cushions.
    """
    bevel = min(bevel, 0.45 * thickness)
    centre = outline[:-1].mean(axis=0)
    reach = float(np.abs(outline - centre).max())
    turn = np.linspace(0.0, np.pi / 2, 4)
    inset = np.concatenate([bevel * (1 - np.sin(turn)), bevel * (1 - np.cos(turn))])
    heights = np.concatenate([bevel * (np.cos(turn) - 1), -thickness + bevel * (1 - np.sin(turn))])
    rings = [
        _ring(centre + (outline - centre) * (1 - amount / reach), height)
        for amount, height in zip(inset, heights, strict=True)
    ]
    side = grid_surface(np.stack(rings), closed=True)
    top = _dome(rings[0], dome)
    edge_lines = [rings[2], rings[5]]
    corners = [np.stack([ring[k] for ring in rings[2:6]]) for ring in rings[:1] for k in _corner_rows(outline)]
    return merge([side.with_lines(edge_lines + corners), top, disc(rings[-1])])


def _ring(outline: Array, height: float) -> Array:
    return np.stack([outline[:, 0], np.full(len(outline), height), outline[:, 1]], axis=1)


def _corner_rows(outline: Array) -> list[int]:
    steps = unit(np.diff(np.concatenate([outline, outline[1:2]]), axis=0))
    turns = np.degrees(np.arccos(np.clip((steps[1:] * steps[:-1]).sum(axis=1), -1, 1)))
    return [int(k) + 1 for k in np.flatnonzero(turns > SHARP_CORNER_DEGREES)]


def _dome(ring: Array, rise: float) -> Surface:
    if rise == 0.0:
        return disc(ring)
    centre = ring[:-1].mean(axis=0)
    scale = np.cos(np.linspace(0.0, np.pi / 2, 7))
    rows = [centre + (ring - centre) * s + np.array([0.0, rise * (1 - s**2.2), 0.0]) for s in scale]
    return replace(grid_surface(np.stack(rows), closed=True), contours=True)


def loft(rings: Array, *, caps: tuple[bool, bool] = (True, True), lines: Sequence[Array] | None = None) -> Surface:
    """A closed body through rings (k, n, 3) whose first and last point agree; default lines are the capped rims."""
    ends = [rings[0]] * caps[0] + [rings[-1]] * caps[1]
    skin = grid_surface(rings, closed=True, lines=ends if lines is None else lines)
    return merge([skin, *(disc(ring) for ring in ends)])


def sheet(grid: Array, thickness: float, *, outline: bool = True) -> Surface:
    """A thin curved sheet: the grid (rows, columns, 3) and a copy moved inwards along the normals."""
    front = grid_surface(grid)
    back_grid = grid - thickness * front.normals.reshape(grid.shape)
    border = _border(grid)
    rim = grid_surface(np.stack([border, _border(back_grid)]))
    lines = [grid[0], grid[-1], grid[:, 0], grid[:, -1]] if outline else []
    return replace(merge([front, grid_surface(back_grid), rim]), lines=tuple(lines), line_depth=1.5 * thickness)


def _border(grid: Array) -> Array:
    return np.concatenate([grid[0], grid[1:, -1], grid[-1, -2::-1], grid[-2::-1, 0]])


def rows_along(profile: Array, spacing: float) -> int:
    """How many rows a profile needs at the given spacing, at least 8."""
    return max(8, int(arc_lengths(profile)[-1] / spacing))
