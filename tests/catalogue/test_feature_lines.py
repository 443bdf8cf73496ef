"""Feature lines of simple solids are where geometry says, and hidden ones are known as such."""

import numpy as np

from catalogue.camera import frame
from catalogue.feature_lines import contour_chains, extract
from catalogue.geometry import Part, Solid
from catalogue.primitives import box, lathe
from catalogue.tracing import Tracer


def lines_of(solid: Solid, *, azimuth: float, elevation: float) -> tuple[list, object]:  # type: ignore[type-arg]
    camera = frame(solid.all_vertices(), azimuth=azimuth, elevation=elevation, perspective=0.0)
    return extract(solid, Tracer(solid), camera), camera


def test_a_box_seen_from_a_corner_shows_nine_of_its_twelve_edges() -> None:
    solid = Solid((Part("box", box((1.0, 1.0, 1.0), bevel=0.01)),))
    lines, _ = lines_of(solid, azimuth=40.0, elevation=30.0)
    assert sum(not line.hidden for line in lines) == 9
    assert sum(line.hidden for line in lines) == 3


def test_the_contour_of_a_sphere_is_a_circle_across_the_view() -> None:
    angle = np.linspace(-np.pi / 2, np.pi / 2, 40)
    ball = lathe(np.stack([np.cos(angle), np.sin(angle)], axis=1), sides=64)
    towards = np.broadcast_to(np.array([0.0, 0.0, 1.0]), ball.vertices.shape)
    points = np.concatenate(contour_chains(ball.vertices, ball.normals, ball.faces, towards))
    assert np.abs(points[:, 2]).max() < 0.02
    assert np.allclose(np.linalg.norm(points, axis=1), 1.0, atol=0.02)


def test_what_stands_behind_a_wall_is_hidden() -> None:
    wall = Part("wall", box((2.0, 2.0, 0.1)).moved(z=1.0))
    behind = Part("small", box((0.3, 0.3, 0.3)).moved(z=-1.0))
    lines, _ = lines_of(Solid((wall, behind)), azimuth=0.0, elevation=0.0)
    assert all(line.hidden for line in lines if line.part == 1)
    assert any(not line.hidden for line in lines if line.part == 0)


def test_only_the_outer_outline_counts_as_outline() -> None:
    plate = Part("plate", box((2.0, 2.0, 0.1)))
    badge = Part("badge", box((0.5, 0.5, 0.1)).moved(z=0.1))
    lines, _ = lines_of(Solid((plate, badge)), azimuth=0.0, elevation=0.0)
    outlines = [line.outline for line in lines if not line.hidden and line.part == 0 and len(line.points) > 20]
    assert max(outlines) > 0.9
    assert max(line.outline for line in lines if not line.hidden and line.part == 1) < 0.1
