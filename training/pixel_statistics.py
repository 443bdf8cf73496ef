"""The mean and std of pixels that a network's weights were trained with, instead of ImageNet's for every network."""

import sys
from dataclasses import replace
from pathlib import Path

import timm

from training.config.run import TrainConfig
from training.loop.checkpoint import find_checkpoint, read_config


def with_pixel_statistics(config: TrainConfig) -> TrainConfig:
    """The configuration with the mean and std of the weights it begins with; tells people where they differ.

    They are those of the run that it starts from, or those that timm states for the backbone.

    Args:
        config: of a run. It stays as it is where `weight_statistics` is off, and where the weights are random.
    """
    checkpoint = find_checkpoint(Path(config.start)) if config.start is not None else None
    if not config.weight_statistics or (checkpoint is None and config.weights == "random"):
        return config
    old = config.preprocessing
    if checkpoint is not None:
        earlier = read_config(checkpoint).preprocessing
        new = replace(old, mean=earlier.mean, std=earlier.std)
    else:
        stated = timm.get_pretrained_cfg(config.backbone)
        mean, std = ((float(red), float(green), float(blue)) for red, green, blue in (stated.mean, stated.std))
        new = replace(old, mean=mean, std=std)
    if new != old:
        print(f"pixels get the mean {new.mean} and std {new.std} of the weights", file=sys.stderr)  # noqa: T201
    return replace(config, preprocessing=new)
