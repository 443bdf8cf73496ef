"""Settings of XModalViT's teacher and of the distillation, beside those of the run in `TrainConfig`."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class TeacherConfig:
    """XModalViT's teacher. Everything it shares with the students (images, batches, schedule) is in `TrainConfig`.

    Attributes:
        backbone: timm name of its vision transformers, one for each modality or one for both.
        weights: where they start: "pretrained", "random", or a path.
        num_blocks: XMA blocks.
        num_heads: of each block; must divide the transformer's dimension.
        shared_encoder: one transformer for both modalities; off as published.
        start_unfused: the blocks start as the identity, so that the fused scores start as those before fusion; off,
            as random layers. The paper's figure leaves it open.
        queue_size: keys in each of its two queues; 0 contrasts within the batch alone.
        epochs: passes over the training photos.
        learning_rate: as in `TrainConfig`; 0 takes that one. A pretrained teacher wants less than a student that starts
            at random.
        unfused_weight: of a two-tower term on the CLS tokens before fusion; 0 as published.
        pair_weight: of a contrast between all pairs of the batch, each photo fused with each sketch, so that a pair has
            to match by itself; 0 as published.
    """

    backbone: str = "deit_tiny_patch16_224"
    weights: str = "pretrained"
    num_blocks: int = 3
    num_heads: int = 3
    shared_encoder: bool = False
    start_unfused: bool = False
    queue_size: int = 128
    epochs: int = 40
    learning_rate: float = 0.0
    unfused_weight: float = 0.0
    pair_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.num_blocks < 0 or self.queue_size < 0 or self.epochs < 1 or self.num_heads < 1:
            raise ValueError(
                f"The teacher has num_blocks {self.num_blocks}, queue_size {self.queue_size}, epochs {self.epochs} and "
                f"num_heads {self.num_heads}; expected at least 0, 0, 1 and 1."
            )
        if self.learning_rate < 0:
            raise ValueError(f"The teacher's learning_rate is {self.learning_rate}; expected at least 0.")


@dataclass(frozen=True)
class DistillationConfig:
    """How the students learn from the teacher. A weight of 0 leaves a term out.

    Attributes:
        queue_size: keys in each of the two queues of XAQC.
        contrast_weight: of XAQC, student against its modality's target.
        distance_weight: of XMRD's distance term.
        angle_weight: of XMRD's angle term.
        direct_weight: of symmetric InfoNCE between the students themselves; 0 as published.
        score_weight: of the divergence between the students' scores of all pairs of a batch and the fused teacher's; 0
            as published. It asks for a teacher with a `pair_weight`.
        unfused_targets: the teacher's CLS tokens before fusion are the targets; off as published.
        teacher_photos: the teacher's transformer, before fusion, embeds the photos, which happens offline, and only a
            sketch student is trained, towards its embeddings (asymmetric metric learning, arXiv 2006.16331); off as
            published.
    """

    queue_size: int = 256
    contrast_weight: float = 1.0
    distance_weight: float = 1.0
    angle_weight: float = 1.0
    direct_weight: float = 0.0
    score_weight: float = 0.0
    unfused_targets: bool = False
    teacher_photos: bool = False

    def __post_init__(self) -> None:
        if self.queue_size < 0:
            raise ValueError(f"queue_size is {self.queue_size}; expected at least 0.")
        if self.contrast_weight and not self.queue_size:
            raise ValueError("contrast_weight is set and queue_size is 0: XAQC would have no negatives.")
        if not any(getattr(self, setting.name) for setting in fields(self) if setting.name.endswith("_weight")):
            raise ValueError("All weights of the distillation are 0: nothing would be learnt.")
        if self.teacher_photos and not self.unfused_targets:
            raise ValueError(
                "teacher_photos is on and unfused_targets is off: photos embedded before fusion are no match for fused "
                "targets; set unfused_targets to true."
            )
