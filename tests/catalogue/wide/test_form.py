"""Changed forms: both facings, the floor stays level, and siblings change alike."""

import numpy as np

from catalogue.geometry import Part, Solid
from catalogue.items import design_item, group_of
from catalogue.primitives import box
from catalogue.wide.form import Change, changed, draw_change


def test_about_half_of_the_changes_mirror() -> None:
    signs = [np.linalg.det(draw_change(np.random.default_rng(seed)).matrix) < 0 for seed in range(200)]
    assert 70 < sum(signs) < 130


def test_a_taper_narrows_the_top_and_leaves_heights_alone() -> None:
    solid = Solid((Part("box", box((1.0, 1.0, 1.0))),))
    vertices = changed(solid, Change(np.eye(3), np.array([-0.4, 0.0]))).all_vertices()
    before = solid.all_vertices()
    assert np.allclose(vertices[:, 1], before[:, 1])
    upper, lower = vertices[before[:, 1] > 0.49], vertices[before[:, 1] < -0.49]
    assert np.ptp(upper[:, 0]) < 0.75 * np.ptp(lower[:, 0])
    assert np.isclose(np.ptp(upper[:, 2]), np.ptp(lower[:, 2]))


def test_siblings_are_changed_alike() -> None:
    """The toe of every shoe of a group points the same way."""
    families = len(design_item("train", 0, world="wide").world.families)
    for member in range(0, 16):
        group, place, _ = group_of(member)
        if place == 0:
            first = design_item("train", member * families, world="wide")
            second = design_item("train", (member + 1) * families, world="wide")
            assert first.group == second.group == group
            tips = [item.solid.parts[0].surface.vertices[:, 0].mean() > 0 for item in (first, second)]
            assert tips[0] == tips[1]
