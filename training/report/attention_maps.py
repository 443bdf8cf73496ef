"""Where vision transformers look: the CLS token's attention in a ViT's last block, and in the teacher's last XMA block.

B batch, H and W the grid of patches. The networks are timm's own: a hook reads the weights while fused attention, which
never forms them, is switched off.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from model.bundle import MODALITIES, Modality
from model.nets.teacher import Teacher

Maps = NDArray[np.float32]
_HEAT_SHARE = 0.6


def why_no_attention(network: nn.Module) -> str | None:
    """Why `cls_attention` cannot be had of a network, as half a sentence; None when it can."""
    if not isinstance(network, VisionTransformer):
        return f"{type(network).__name__} is not a timm VisionTransformer"
    if network.cls_token is None or network.global_pool != "token":
        return "its embedding is not taken from a CLS token"
    if not hasattr(network.blocks[-1], "attn") or not hasattr(network.blocks[-1].attn, "fused_attn"):
        return "its last block has no plain self-attention"
    return None


@torch.inference_mode()
def cls_attention(network: nn.Module, images: Tensor) -> Maps:
    """How much the CLS token attends to each patch in the last block, mean over the heads.

    Args:
        network: one for which `why_no_attention` is None; put into evaluation mode.
        images: (B, 3, S, S), prepared.

    Returns:
        (B, H, W) float32, not negative; each sums to at most 1: the rest goes to the CLS and other prefix tokens.
    """
    vit: Any = network.eval()
    attention = vit.blocks[-1].attn
    with _unfused(attention), _recorded(attention.attn_drop) as inputs:
        vit.forward_features(images)
    (weights,) = inputs  # (B, heads, tokens, tokens) after softmax
    return _grid(weights[:, :, 0, vit.num_prefix_tokens :].mean(dim=1), vit)


@torch.inference_mode()
def fusion_attention(teacher: Teacher, photo: Tensor, sketch: Tensor) -> dict[Modality, Maps]:
    """How much each stream's CLS token attends to the *other* modality's patches in the last XMA block.

    Args:
        teacher: with at least one block; put into evaluation mode.
        photo: (B, 3, S, S).
        sketch: (B, 3, S, S); row i is fused with row i of `photo`.

    Returns:
        Stream -> (B, H, W) over the other modality's patches; each sums to at most 1: the rest goes to itself.
    """
    teacher.eval()
    found: dict[Modality, Tensor] = {}
    hooks = []
    for modality in MODALITIES:
        attention = teacher.blocks[-1].halves[modality].attention  # type: ignore[union-attr,index]
        hooks.append(attention.register_forward_pre_hook(_with_weights, with_kwargs=True))
        hooks.append(attention.register_forward_hook(_keep(found, modality)))
    try:
        teacher.fuse(teacher.encode("photo", photo), teacher.encode("sketch", sketch))
    finally:
        for hook in hooks:
            hook.remove()
    # (B, 1, 1 + patches): the only query is the CLS token, the first key is itself.
    return {modality: _grid(weights[:, 0, 1:], teacher.backbone(modality)) for modality, weights in found.items()}


def overlay(image: Image.Image, attention: NDArray[np.float32]) -> Image.Image:
    """An image under a heat map, brightest where attention is highest.

    Args:
        image: what the network saw, S × S.
        attention: (H, W), not negative.

    Returns:
        Mode "RGB", of the image's size.
    """
    scaled = Image.fromarray(attention / max(float(attention.max()), 1e-12)).resize(
        image.size, Image.Resampling.BICUBIC
    )
    heat = colormaps["inferno"](np.clip(np.asarray(scaled), 0, 1), bytes=True)[..., :3]
    return Image.blend(image.convert("RGB"), Image.fromarray(np.ascontiguousarray(heat)), _HEAT_SHARE)


def _grid(weights: Tensor, vit: Any) -> Maps:  # noqa: ANN401 - timm is untyped
    height, width = vit.patch_embed.grid_size
    return weights.reshape(len(weights), height, width).float().cpu().numpy()


@contextmanager
def _unfused(attention: Any) -> Iterator[None]:  # noqa: ANN401 - timm is untyped
    before = attention.fused_attn
    attention.fused_attn = False
    try:
        yield
    finally:
        attention.fused_attn = before


@contextmanager
def _recorded(module: nn.Module) -> Iterator[list[Tensor]]:
    inputs: list[Tensor] = []
    hook = module.register_forward_hook(lambda _module, given, _output: inputs.append(given[0]))
    try:
        yield inputs
    finally:
        hook.remove()


def _with_weights(_module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
    return args, kwargs | {"need_weights": True, "average_attn_weights": True}


def _keep(found: dict[Modality, Tensor], modality: Modality) -> Any:  # noqa: ANN401 - torch's type of a hook
    def hook(_module: nn.Module, _inputs: Any, output: tuple[Tensor, Tensor]) -> None:  # noqa: ANN401
        found[modality] = output[1]

    return hook
