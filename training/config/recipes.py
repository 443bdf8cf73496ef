"""Recipes: each is a function that returns the full configuration of a run."""

from collections.abc import Callable
from dataclasses import replace

from model.preprocess import Preprocessing
from training.config.run import Augmentation, SmallImages, TrainConfig
from training.config.sketch_style import get_style
from training.config.xmodalvit import DistillationConfig, TeacherConfig


def qmul_shoes() -> TrainConfig:
    """Two towers on QMUL-Shoe (304 training photos): a pretrained DeiT-Tiny shared by both modalities."""
    return TrainConfig(recipe="qmul-shoes", learning_rate=3e-4, augmentation=Augmentation(sketch_warp=0.02))


def sketchy_subset() -> TrainConfig:
    """As qmul-shoes, for many categories with few photos each."""
    return replace(qmul_shoes(), recipe="sketchy-subset")


def own_pairs() -> TrainConfig:
    """For one's own pairs: as qmul-shoes, with a tenth of the training photos kept to measure on."""
    return replace(qmul_shoes(), recipe="own-pairs", validation_share=0.1)


def own_photos() -> TrainConfig:
    """Photos without a single sketch: the two-tower learns from pseudo-sketches of them, small images first."""
    return replace(
        qmul_shoes(),
        recipe="own-photos",
        epochs=8,
        min_steps=100,
        batch_size=128,
        learning_rate=2e-4,
        pseudo_sketches=10,
        sketch_style=get_style("mixed"),
        augmentation=Augmentation(sketch_warp=0.03, sketch_erase=0.2, scale=0.15, colour=0.4, grey=0.5),
        validation_share=0.05,
        small_images=SmallImages(image_size_px=112, epochs=24, learning_rate=3e-4),
    )


def own_photos_pairs() -> TrainConfig:
    """Whatever pairs exist, after own-photos: begins with that run's encoders (--start)."""
    return replace(qmul_shoes(), recipe="own-photos+pairs", learning_rate=1e-4, epochs=25)


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


def paper_shoe_v2() -> TrainConfig:
    """XModalViT on Shoe-V2 with the published sizes: teacher ViT-B/16, students ViT-Ti/16, 224 px, batches of 16.

    Published: backbones, dimension, blocks, heads, queues, batch, temperature, the three losses. Ours, not yet measured
    on this data: epochs, learning rate and schedule, augmentation, bfloat16 autocast, ImageNet-21k weights (timm's
    default for these backbones) and with them the mean and std of 0.5.
    """
    half = (0.5, 0.5, 0.5)
    return TrainConfig(
        recipe="paper-shoe-v2",
        backbone="vit_tiny_patch16_224",
        embedding_dim=768,
        shared_encoder=False,
        preprocessing=Preprocessing(image_size_px=224, mean=half, std=half),
        epochs=60,
        batch_size=16,
        learning_rate=5e-5,
        label_smoothing=0.0,
        augmentation=Augmentation(sketch_warp=0.02),
        teacher=TeacherConfig(backbone="vit_base_patch16_224", num_blocks=3, num_heads=3, queue_size=128, epochs=40),
        distillation=DistillationConfig(queue_size=256),
    )


def paper_chair_v2() -> TrainConfig:
    """The same on Chair-V2: a sixth of the photos, hence (ours) more passes over them."""
    shoe = paper_shoe_v2()
    assert shoe.teacher is not None
    return replace(shoe, recipe="paper-chair-v2", epochs=200, teacher=replace(shoe.teacher, epochs=120))


def paper_sketchy() -> TrainConfig:
    """XModalViT on Sketchy: students ViT-S/16 and queues of 64 as published.

    Ours: fewer passes over many more photos, and batches of four photos from each of four categories, because a photo
    is hard to tell from others of its own category only.
    """
    shoe = paper_shoe_v2()
    assert shoe.teacher is not None
    return replace(
        shoe,
        recipe="paper-sketchy",
        backbone="vit_small_patch16_224",
        epochs=20,
        category_group=4,
        teacher=replace(shoe.teacher, queue_size=64, epochs=10),
        distillation=DistillationConfig(queue_size=64),
    )


