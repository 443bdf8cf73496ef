"""Recipes: each is a function that returns the full configuration of a run."""

from collections.abc import Callable
from dataclasses import replace

from model.preprocess import Preprocessing
from training.config import Augmentation, TrainConfig


def qmul_shoes() -> TrainConfig:
    """Two towers on QMUL-Shoe (304 training photos): a pretrained DeiT-Tiny shared by both modalities."""
    return TrainConfig(recipe="qmul-shoes", learning_rate=3e-4, augmentation=Augmentation(sketch_warp=0.02))


def sketchy_subset() -> TrainConfig:
    """As qmul-shoes, for many categories with few photos each."""
    return replace(qmul_shoes(), recipe="sketchy-subset")


def own_pairs() -> TrainConfig:
    """For one's own pairs: as qmul-shoes, with a tenth of the training photos kept to measure on."""
    return replace(qmul_shoes(), recipe="own-pairs", validation_share=0.1)


def catalogue() -> TrainConfig:
    """The demo bundle: a small RegNetX from random weights on the procedural catalogue, for any laptop."""
    return TrainConfig(
        recipe="catalogue",
        backbone="regnetx_002",
        weights="random",
        embedding_dim=128,
        preprocessing=Preprocessing(image_size_px=128),
        epochs=50,
        batch_size=96,
        learning_rate=2e-3,
        label_smoothing=0.05,
        category_weight=1.0,
        ramp_steps=60,
        augmentation=Augmentation(
            rotation_degrees=6.0, scale=0.08, shift=0.04, sketch_warp=0.03, sketch_erase=0.1, colour=0.3, grey=0.1
        ),
        validation_share=0.05,
        checkpoint_epochs=10,
    )


RECIPES: dict[str, Callable[[], TrainConfig]] = {
    recipe().recipe: recipe for recipe in (qmul_shoes, sketchy_subset, own_pairs, catalogue)
}


def recipe_lines() -> list[str]:
    """One line for each recipe: its name and the first sentence of its function's docstring."""
    width = max(map(len, RECIPES))
    return [f"{name:<{width}}  {(recipe.__doc__ or '').splitlines()[0]}" for name, recipe in RECIPES.items()]


def get_recipe(name: str) -> TrainConfig:
    """The configuration of a recipe.

    Raises:
        ValueError: there is no recipe of this name.
    """
    if name not in RECIPES:
        raise ValueError(f"There is no recipe {name!r}; choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]()
