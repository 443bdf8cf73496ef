"""Batch normalisation's statistics, made to fit the weights they are served with."""

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor
from torch.optim.swa_utils import update_bn

from model.bundle import MODALITIES, Modality
from model.nets.cpu import mixes_batch
from training.config.run import TrainConfig
from training.data.augment import augment_pairs
from training.data.pairs import PreparedPairs
from training.tasks.two_tower import Task

_NUM_BATCHES = 16


def settle_batch_norm(task: Task, pairs: PreparedPairs, config: TrainConfig, device: torch.device) -> None:
    """Computes the means and variances anew from training images, varied as they were in training.

    What training leaves is an average over the last steps, each of other weights: while the learning rate is high, or
    where the weights are themselves an average, it fits none of them. Encoders without batch normalisation, and frozen
    ones, stay as they are.

    Args:
        task: its encoders are changed, and left in the mode they were in.
        pairs: of which up to 16 batches are shown.
        config: of the run.
        device: where the task is.
    """
    shared = task.encoder("photo") is task.encoder("sketch")
    for modalities in [MODALITIES] if shared else [(modality,) for modality in MODALITIES]:
        encoder = task.encoder(modalities[0])
        if mixes_batch(encoder) and any(parameter.requires_grad for parameter in encoder.parameters()):
            update_bn(_images(modalities, pairs, config, device), encoder)


def _images(
    modalities: tuple[Modality, ...], pairs: PreparedPairs, config: TrainConfig, device: torch.device
) -> Iterator[Tensor]:
    """Batches of one modality, or of both together, as the encoder is trained on them."""
    generator = torch.Generator().manual_seed(config.seed)
    for batch in islice(pairs.batches(config.batch_size, seed=config.seed, epoch=0), _NUM_BATCHES):
        views = augment_pairs(batch.to(device), config.augmentation, config.preprocessing, generator=generator)
        images = {"photo": views.photo, "sketch": views.sketch[:, 0]}
        yield torch.cat([images[m] for m in modalities]).contiguous(memory_format=torch.channels_last)
