"""XModalViT (arXiv 2210.10486) as two tasks: the teacher that fuses both modalities, and the students it teaches."""

import copy
from typing import Self

import torch
from torch import Tensor, nn

from model.bundle import MODALITIES, Modality
from model.nets.teacher import Teacher, Tokens, unit_norm
from training.config import TeacherConfig, TrainConfig
from training.distributed import gather
from training.losses import (
    neighbour_divergence,
    pair_contrast,
    queue_contrast,
    relational_angle,
    relational_distance,
    score_divergence,
    symmetric_info_nce,
)
from training.pairs import Views
from training.queue import KeyQueue
from training.tasks import Task, create_students, embed_pairs, pick_encoder
from training.unlabelled import UnlabelledPhotos


class TeacherTask(Task):
    """The teacher's contrast: t_p of a photo with one of its sketches against t_s of the same photo with another.

    Every image is encoded once in a step; only the fusion runs once for each (photo, sketch) view.
    """

    num_sketches = 2

    def __init__(self, config: TrainConfig, settings: TeacherConfig) -> None:
        super().__init__()
        self.teacher = create_teacher(config, settings)
        self.queues = nn.ModuleDict({m: KeyQueue(settings.queue_size, self.teacher.dim) for m in MODALITIES})
        self.key_teacher = copy.deepcopy(self.teacher).requires_grad_(False) if settings.key_momentum else None
        self._settings = settings
        self._temperature = config.temperature
        self._label_smoothing = config.label_smoothing

    def forward(self, views: Views) -> dict[str, Tensor]:
        """As `Task.forward`."""
        photos = self.teacher.encode("photo", views.photo)
        one, other = self._encode_views(views.sketch)
        alone = self._draw_alone(len(views.photo), views.photo.device)
        photo_target = self.teacher.fuse(photos, one, alone=alone)[0]
        sketch_target = self.teacher.fuse(photos, other, alone=alone)[1]
        targets = gather(photo_target), gather(sketch_target)
        losses = {"fused": self._contrast(*targets, self._keys(views, alone) or targets, gather(views.item))}
        if self._settings.mismatch:
            losses["mismatch"] = self._mismatch(photos, one, other, (photo_target, sketch_target))
        if self._settings.unfused_weight:
            losses["unfused"] = self._settings.unfused_weight * self._info_nce(
                gather(unit_norm(photos.cls)), gather(unit_norm(one.cls))
            )
        if self._settings.pair_weight:
            losses["pairs"] = self._settings.pair_weight * pair_contrast(
                self.teacher.score_pairs(_gather_tokens(photos), _gather_tokens(one)),
                temperature=self._temperature,
                label_smoothing=self._label_smoothing,
            )
        return losses

    def encoder(self, modality: Modality) -> nn.Module:
        """The transformer of one modality before any fusion, as a measure of what it knows by itself."""
        return _Unfused(self.teacher, modality)

    @torch.no_grad()
    def probe(self, views: Views) -> dict[str, float]:
        """The shortcut probe: how often, in percent, t_p of a pair finds its own t_s among the batch's.

        With sketches shuffled under t_s, a teacher that reads sketches must fail; with photos shuffled, one that reads
        photos alone must fail. "100, 100, 0" is the shortcut: the sketch stream carries no sketch.
        """
        photos = self.teacher.encode("photo", views.photo)
        one, other = self._encode_views(views.sketch)
        photo_target = self.teacher.fuse(photos, one)[0]
        own = torch.arange(len(photo_target), device=photo_target.device)
        shifted = own.roll(1)
        streams = {
            "probe_matched": (photos, other),
            "probe_sketches_shuffled": (photos, other[shifted]),
            "probe_photos_shuffled": (photos[shifted], other),
        }
        scores = self.teacher.score_pairs(photos, other)
        return {"probe_pairs": float((scores.argmax(dim=0) == own).float().mean() * 100)} | {
            name: float(((photo_target @ self.teacher.fuse(p, s)[1].T).argmax(dim=1) == own).float().mean() * 100)
            for name, (p, s) in streams.items()
        }

    def _encode_views(self, sketch: Tensor, teacher: Teacher | None = None) -> tuple[Tokens, Tokens]:
        count = len(sketch)
        tokens = (teacher or self.teacher).encode("sketch", sketch[:, :2].transpose(0, 1).flatten(0, 1))
        return (
            Tokens(tokens.cls[:count], tokens.patches[:count]),
            Tokens(tokens.cls[count:], tokens.patches[count:]),
        )

    def _draw_alone(self, count: int, device: torch.device) -> tuple[Tensor, Tensor] | None:
        share = self._settings.modality_dropout
        if not share or not self.training:
            return None
        drawn = torch.rand(2, count) < share
        return drawn[0].to(device), drawn[1].to(device)

    def _info_nce(self, photo: Tensor, sketch: Tensor) -> Tensor:
        return symmetric_info_nce(photo, sketch, temperature=self._temperature, label_smoothing=self._label_smoothing)

    @torch.no_grad()
    def _keys(self, views: Views, alone: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor] | None:
        """t_p and t_s of the slow copy, which follows the teacher a little at every training step."""
        if self.key_teacher is None:
            return None
        if self.training:
            for slow, live in zip(self.key_teacher.parameters(), self.teacher.parameters(), strict=True):
                slow.lerp_(live, 1 - self._settings.key_momentum)
        photos = self.key_teacher.encode("photo", views.photo)
        one, other = self._encode_views(views.sketch, self.key_teacher)
        photo_key = self.key_teacher.fuse(photos, one, alone=alone)[0]
        sketch_key = self.key_teacher.fuse(photos, other, alone=alone)[1]
        return gather(photo_key), gather(sketch_key)

    def _contrast(self, photo: Tensor, sketch: Tensor, keys: tuple[Tensor, Tensor], item: Tensor) -> Tensor:
        """XAQC in both directions, or InfoNCE within the batch when there is no queue."""
        if not self._settings.queue_size:
            return self._info_nce(photo, sketch)
        sides = {"photo": (sketch, keys[0]), "sketch": (photo, keys[1])}  # modality of the keys -> (query, key)
        loss = torch.stack([self._against_queue(m, query, key, item) for m, (query, key) in sides.items()]).mean()
        if self.training:
            for modality, (_, key) in sides.items():
                _queue(self.queues, modality).enqueue(key, item)
        return loss

    def _against_queue(self, modality: str, query: Tensor, key: Tensor, item: Tensor) -> Tensor:
        return _xaqc(
            query,
            key,
            _queue(self.queues, modality),
            item,
            temperature=self._temperature,
            label_smoothing=self._label_smoothing,
        )

    def _mismatch(self, photos: Tokens, one: Tokens, other: Tokens, targets: tuple[Tensor, Tensor]) -> Tensor:
        """A pair must be told from the same photo with a neighbour's sketch and the same sketch with its photo.

        For every pair a choice between its match and one mismatch, in both directions. With several processes the
        neighbour is one in the same process.
        """
        photo_target, sketch_target = targets
        shifted = torch.arange(len(photo_target), device=photo_target.device).roll(1)
        wrong_sketch = self.teacher.fuse(photos, other[shifted])[1]
        wrong_photo = self.teacher.fuse(photos[shifted], one)[0]
        right = (photo_target * sketch_target).sum(dim=1)
        margins = [right - (photo_target * wrong_sketch).sum(dim=1), right - (wrong_photo * sketch_target).sum(dim=1)]
        return nn.functional.softplus(-gather(torch.stack(margins, dim=1)) / self._temperature).mean()


