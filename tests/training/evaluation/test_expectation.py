import numpy as np

from training.evaluation.expectation import interval_over_photos, sentences


def test_the_interval_is_over_photos_and_not_over_their_drawings() -> None:
    photos = np.repeat(np.arange(10), 20)
    hits = photos < 5  # all drawings of a photo share its fate: ten independent facts, not two hundred
    low, high = interval_over_photos(hits, photos)
    assert 10 <= low <= 30
    assert 70 <= high <= 90
    assert interval_over_photos(np.ones(20, bool), np.arange(20)) == [100.0, 100.0]


def test_a_small_measurement_says_that_it_is_one() -> None:
    values = {"photos_held_out": 6, "drawings": 30, "gallery": 1060, "acc@1": 53.3, "acc@10": 90.0}
    values |= {"acc@1_95": [30.0, 76.7], "acc@10_95": [80.0, 100.0]}
    first, *_ = sentences(values)
    assert "6 of your photos" in first
    assert "53 % (30–77) of these drawings find their photo first among 1,060 photos" in first
    assert "90 % (80–100) among the first ten" in first
    assert "wide because so few" in first
    assert "wide because" not in sentences(values | {"photos_held_out": 100})[0]


def test_it_says_that_people_draw_worse_than_a_tracing() -> None:
    values = {"photos_held_out": 6, "drawings": 30, "gallery": 60, "acc@1": 50.0, "acc@10": 90.0}
    said = " ".join(sentences(values | {"acc@1_95": [1.0, 2.0], "acc@10_95": [1.0, 2.0]}))
    assert "Real drawings are harder" in said
