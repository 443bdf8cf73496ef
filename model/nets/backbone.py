"""Pretrained networks of timm as backbones: created by name, with weights from a file, from timm's hub, or random."""

from pathlib import Path

import timm
import torch
from torch import nn

PRETRAINED = "pretrained"
RANDOM = "random"


def create_backbone(name: str, *, image_size_px: int, weights: str | Path) -> nn.Module:
    """Creates a timm backbone without its classifier.

    Args:
        name: a timm model name.
        image_size_px: side of the square input; passed on to networks whose shape depends on it.
        weights: "pretrained", "random", or a path to a local weights file.

    Returns:
        The backbone; its output is (B, features).

    Raises:
        ValueError: an unknown name, or the weights cannot be had or are another network's.
    """
    if not timm.is_model(name):
        close = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5]) or "see timm.list_models()"
        raise ValueError(f"The backbone {name!r} is not a timm model; similar names: {close}.")
    options: dict[str, object] = {"num_classes": 0}
    if timm.models.is_model_in_modules(name, ("vision_transformer", "deit", "swin_transformer", "eva")):
        options["img_size"] = image_size_px
    if weights != RANDOM:
        options["pretrained"] = True
    if weights not in (RANDOM, PRETRAINED):
        if not Path(weights).is_file():
            raise ValueError(
                f"There are no weights at {weights}; give a local file with --init, or --init pretrained to fetch "
                "timm's own from its hub."
            )
        options["pretrained_cfg_overlay"] = {"file": str(weights)}
    before = torch.get_rng_state()
    try:
        backbone: nn.Module = timm.create_model(name, **options)
    except Exception as error:  # hub, file-format and shape errors of timm and its loaders have no common type
        raise ValueError(
            f"The weights of {name} cannot be loaded ({_first_line(error)}); give a local file with --init."
        ) from error
    if weights not in (RANDOM, PRETRAINED):
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(before)
            untrained = timm.create_model(name, **options | {"pretrained": False})
        _refuse_weights_of_another(backbone, untrained, name=name, weights=weights)
    return backbone


def _refuse_weights_of_another(backbone: nn.Module, untrained: nn.Module, *, name: str, weights: str | Path) -> None:
    """What a file lacks is left as it began: from the same random numbers, that is as in an untrained network."""
    began = untrained.state_dict()
    matrices = {key: tensor for key, tensor in backbone.state_dict().items() if tensor.ndim > 1}
    missing = [key for key, tensor in matrices.items() if torch.equal(tensor, began[key])]
    if missing:
        raise ValueError(
            f"The weights in {weights} are not a whole {name}: {len(missing)} of its {len(matrices)} matrices are not "
            f"there ({missing[0]} is the first); give the weights of this network."
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