class StudentsTask(Task):
    """One student for each modality (or one for both), taught by the frozen teacher's targets.

    Each modality's student learns from images of its own modality and its own target: f_p from photos and t_p, f_s
    from sketches and t_s.

    Attributes:
        unlabelled: photos without sketches, which a `neighbour_weight` asks for.
    """

    unlabelled: UnlabelledPhotos | None = None

    def __init__(self, config: TrainConfig, settings: TeacherConfig) -> None:
        """Builds students and an untrained teacher.

        Raises:
            ValueError: the students' embedding dimension is not the teacher's.
        """
        super().__init__()
        self.teacher = create_teacher(config, settings).requires_grad_(False)
        if config.embedding_dim != self.teacher.dim:
            raise ValueError(
                f"embedding_dim is {config.embedding_dim} but the teacher {settings.backbone} gives targets of "
                f"{self.teacher.dim} dimensions; set embedding_dim to that."
            )
        self.encoders = create_students(config)
        self._settings = config.distillation
        self.queues = nn.ModuleDict({m: KeyQueue(self._settings.queue_size, self.teacher.dim) for m in MODALITIES})
        self._temperature = config.temperature
        self._label_smoothing = config.label_smoothing

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
        outputs = dict(zip(MODALITIES, map(gather, embed_pairs(self.encoders, views)), strict=True))
        settings, losses, item = self._settings, {}, gather(views.item)
        if settings.contrast_weight:
            for modality in MODALITIES:
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
                wanted = self.teacher.score_pairs(_gather_tokens(photos), _gather_tokens(sketches))
            losses["scores"] = settings.score_weight * score_divergence(scores, wanted, temperature=self._temperature)
        if settings.neighbour_weight:
            unfused = torch.cat([gather(unit_norm(tokens.cls)) for tokens in (photos, sketches)])
            losses["neighbours"] = settings.neighbour_weight * self._neighbours(student, unfused)
        if settings.direct_weight:
            losses["direct"] = settings.direct_weight * symmetric_info_nce(
                outputs["photo"],
                outputs["sketch"],
                temperature=self._temperature,
                label_smoothing=self._label_smoothing,
            )
        return losses

    def encoder(self, modality: Modality) -> nn.Module:
        """As `Task.encoder`; the same object for both modalities when the student is shared."""
        return pick_encoder(self.encoders, modality)

    def _teacher_tokens(self, views: Views) -> tuple[Tokens, Tokens]:
        return self.teacher.encode("photo", views.photo), self.teacher.encode("sketch", views.sketch[:, 0])

    def _targets(self, photos: Tokens, sketches: Tokens) -> tuple[Tensor, Tensor]:
        if self._settings.unfused_targets:
            return unit_norm(photos.cls), unit_norm(sketches.cls)
        return self.teacher.fuse(photos, sketches)

    def _neighbours(self, student: Tensor, unfused: Tensor) -> Tensor:
        """The same unlabelled photos, seen by student and teacher, from all photos and sketches of the batch."""
        assert self.unlabelled is not None
        drawn = self.unlabelled.draw(self._settings.num_neighbours, student.device)
        with torch.no_grad():
            wanted = unfused @ unit_norm(self.teacher.encode("photo", drawn).cls).T
        return neighbour_divergence(student @ self.encoder("photo")(drawn).T, wanted, temperature=self._temperature)

    def _contrast(self, modality: Modality, student: Tensor, target: Tensor, item: Tensor) -> Tensor:
        queue = _queue(self.queues, modality)
        loss = _xaqc(student, target, queue, item, temperature=self._temperature, label_smoothing=self._label_smoothing)
        if self.training:
            queue.enqueue(target, item)
        return loss


