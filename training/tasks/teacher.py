"""XModalViT's teacher (arXiv 2210.10486) as a task: the network that fuses both modalities, and its shortcut probe."""

import torch
from torch import Tensor, nn

from model.bundle import Modality
from model.nets.teacher import Teacher, Tokens, unit_norm
from training.config.run import TrainConfig
from training.config.xmodalvit import TeacherConfig
from training.data.pairs import Views
from training.distributed import gather
from training.tasks.key_queue import KeyQueues
from training.tasks.losses import pair_contrast, symmetric_info_nce
from training.tasks.two_tower import Task


class TeacherTask(Task):
    """The teacher's contrast: t_p of a photo with one of its sketches against t_s of the same photo with another.

    Every image is encoded once in a step; only the fusion runs once for each (photo, sketch) view.
    """

    num_sketches = 2

    def __init__(self, config: TrainConfig, settings: TeacherConfig, *, num_categories: int) -> None:
        super().__init__(config)
        self.teacher = create_teacher(config, settings)
        self.create_category_head(self.teacher.dim, num_categories)
        self.queues = KeyQueues(settings.queue_size, self.teacher.dim)
        self._settings = settings

    def forward(self, views: Views) -> dict[str, Tensor]:
        """As `Task.forward`."""
        photos = self.teacher.encode("photo", views.photo)
        one, other = self._encode_views(views.sketch)
        photo_target, sketch_target = self.teacher.fuse(photos, one)[0], self.teacher.fuse(photos, other)[1]
        losses = {"fused": self._contrast(gather(photo_target), gather(sketch_target), gather(views.item))}
        alone_photo, alone_sketch = gather(unit_norm(photos.cls)), gather(unit_norm(one.cls))
        if self._settings.unfused_weight:
            losses["unfused"] = self._settings.unfused_weight * self._info_nce(alone_photo, alone_sketch)
        if self._settings.pair_weight:
            losses["pairs"] = self._settings.pair_weight * pair_contrast(
                self.teacher.score_pairs(gather_tokens(photos), gather_tokens(one)),
                temperature=self._temperature,
                label_smoothing=self._label_smoothing,
            )
        return self.with_category(losses, torch.cat([alone_photo, alone_sketch]), gather(views.category))

    def encoder(self, modality: Modality) -> nn.Module:
        """The transformer of one modality before any fusion, as a measure of what it knows by itself."""
        return TeacherEncoder(self.teacher, modality)

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

    def _encode_views(self, sketch: Tensor) -> tuple[Tokens, Tokens]:
        count = len(sketch)
        tokens = self.teacher.encode("sketch", sketch[:, :2].transpose(0, 1).flatten(0, 1))
        return (
            Tokens(tokens.cls[:count], tokens.patches[:count]),
            Tokens(tokens.cls[count:], tokens.patches[count:]),
        )

    def _info_nce(self, photo: Tensor, sketch: Tensor) -> Tensor:
        return symmetric_info_nce(photo, sketch, temperature=self._temperature, label_smoothing=self._label_smoothing)

    def _contrast(self, photo: Tensor, sketch: Tensor, item: Tensor) -> Tensor:
        """XAQC in both directions, or InfoNCE within the batch when there is no queue."""
        if not self._settings.queue_size:
            return self._info_nce(photo, sketch)
        by_key = []
        for modality, query, key in (("photo", sketch, photo), ("sketch", photo, sketch)):
            queue = self.queues.of(modality)
            by_key.append(
                queue.contrast(query, key, item, temperature=self._temperature, label_smoothing=self._label_smoothing)
            )
            if self.training:
                queue.enqueue(key, item)
        return torch.stack(by_key).mean()


class TeacherEncoder(nn.Module):
    """One transformer of a teacher as an encoder: its CLS token at unit norm."""

    def __init__(self, teacher: Teacher, modality: Modality) -> None:
        super().__init__()
        self.teacher = teacher
        self._modality: Modality = modality

    @property
    def backbone(self) -> nn.Module:
        """The transformer itself."""
        return self.teacher.backbone(self._modality)

    def forward(self, images: Tensor) -> Tensor:
        """As `Task.encoder`'s networks: (B, 3, S, S) -> (B, D) unit norm."""
        return unit_norm(self.teacher.encode(self._modality, images).cls)


def create_teacher(config: TrainConfig, settings: TeacherConfig) -> Teacher:
    """The teacher of a run."""
    return Teacher(
        settings.backbone,
        image_size_px=config.preprocessing.image_size_px,
        weights=settings.weights,
        num_blocks=settings.num_blocks,
        num_heads=settings.num_heads,
        shared_encoder=settings.shared_encoder,
        start_unfused=settings.start_unfused,
    )


def gather_tokens(tokens: Tokens) -> Tokens:
    """The tokens of all processes' images; see `training.distributed.gather`."""
    return Tokens(gather(tokens.cls), gather(tokens.patches))
