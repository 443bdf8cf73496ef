"""What is trained: a task holds the networks and turns a batch into named losses. The loop knows nothing else of it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.bundle import MODALITIES, Modality
from model.nets.student import Student
from training.config import TrainConfig
from training.losses import symmetric_info_nce

_CATEGORY_SCALE = 8.0  # unit-norm embeddings alone would give nearly equal logits


class TwoTowerTask(nn.Module):
    """The baseline: photo and sketch encoder (one, or one each) under symmetric InfoNCE within the batch."""

    step: Tensor

    def __init__(self, config: TrainConfig, *, num_categories: int) -> None:
        super().__init__()
        names = ("shared",) if config.shared_encoder else MODALITIES
        self.encoders = nn.ModuleDict({name: _student(config) for name in names})
        self._temperature = config.temperature
        self._label_smoothing = config.label_smoothing
        self._category_weight = config.category_weight
        self._ramp_steps = config.ramp_steps
        if config.category_weight:
            self.category_head = nn.Linear(config.embedding_dim, num_categories)
            self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, photo: Tensor, sketch: Tensor, category: Tensor) -> dict[str, Tensor]:
        """The losses of one batch of pairs; their sum is minimised.

        Args:
            photo: (B, 3, S, S).
            sketch: (B, 3, S, S), row i shows what row i of `photo` shows.
            category: (B,) int64.

        Returns:
            Name -> scalar, weights included.
        """
        photo_embedding, sketch_embedding = self._embed(photo, sketch)
        loss = symmetric_info_nce(
            photo_embedding,
            sketch_embedding,
            temperature=self._temperature,
            label_smoothing=self._label_smoothing,
        )
        if not self._category_weight:
            return {"contrastive": loss}
        logits = self.category_head(torch.cat([photo_embedding, sketch_embedding]) * _CATEGORY_SCALE)
        category_loss = F.cross_entropy(logits.float(), category.repeat(2))
        return {"contrastive": loss * self._ramp(), "category": category_loss * self._category_weight}

    def _ramp(self) -> float:
        """0 for the first `ramp_steps` training steps, then rising to 1 over as many."""
        if self.training:
            self.step += 1
        return (
            1.0 if not self._ramp_steps else min(1.0, max(0.0, (int(self.step) - self._ramp_steps) / self._ramp_steps))
        )

    def _embed(self, photo: Tensor, sketch: Tensor) -> tuple[Tensor, Tensor]:
        if self.encoder("photo") is not self.encoder("sketch"):
            return self.encoder("photo")(photo), self.encoder("sketch")(sketch)
        # A shared encoder takes both modalities in one batch: batch normalisation would otherwise train on the
        # statistics of each modality by itself and serve with a mixture that it has never seen.
        photo_embedding, sketch_embedding = self.encoder("photo")(torch.cat([photo, sketch])).chunk(2)
        return photo_embedding, sketch_embedding

    def encoder(self, modality: Modality) -> nn.Module:
        """The network that embeds one modality; the same object for both when the encoder is shared."""
        return self.encoders["shared" if "shared" in self.encoders else modality]


def _student(config: TrainConfig) -> Student:
    return Student(
        config.backbone,
        embedding_dim=config.embedding_dim,
        image_size_px=config.preprocessing.image_size_px,
        weights=config.weights,
    )