class _Unfused(nn.Module):
    """One transformer of a teacher as an encoder: its CLS token at unit norm."""

    def __init__(self, teacher: Teacher, modality: Modality) -> None:
        super().__init__()
        self.teacher = teacher
        self._modality: Modality = modality

    def forward(self, images: Tensor) -> Tensor:
        return unit_norm(self.teacher.encode(self._modality, images).cls)


def create_teacher(config: TrainConfig, settings: TeacherConfig) -> Teacher:
    """The teacher of a run."""
    return Teacher(
        settings.backbone,
        image_size_px=config.preprocessing.image_size_px,
        weights=settings.weights,
        num_blocks=settings.num_blocks,
        num_heads=settings.num_heads,
        patch_drop=config.patch_drop,
        shared_encoder=settings.shared_encoder,
        start_unfused=settings.start_unfused,
    )


def _gather_tokens(tokens: Tokens) -> Tokens:
    return Tokens(gather(tokens.cls), gather(tokens.patches))


def _queue(queues: nn.ModuleDict, modality: str) -> KeyQueue:
    queue = queues[modality]
    assert isinstance(queue, KeyQueue)
    return queue


def _xaqc(
    query: Tensor, key: Tensor, queue: KeyQueue, item: Tensor, *, temperature: float, label_smoothing: float
) -> Tensor:
    # A copy: the queue moves on before the gradient is computed.
    return queue_contrast(
        query, key, queue.keys.clone(), queue.mask(item), temperature=temperature, label_smoothing=label_smoothing
    )
