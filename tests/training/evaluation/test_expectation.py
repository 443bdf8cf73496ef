from training.evaluation.expectation import sentences


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


def test_a_single_photo_is_not_said_to_be_certain() -> None:
    values = {"photos_held_out": 1, "drawings": 10, "gallery": 20, "acc@1": 20.0, "acc@10": 100.0}
    first, *_ = sentences(values | {"acc@1_95": None, "acc@10_95": None})
    assert "20 % of these drawings" in first
    assert first.endswith("a single photo tells nothing about others.")
