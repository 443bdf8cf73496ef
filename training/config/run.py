"""The full configuration of a training run. Recipes return one; it is saved beside everything that the run writes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Self

from model.from_json import from_json
from model.preprocess import Preprocessing
from training.config.sketch_style import SketchStyle
from training.config.xmodalvit import DistillationConfig, TeacherConfig


@dataclass(frozen=True)
class Augmentation:
    """How much training images are varied. Every number is the end of a symmetric range; 0 switches it off.

    Attributes:
        flip: photo and sketch are mirrored together with probability 0.5.
        flip_apart: with `flip`, photo and sketches are mirrored each by its own draw: which way a thing faces is then
            no part of what makes a pair.
        rotation_degrees: photo and sketch are turned independently.
        scale: relative change of size, and separately of the aspect ratio.
        shift: translation, as a share of the image's side.
        sketch_warp: smooth deformation of the sketch, as a share of the side: a person's errors of proportion.
        sketch_erase: share of sketches of which one rectangle is missing: a drawing that is not finished.
        sketch_drop: share of the connected parts of a sketch (all but the largest) that are left out.
        colour: relative change of brightness, contrast and saturation of the photo.
        grey: share of photos without colour.
    """

    flip: bool = True
    flip_apart: bool = False
    rotation_degrees: float = 8.0
    scale: float = 0.1
    shift: float = 0.05
    sketch_warp: float = 0.0
    sketch_erase: float = 0.0
    sketch_drop: float = 0.0
    colour: float = 0.2
    grey: float = 0.0


@dataclass(frozen=True)
class SmallImages:
    """A two-tower trained on small images, from which the run proper goes on with large ones.

    Progressive learning (Tan and Le, arXiv 2104.00298, section 4): most epochs are cheap ones. All that is not named
    here is as in `TrainConfig`.

    Attributes:
        image_size_px: side of the small images.
        epochs: passes over the training photos.
        learning_rate: as in `TrainConfig`.
    """

    image_size_px: int = 112
    epochs: int = 24
    learning_rate: float = 3e-4

    def __post_init__(self) -> None:
        if self.image_size_px < 1 or self.epochs < 1 or self.learning_rate <= 0:
            raise ValueError(
                f"small_images has image_size_px {self.image_size_px}, epochs {self.epochs} and learning_rate "
                f"{self.learning_rate}; expected at least 1, 1 and a number above 0."
            )


@dataclass(frozen=True)
class TrainConfig:
    """One training run: of the two-tower baseline, or, with `teacher`, of XModalViT's teacher and then its students.

    Attributes:
        recipe: the recipe this configuration came from.
        backbone: timm name of the encoder.
        weights: where the backbone starts: "pretrained", "random", or a path.
        embedding_dim: D of the joint space.
        shared_encoder: one encoder for both modalities instead of one each.
        preprocessing: how images become the encoders' input; travels into the bundle.
        weight_statistics: pixels get the mean and std that the weights at the start were trained with, instead of those
            in `preprocessing`; random weights have none.
        epochs: passes over the training photos; each pass takes one random sketch of every photo.
        min_steps: more passes are made where there are so few photos that `epochs` would give fewer steps than this.
        batch_size: photos (and sketches) in a batch; the other members of a batch are the negatives.
        category_group: how many photos of one category are put into a batch together, so that a category's other photos
            are among the negatives; 1 draws batches without regard to categories.
        learning_rate: peak of AdamW's one-cycle schedule.
        weight_decay: AdamW's.
        warmup_share: share of the steps in which the learning rate rises.
        temperature: divides the cosine similarities in the contrastive loss.
        label_smoothing: of the contrastive loss.
        category_weight: weight of a cross-entropy over the manifest's categories, on photos and sketches alike.
            From random weights the contrastive loss alone collapses to a constant embedding; with this it does not.
        ramp_steps: the contrastive loss is left out for so many steps and then rises to its full weight over as many.
        intra_weight: weight of a contrast between two sketches of the same photo, beside that of photo and sketch; of
            the two-tower.
        augmentation: how training images are varied.
        autocast_bf16: forward passes in bfloat16 where the device gains from it.
        pseudo_sketches: drawings to make of each photo when the data are photos alone; 0 where there are sketches.
        sketch_style: of those drawings.
        validation_share: share of the training photos kept out of training to measure on; the test split never is.
        validation_fold: which photos those are: with a share of 0.2, folds 0 to 4 are five different fifths.
        fitting_photos: train on so many photos only, the same ones for every seed, to see what more would bring; 0
            trains on all.
        checkpoint_epochs: a checkpoint is written after every so many epochs, and after the last.
        seed: of weights, order and augmentation.
        start: folder of a checkpoint whose encoders (of a two-tower or of students) are where this run begins.
        small_images: what is trained on smaller images first; None, a size that is not smaller, or a `start` trains on
            `preprocessing`'s size at once.
        teacher: XModalViT's teacher; None for the two-tower baseline.
        distillation: how students learn from that teacher; used when there is one.
    """

    recipe: str
    backbone: str = "deit_tiny_patch16_224"
    weights: str = "pretrained"
    embedding_dim: int = 192
    shared_encoder: bool = True
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    weight_statistics: bool = True
    epochs: int = 40
    min_steps: int = 0
    batch_size: int = 64
    category_group: int = 1
    learning_rate: float = 1e-4
    weight_decay: float = 0.05
    warmup_share: float = 0.1
    temperature: float = 0.07
    label_smoothing: float = 0.1
    category_weight: float = 0.0
    ramp_steps: int = 0
    intra_weight: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    autocast_bf16: bool = True
    pseudo_sketches: int = 0
    sketch_style: SketchStyle = field(default_factory=SketchStyle)
    validation_share: float = 0.0
    validation_fold: int = 0
    fitting_photos: int = 0
    checkpoint_epochs: int = 1
    seed: int = 0
    start: str | None = None
    small_images: SmallImages | None = None
    teacher: TeacherConfig | None = None
    distillation: DistillationConfig = field(default_factory=DistillationConfig)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "category_group", "embedding_dim", "checkpoint_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected at least 1.")
        for name in ("warmup_share", "validation_share", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a share from 0 to below 1.")
        if self.validation_fold and not 0 < self.validation_fold * self.validation_share < 1:
            raise ValueError(
                f"validation_fold is {self.validation_fold} and validation_share {self.validation_share}; folds count "
                "from 0, and there are as many as the share fits into 1."
            )
        if self.teacher and self.distillation.teacher_photos and self.shared_encoder:
            raise ValueError(
                "teacher_photos and shared_encoder are both on: the teacher embeds the photos, so there is no photo "
                "student; set shared_encoder to false."
            )
        if self.teacher and self.distillation.score_weight and self.teacher.num_blocks and not self.teacher.pair_weight:
            raise ValueError(
                "The distillation has a score_weight, and the teacher no pair_weight: it would teach scores of fused "
                "pairs that it never learnt; set teacher.pair_weight above 0, or distillation.score_weight to 0."
            )
        if self.ramp_steps and not self.category_weight:
            raise ValueError(
                f"ramp_steps is {self.ramp_steps} but category_weight is 0: nothing would be learnt in those steps; "
                "set a category_weight or no ramp."
            )
        for name in ("temperature", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a number above 0.")

    @property
    def begins_small(self) -> bool:
        """Whether small images come first."""
        small = self.small_images
        return self.start is None and small is not None and small.image_size_px < self.preprocessing.image_size_px

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` wrote; ValueError for what does not fit."""
        return from_json(cls, values)


def differences(old: object, new: object, *, prefix: str = "") -> list[str]:
    """Names every setting in which two configurations of one class differ, as "name: old -> new"."""
    found: list[str] = []
    for setting in fields(old):  # type: ignore[arg-type]
        before, after = getattr(old, setting.name), getattr(new, setting.name)
        if is_dataclass(before) and is_dataclass(after):
            found += differences(before, after, prefix=f"{prefix}{setting.name}.")
        elif before != after:
            found.append(f"{prefix}{setting.name}: {before} -> {after}")
    return found
