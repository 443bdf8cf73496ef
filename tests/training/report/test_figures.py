import io

import numpy as np
import pytest
from PIL import Image

from training.report.figures import loss_plot, principal_plane
from training.report.runs import Curve


def curve(values: list[float]) -> Curve:
    return Curve(np.arange(1.0, len(values) + 1), np.array(values))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), int)


def test_the_plane_holds_the_two_directions_of_most_variance() -> None:
    random = np.random.default_rng(0)
    points = (random.standard_normal((60, 5)) * [0.1, 4, 0.2, 2, 0.1]).astype(np.float32) + 7
    photos, sketches, share = principal_plane(points[:20], points[20:])
    covariance = np.cov(points.T.astype(float))
    spread = np.sort(np.linalg.eigvalsh(covariance))[::-1]
    assert photos.shape == (20, 2)
    assert sketches.shape == (40, 2)
    np.testing.assert_allclose(np.concatenate([photos, sketches]).var(axis=0, ddof=1), spread[:2], rtol=1e-6)
    assert share == pytest.approx(spread[:2].sum() / spread.sum() * 100)


def test_points_that_do_not_differ_have_a_plane_all_the_same() -> None:
    photos, _, share = principal_plane(np.ones((3, 4), np.float32), np.ones((2, 4), np.float32))
    assert not photos.any()
    assert share == 0


def test_a_plot_is_the_same_picture_on_a_light_and_on_a_dark_ground() -> None:
    plot = loss_plot({"baseline": {"total": curve([3, 2, 1.25])}})
    light, dark = pixels(plot.light), pixels(plot.dark)
    assert light.shape == dark.shape
    assert np.median(light) == 255
    assert np.median(dark) < 40
    assert dark.max() > 180


def test_a_plot_says_in_words_what_it_shows() -> None:
    curves = {"total": curve([3, 2]), "angle": curve([1, 1]), "distance": curve([2, 1])}
    plot = loss_plot({"teacher": {"total": curve([4, 0.5])}, "students": curves})
    assert plot.says == "teacher: total loss ends at 0.5; students: total loss ends at 2"
    assert pixels(plot.light).shape[1] > pixels(loss_plot({"students": curves}).light).shape[1]


def test_a_name_with_formula_signs_is_printed_as_it_is() -> None:
    assert loss_plot({"students": {"total": curve([1]), "a$b": curve([1]), "c$\\bad": curve([2])}}).light
