"""Ways to train faster on a CPU with the same results; figures in docs/LOG.md."""

import ctypes
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

_PIXELS_PER_THREAD = 16 * 224 * 224
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of malloc.h


def keep_memory() -> None:
    """Lets this process keep the memory it frees, where its C library is glibc.

    Large tensors would otherwise be mapped, and every page of them faulted in, anew at each step.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:  # not in musl
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def use_plain_attention(network: nn.Module) -> None:
    """Attention as two matrix products: on a CPU the gradient of torch's fused attention takes longer than those."""
    for module in network.modules():
        if hasattr(module, "fused_attn"):  # timm's switch
            module.fused_attn = False  # type: ignore[assignment]


def mixes_batch(network: nn.Module) -> bool:
    """Tells whether an image's output depends on the others of its training batch, as with batch normalisation."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def in_pieces(network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Runs a batch in pieces whose activations stay near a CPU's caches; whole on a GPU and for export.

    Args:
        network: does not mix the images of a batch.
        images: (B, 3, S, S).

    Returns:
        (B, …), as of the whole batch.
    """
    if images.device.type != "cpu" or torch.compiler.is_exporting():
        return network(images)
    piece = max(1, _PIXELS_PER_THREAD * torch.get_num_threads() // images[0, 0].numel())
    return torch.cat([network(part) for part in torch.split(images, piece)])
