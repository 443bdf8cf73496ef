"""Pretrained networks of timm as backbones: created by name, with weights from a file, from timm's hub, or random."""

from pathlib import Path

import timm
import torch
from torch import nn

PRETRAINED = "pretrained"
RANDOM = "random"


def create_backbone(name: str, *, image_size_px: int, weights: str | Path, option: str = "--init") -> nn.Module:
    """Creates a timm backbone without its classifier.

    Args:
        name: a timm model name.
        image_size_px: side of the square input; passed on to networks whose shape depends on it.
        weights: "pretrained", "random", or a path to a local weights file.
        option: the command-line option that the weights came from, for errors.

    Returns:
        The backbone, which takes (B, 3, S, S) and gives (B, features).

    Raises:
        ValueError: an unknown name, a network that cannot take images of this size, or weights that cannot be had or
            are another network's.
    """
    if not timm.is_model(name):
        close = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5]) or "see timm.list_models()"
        raise ValueError(f"The backbone {name!r} is not a timm model; similar names: {close}.")
    if weights not in (RANDOM, PRETRAINED) and not Path(weights).is_file():
        raise ValueError(
            f"There are no weights at {weights}; give a local file with {option}, or {option} pretrained to fetch "
            "timm's own from its hub."
        )
    before = torch.get_rng_state()
    options, backbone = _at_size(name, image_size_px)
    if weights == RANDOM:
        return backbone
    began = {key: tensor.clone() for key, tensor in backbone.state_dict().items()}
    options["pretrained"] = True
    if weights != PRETRAINED:
        options["pretrained_cfg_overlay"] = {"file": str(weights)}
    torch.set_rng_state(before)
    try:
        loaded: nn.Module = timm.create_model(name, **options)
    except Exception as error:  # hub, file-format and shape errors of timm and its loaders have no common type
        raise ValueError(
            f"The weights of {name} cannot be loaded ({_first_line(error)}); give a local file with {option}."
        ) from error
    if weights != PRETRAINED:
        _refuse_weights_of_another(loaded, began, name=name, weights=weights)
    return loaded


def _at_size(name: str, image_size_px: int) -> tuple[dict[str, object], nn.Module]:
    """The options with which the network takes images of this size, and the untrained network.

    Raises:
        ValueError: it takes no images of this size.
    """
    options: dict[str, object] = {"num_classes": 0, "img_size": image_size_px}
    try:
        try:
            backbone: nn.Module = timm.create_model(name, **options)
        except TypeError as error:
            if "img_size" not in str(error):
                raise
            del options["img_size"]  # most convolutional networks take every size as they are
            backbone = timm.create_model(name, **options)
        num_features(backbone, image_size_px)
    except Exception as error:  # whatever a network's own arithmetic comes upon
        size = timm.get_pretrained_cfg(name).input_size[-1]
        raise ValueError(
            f"The backbone {name} cannot take images of {image_size_px} px ({_first_line(error)}); it was made for "
            f"{size} px: --set preprocessing.image_size_px={size}, or choose another backbone."
        ) from error
    return options, backbone


def num_features(backbone: nn.Module, image_size_px: int) -> int:
    """The length of what a network in evaluation mode makes of an image, which it leaves in training mode.

    Raises:
        ValueError: the output is not one vector for each image.
    """
    with torch.no_grad():
        features = backbone.eval()(torch.zeros(1, 3, image_size_px, image_size_px))
    backbone.train()
    if not isinstance(features, torch.Tensor) or features.ndim != 2:
        raise ValueError("its output is not one vector for each image")
    return int(features.shape[1])


def _refuse_weights_of_another(
    backbone: nn.Module, began: dict[str, torch.Tensor], *, name: str, weights: str | Path
) -> None:
    """Refuses a file that lacks matrices: those stay as they began, from the same random numbers."""
    matrices = {key: tensor for key, tensor in backbone.state_dict().items() if tensor.ndim > 1}
    missing = [key for key, tensor in matrices.items() if torch.equal(tensor, began[key])]
    if missing:
        raise ValueError(
            f"The weights in {weights} are not a whole {name}: {len(missing)} of its {len(matrices)} matrices are not "
            f"there ({missing[0]} is the first); give the weights of this network."
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
