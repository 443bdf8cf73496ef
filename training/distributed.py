"""Several processes as one: every rank works on its share of a batch and every loss is that of the whole batch.

Started by torchrun, which sets the environment; without it everything here does nothing. The tensors of all ranks are
gathered with their gradients, so negatives come from the whole batch, and the mean that DistributedDataParallel takes
over the ranks is the gradient that one process would compute on the whole batch.
"""

import os
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather
from torch.nn.parallel import DistributedDataParallel

from training.data.pairs import Views


def start(device: torch.device) -> torch.device:
    """Joins the other processes when torchrun started this one.

    Args:
        device: what was asked for.

    Returns:
        The device of this rank: its own GPU when there are several.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        return device
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the one that logs, evaluates and saves."""
    return not dist.is_initialized() or dist.get_rank() == 0


def wait_for_all() -> None:
    """Returns once every process has come here."""
    if dist.is_initialized():
        dist.barrier()


def wrap(task: nn.Module) -> nn.Module:
    """The task as it is to be called in training: gradients are averaged over all processes."""
    if world_size() == 1:
        return task
    return DistributedDataParallel(task, broadcast_buffers=False)


def own_share(views: Views) -> Views:
    """This rank's rows of a batch that every rank holds.

    Raises:
        ValueError: the batch has fewer rows than there are processes.
    """
    if world_size() == 1:
        return views
    if len(views.photo) < world_size():
        raise ValueError(
            f"A batch of {len(views.photo)} pairs cannot be shared by {world_size()} processes; "
            "raise batch_size or start fewer."
        )
    shares: dict[str, Any] = {
        name: tensor if tensor is None else tensor.tensor_split(world_size())[dist.get_rank()]
        for name, tensor in vars(views).items()
    }
    return Views(**shares)


def gather(rows: Tensor) -> Tensor:
    """The rows of all ranks in rank order, gradients included: (B, …) -> (sum of all B, …)."""
    if world_size() == 1:
        return rows
    sizes = [torch.zeros((), dtype=torch.int64, device=rows.device) for _ in range(world_size())]
    dist.all_gather(sizes, torch.tensor(len(rows), device=rows.device))
    longest = int(max(sizes))
    # Ranks exchange tensors of one size: the shorter shares are filled up and cut again.
    filled = torch.cat([rows, rows.new_zeros(longest - len(rows), *rows.shape[1:])])
    if not rows.requires_grad:
        pieces = [torch.empty_like(filled) for _ in sizes]
        dist.all_gather(pieces, filled.contiguous())
    else:
        pieces = list(all_gather(filled.contiguous()))  # type: ignore[no-untyped-call]
    return torch.cat([piece[: int(size)] for piece, size in zip(pieces, sizes, strict=True)])
