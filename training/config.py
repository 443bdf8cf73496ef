"""The full configuration of a training run. Recipes return one; it is saved beside everything that the run writes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Self

from model.preprocess import Preprocessing


@dataclass(frozen=True)
class Augmentation:
    """How much training images are varied. Every number is the end of a symmetric range; 0 switches it off.

    Attributes:
        flip: photo and sketch are mirrored together with probability 0.5. They are never mirrored apart.
        rotation_degrees: photo and sketch are turned independently.
        scale: relative change of size, and separately of the aspect ratio.
        shift: translation, as a share of the image's side.
        sketch_warp: smooth deformation of the sketch, as a share of the side: a person's errors of proportion.
        sketch_erase: share of sketches of which one rectangle is missing: a drawing that is not finished.
        colour: relative change of brightness, contrast and saturation of the photo.
        grey: share of photos without colour.
    """

    flip: bool = True
    rotation_degrees: float = 8.0
    scale: float = 0.1
    shift: float = 0.05
    sketch_warp: float = 0.0
    sketch_erase: float = 0.0
    colour: float = 0.2
    grey: float = 0.0


@dataclass(frozen=True)
class TrainConfig:
    """One training run of the two-tower baseline.

    Attributes:
        recipe: the recipe this configuration came from.
        backbone: timm name of the encoder.
        weights: where the backbone starts: "pretrained", "random", or a path.
        embedding_dim: D of the joint space.
        shared_encoder: one encoder for both modalities instead of one each.
        preprocessing: how images become the encoders' input; travels into the bundle.
        epochs: passes over the training photos; each pass takes one random sketch of every photo.
        batch_size: photos (and sketches) in a batch; the other members of a batch are the negatives.
        learning_rate: peak of AdamW's one-cycle schedule.
        weight_decay: AdamW's.
        warmup_share: share of the steps in which the learning rate rises.
        temperature: divides the cosine similarities in the contrastive loss.
        label_smoothing: of the contrastive loss.
        category_weight: weight of a cross-entropy over the manifest's categories, on photos and sketches alike.
            From random weights the contrastive loss alone collapses to a constant embedding; with this it does not.
        ramp_steps: the contrastive loss is left out for so many steps and then rises to its full weight over as many.
        augmentation: how training images are varied.
        autocast_bf16: forward passes in bfloat16 where the device gains from it.
        validation_share: share of the training photos kept out of training to measure on; the test split never is.
        checkpoint_epochs: a checkpoint is written after every so many epochs, and after the last.
        seed: of weights, order and augmentation.
    """

    recipe: str
    backbone: str = "deit_tiny_patch16_224"
    weights: str = "pretrained"
    embedding_dim: int = 192
    shared_encoder: bool = True
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 1e-4
    weight_decay: float = 0.05
    warmup_share: float = 0.1
    temperature: float = 0.07
    label_smoothing: float = 0.1
    category_weight: float = 0.0
    ramp_steps: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    autocast_bf16: bool = True
    validation_share: float = 0.0
    checkpoint_epochs: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "embedding_dim", "checkpoint_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected at least 1.")
        for name in ("warmup_share", "validation_share", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a share from 0 to below 1.")
        if self.ramp_steps and not self.category_weight:
            raise ValueError(
                f"ramp_steps is {self.ramp_steps} but category_weight is 0: nothing would be learnt in those steps; "
                "set a category_weight or no ramp."
            )
        for name in ("temperature", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a number above 0.")

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` wrote."""
        plain = dict(values)
        plain["preprocessing"] = Preprocessing.from_dict(plain["preprocessing"])
        plain["augmentation"] = Augmentation(**plain["augmentation"])
        return cls(**plain)


def differences(old: object, new: object, *, prefix: str = "") -> list[str]:
    """Names every setting in which two configurations of one class differ, as "name: old -> new"."""
    found: list[str] = []
    for setting in fields(old):  # type: ignore[arg-type]
        before, after = getattr(old, setting.name), getattr(new, setting.name)
        if is_dataclass(before):
            found += differences(before, after, prefix=f"{prefix}{setting.name}.")
        elif before != after:
            found.append(f"{prefix}{setting.name}: {before} -> {after}")
    return found
