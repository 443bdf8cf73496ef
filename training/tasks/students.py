"""XModalViT's students (arXiv 2210.10486) as a task: the encoders to serve, taught by a frozen teacher."""

from typing import Self

import torch
from torch import Tensor, nn

from model.bundle import MODALITIES, Modality
from model.nets.teacher import Tokens, unit_norm
from training.config.run import TrainConfig
from training.config.xmodalvit import TeacherConfig
from training.data.pairs import Views
from training.distributed import gather
from training.tasks.key_queue import KeyQueues
from training.tasks.losses import relational_angle, relational_distance, score_divergence, symmetric_info_nce
from training.tasks.teacher import TeacherEncoder, create_teacher, gather_tokens
from training.tasks.two_tower import Task, create_students, embed_pairs, pick_encoder


class StudentsTask(Task):
    """One student for each modality (or one for both), taught by the frozen teacher's targets.

    Each modality's student learns from images of its own modality and its own target: f_p from photos and t_p, f_s
    from sketches and t_s. With `teacher_photos` the teacher itself stands in for f_p, and f_s alone learns.
    """

    def __init__(self, config: TrainConfig, settings: TeacherConfig, *, num_categories: int) -> None:
        """Builds students and an untrained teacher.

        Raises:
            ValueError: the students' embedding dimension is not the teacher's.
        """
        super().__init__(config)
        self.teacher = create_teacher(config, settings).requires_grad_(False)
        if config.embedding_dim != self.teacher.dim:
            raise ValueError(
                f"embedding_dim is {config.embedding_dim} but the teacher {settings.backbone} gives targets of "
                f"{self.teacher.dim} dimensions; set embedding_dim to that."
            )
        self.encoders = create_students(config)
        self.create_category_head(config.embedding_dim, num_categories)
        self._settings = config.distillation
        self._taught: tuple[Modality, ...] = ("sketch",) if self._settings.teacher_photos else MODALITIES
        self.queues = KeyQueues(self._settings.queue_size, self.teacher.dim)

    def train(self, mode: bool = True) -> Self:
        """As of any module, but the teacher stays as it is served: frozen and in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, views: Views) -> dict[str, Tensor]:
        """As `Task.forward`."""
        with torch.no_grad():
            photos, sketches = self._teacher_tokens(views)
            targets = dict(zip(MODALITIES, map(gather, self._targets(photos, sketches)), strict=True))
        outputs = dict(zip(MODALITIES, map(gather, self._embed(views, photos)), strict=True))
        settings, losses, item = self._settings, {}, gather(views.item)
        if settings.contrast_weight:
            for modality in self._taught:
                contrast = self._contrast(modality, outputs[modality], targets[modality], item)
                losses[f"contrast_{modality}"] = settings.contrast_weight * contrast
        student, teacher = torch.cat(list(outputs.values())), torch.cat(list(targets.values()))
        if settings.distance_weight:
            losses["distance"] = settings.distance_weight * relational_distance(student, teacher)
        if settings.angle_weight:
            losses["angle"] = settings.angle_weight * relational_angle(student, teacher)
        if settings.score_weight:
            scores = outputs["photo"] @ outputs["sketch"].T
            with torch.no_grad():
                wanted = self.teacher.score_pairs(gather_tokens(photos), gather_tokens(sketches))
            losses["scores"] = settings.score_weight * score_divergence(scores, wanted, temperature=self._temperature)
        if settings.direct_weight:
            losses["direct"] = settings.direct_weight * symmetric_info_nce(
                outputs["photo"],
                outputs["sketch"],
                temperature=self._temperature,
                label_smoothing=self._label_smoothing,
            )
        return self.with_category(losses, student, gather(views.category))

    def encoder(self, modality: Modality) -> nn.Module:
        """As `Task.encoder`; the same object for both modalities when the student is shared."""
        if modality not in self._taught:
            return TeacherEncoder(self.teacher, modality)
        return pick_encoder(self.encoders, modality)

    def _embed(self, views: Views, photos: Tokens) -> tuple[Tensor, Tensor]:
        if "photo" in self._taught:
            return embed_pairs(self.encoders, views)
        sketches = views.sketch[:, 0].contiguous(memory_format=torch.channels_last)
        return unit_norm(photos.cls), self.encoders["sketch"](sketches)

    def _teacher_tokens(self, views: Views) -> tuple[Tokens, Tokens]:
        return self.teacher.encode("photo", views.photo), self.teacher.encode("sketch", views.sketch[:, 0])

    def _targets(self, photos: Tokens, sketches: Tokens) -> tuple[Tensor, Tensor]:
        if self._settings.unfused_targets:
            return unit_norm(photos.cls), unit_norm(sketches.cls)
        return self.teacher.fuse(photos, sketches)

    def _contrast(self, modality: Modality, student: Tensor, target: Tensor, item: Tensor) -> Tensor:
        queue = self.queues.of(modality)
        loss = queue.contrast(
            student, target, item, temperature=self._temperature, label_smoothing=self._label_smoothing
        )
        if self.training:
            queue.enqueue(target, item)
        return loss
