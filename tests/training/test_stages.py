from dataclasses import replace

import pytest

from training.recipes import get_recipe
from training.stages import _long_enough


@pytest.mark.parametrize(("photos", "steps_per_epoch", "epochs"), [(60, 1, 100), (640, 10, 10), (1812, 28, 8)])
def test_a_few_photos_are_passed_over_more_often(photos: int, steps_per_epoch: int, epochs: int) -> None:
    config = _long_enough(get_recipe("own-photos"), steps_per_epoch)
    assert config.epochs == epochs
    assert config.epochs / config.checkpoint_epochs <= 11


def test_recipes_without_a_least_number_of_steps_stay_as_they_are() -> None:
    config = replace(get_recipe("qmul-shoes"), checkpoint_epochs=3)
    assert _long_enough(config, 1) == config
