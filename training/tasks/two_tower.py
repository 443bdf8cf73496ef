"""What is trained: a task holds networks and turns a batch into named losses. The loop knows nothing else of it.

This file: what all tasks share, and the two-tower baseline. Teacher and students: training/tasks/teacher.py
and training/tasks/students.py.
"""

from abc import ABC, abstractmethod
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.bundle import MODALITIES, Modality
from model.nets.encoder_network import EncoderNetwork
from training.config.run import TrainConfig
from training.data.pairs import Views
from training.distributed import gather
from training.tasks.losses import symmetric_info_nce

_CATEGORY_SCALE = 8.0  # unit-norm embeddings alone would give nearly equal logits


class Task(nn.Module, ABC):
    """Networks and their losses.

    With a `category_weight` a cross-entropy over the categories leads, and all other losses begin late: contrast alone
    collapses to a constant embedding where all images look alike to the encoder, as from random weights or, to a
    pretrained one, renderings do.

    Attributes:
        num_sketches: how many sketches of each photo a step needs.
        step: training steps so far, where there is a category loss.
    """

    num_sketches = 1
    step: Tensor

    def __init__(self, config: TrainConfig) -> None:
        """Takes what all tasks have in common from the configuration."""
        super().__init__()
        self._temperature = config.temperature
        self._label_smoothing = config.label_smoothing
        self._category_weight = config.category_weight
        self._ramp_steps = config.ramp_steps

    @abstractmethod
    def forward(self, views: Views) -> dict[str, Tensor]:
        """The losses of one batch, name -> scalar, weights included; their sum is minimised.

        With several processes `views` is this one's share, and the losses are those of the whole batch.
        """

    @abstractmethod
    def encoder(self, modality: Modality) -> nn.Module:
        """The network that embeds one modality by itself: (B, 3, S, S) -> (B, D) unit norm."""

    def create_category_head(self, dim: int, num_categories: int) -> None:
        """For embeddings of D dimensions; none where the configuration gives the category loss no weight."""
        if self._category_weight:
            self.category_head = nn.Linear(dim, num_categories)
            self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def with_category(self, losses: dict[str, Tensor], embeddings: Tensor, category: Tensor) -> dict[str, Tensor]:
        """The losses of a task with the category loss, or as they are where it has no weight.

        Args:
            losses: name -> scalar.
            embeddings: (2B, D) unit norm, of the photos and then of the sketches.
            category: (B,) int64.

        Returns:
            The losses, times 0 for the first `ramp_steps` training steps and then rising over as many, and "category".
        """
        if not self._category_weight:
            return losses
        logits = self.category_head(embeddings * _CATEGORY_SCALE)
        category_loss = F.cross_entropy(logits.float(), category.repeat(2))
        ramp = self._ramp()
        losses = {name: ramp * loss for name, loss in losses.items()}
        return losses | {"category": category_loss * self._category_weight}

    def _ramp(self) -> float:
        if self.training:
            self.step += 1
        return (
            1.0 if not self._ramp_steps else min(1.0, max(0.0, (int(self.step) - self._ramp_steps) / self._ramp_steps))
        )

    def probe(self, views: Views) -> dict[str, float]:  # noqa: ARG002 - for those that override it
        """Measurements beyond retrieval on one batch of pairs; {} by default."""
        return {}


class TwoTowerTask(Task):
    """The baseline: photo and sketch encoder (one, or one each) under symmetric InfoNCE within the batch."""

    def __init__(self, config: TrainConfig, *, num_categories: int) -> None:
        super().__init__(config)
        self.encoders = create_students(config)
        self._intra_weight = config.intra_weight
        self.num_sketches = 2 if config.intra_weight else 1
        self.create_category_head(config.embedding_dim, num_categories)

    def forward(self, views: Views) -> dict[str, Tensor]:
        """As `Task.forward`."""
        photos, sketches = embed_all(self.encoders, views)
        photo_embedding, sketch_embedding = gather(photos), gather(sketches[0])
        losses = {"contrastive": self._contrast(photo_embedding, sketch_embedding)}
        if self._intra_weight:
            losses["intra"] = self._intra_weight * self._contrast(sketch_embedding, gather(sketches[1]))
        return self.with_category(losses, torch.cat([photo_embedding, sketch_embedding]), gather(views.category))

    def _contrast(self, one: Tensor, other: Tensor) -> Tensor:
        return symmetric_info_nce(one, other, temperature=self._temperature, label_smoothing=self._label_smoothing)

    def encoder(self, modality: Modality) -> nn.Module:
        """As `Task.encoder`; the same object for both modalities when the encoder is shared."""
        return pick_encoder(self.encoders, modality)


def create_students(config: TrainConfig) -> nn.ModuleDict:
    """The encoders that will serve: under "shared", or one under each modality's name.

    Where the teacher will embed the photos, there is one for sketches alone.
    """
    names: tuple[str, ...] = ("shared",) if config.shared_encoder else MODALITIES
    if config.teacher and config.distillation.teacher_photos:
        names = ("sketch",)
    return nn.ModuleDict(
        {
            name: EncoderNetwork(
                config.backbone,
                embedding_dim=config.embedding_dim,
                image_size_px=config.preprocessing.image_size_px,
                weights=config.weights,
            )
            for name in names
        }
    )


def pick_encoder(encoders: nn.ModuleDict, modality: Modality) -> nn.Module:
    """The encoder of a modality; a shared one serves both."""
    return encoders["shared" if "shared" in encoders else modality]


def embed_pairs(encoders: nn.ModuleDict, views: Views) -> tuple[Tensor, Tensor]:
    """Embeds the photos and the first sketch of each: two (B, D), unit norm."""
    photos, sketches = embed_all(encoders, replace(views, sketch=views.sketch[:, :1]))
    return photos, sketches[0]


def embed_all(encoders: nn.ModuleDict, views: Views) -> tuple[Tensor, Tensor]:
    """Embeds the photos and all sketches of each: (B, D) and (V, B, D), unit norm."""
    # Convolutions run faster on this layout, on a CPU too.
    photo, sketch = (
        images.contiguous(memory_format=torch.channels_last)
        for images in (views.photo, views.sketch.transpose(0, 1).flatten(0, 1))
    )
    rows = (-1, len(photo))
    if "shared" not in encoders:
        return encoders["photo"](photo), encoders["sketch"](sketch).unflatten(0, rows)
    # A shared encoder takes both modalities in one batch: batch normalisation would otherwise train on the
    # statistics of each modality by itself and serve with a mixture that it has never seen.
    embeddings = encoders["shared"](torch.cat([photo, sketch]))
    return embeddings[: len(photo)], embeddings[len(photo) :].unflatten(0, rows)