def two_tower(config: TrainConfig) -> TrainConfig:
    """The baseline: the same backbone, data and budget without a teacher."""
    return replace(config, teacher=None, distillation=DistillationConfig())


def xmodalvit_paper(config: TrainConfig) -> TrainConfig:
    """XModalViT as published: queues, three XMA blocks, separate students that see nothing but the fused targets.

    The paper-* recipes are that already, with backbones of their own, and stay as they are.
    """
    if config.recipe.startswith("paper-"):
        return config
    teacher = TeacherConfig(backbone=config.backbone, weights=config.weights, epochs=config.epochs)
    return replace(config, shared_encoder=False, teacher=teacher, distillation=DistillationConfig())


def xmodalvit(config: TrainConfig) -> TrainConfig:
    """XModalViT without the shortcut: the teacher must tell every fused pair of a batch from every other.

    A photo fused with another photo's sketch is a negative, so photos alone prove nothing. The teacher has one
    transformer for both modalities, and fusion begins as the identity: it starts where a two-tower does, and a term on
    its CLS tokens before fusion keeps it there. One student for both modalities learns the teacher's scores beside its
    own contrast; queues and XMRD are left out.
    """
    paper = xmodalvit_paper(config)
    assert paper.teacher is not None
    return replace(
        paper,
        shared_encoder=True,
        teacher=replace(
            paper.teacher, shared_encoder=True, start_unfused=True, unfused_weight=1.0, pair_weight=1.0, queue_size=0
        ),
        distillation=DistillationConfig(
            contrast_weight=0.0, distance_weight=0.0, angle_weight=0.0, direct_weight=1.0, score_weight=1.0
        ),
    )


def xmodalvit_unfused(config: TrainConfig) -> TrainConfig:
    """XModalViT for a student of a smaller backbone than its teacher: the teacher's embeddings before fusion teach it.

    The published losses (XAQC and XMRD) towards those embeddings, beside the student's own contrast. Worth having where
    the teacher knows more than the student could learn by itself; a student of the teacher's own backbone did worse.
    """
    return replace(xmodalvit(config), distillation=DistillationConfig(direct_weight=1.0, unfused_targets=True))


METHODS: dict[str, Callable[[TrainConfig], TrainConfig]] = {
    "two-tower": two_tower,
    "xmodalvit-paper": xmodalvit_paper,
    "xmodalvit": xmodalvit,
    "xmodalvit-unfused": xmodalvit_unfused,
}
RECIPES: dict[str, Callable[[], TrainConfig]] = {
    recipe().recipe: recipe
    for recipe in (
        qmul_shoes,
        sketchy_subset,
        own_pairs,
        own_photos,
        own_photos_pairs,
        catalogue,
        paper_shoe_v2,
        paper_chair_v2,
        paper_sketchy,
    )
}


def with_teacher_weights(config: TrainConfig, weights: str | None) -> TrainConfig:
    """Says where the teacher begins.

    Args:
        config: of a run.
        weights: as `TeacherConfig.weights`; None leaves them, which suits a teacher with the student's backbone.

    Raises:
        ValueError: there is no teacher, or no weights for its backbone: those of the student, a file or a random start,
            fit the student's backbone only.
    """
    teacher = config.teacher
    if weights and teacher is None:
        raise ValueError(
            f"--teacher-init is {weights}, but recipe {config.recipe} trains no teacher here; add --method xmodalvit, "
            "or leave it out."
        )
    if teacher is None:
        return config
    if weights:
        return replace(config, teacher=replace(teacher, weights=weights))
    if teacher.backbone != config.backbone and teacher.weights == config.weights != "pretrained":
        raise ValueError(
            f"The teacher is a {teacher.backbone}, the student a {config.backbone}, and there are only the student's "
            f"weights ({config.weights}); give the teacher's with --teacher-init: a file, pretrained or random."
        )
    return config


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
