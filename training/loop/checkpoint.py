"""A training checkpoint: a folder written aside and renamed when complete, its manifest last. No pickle is read."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn

from model.bundle import file_sha256
from model.seal import break_seal, sealed_text
from training.config.run import TrainConfig, differences

CONFIG = "config.json"
MANIFEST = "checkpoint.json"
WEIGHTS = "weights.safetensors"
OPTIMISER = "optimiser.pt"
CATEGORY_HEAD = "category_head.weight"
FORMAT_VERSION = 2
_REMEDY = "copy it again, or remove its folder and train anew"


@dataclass(frozen=True)
class TrainingProgress:
    """How far a run has come.

    Attributes:
        epoch: completed epochs.
        step: completed optimiser steps.
        metrics: the last measured numbers.
    """

    epoch: int
    step: int
    metrics: dict[str, Any]


def save_checkpoint(
    path: Path,
    task: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    *,
    config: TrainConfig,
    progress: TrainingProgress,
) -> None:
    """Replaces the checkpoint at `path` in one rename; a crash at any moment leaves the old one or the new one."""
    aside = path.with_name(path.name + ".partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    save_file({name: tensor.contiguous() for name, tensor in task.state_dict().items()}, aside / WEIGHTS)
    torch.save({"optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}, aside / OPTIMISER)
    (aside / CONFIG).write_text(json.dumps(config.to_dict(), indent=2) + "\n", encoding="utf-8")
    files = {file.name: file_sha256(file) for file in sorted(aside.iterdir())}
    (aside / MANIFEST).write_text(
        sealed_text({"format_version": FORMAT_VERSION, **vars(progress), "files": files}), encoding="utf-8"
    )
    old = path.with_name(path.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    aside.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def find_checkpoint(path: Path) -> Path | None:
    """The newest complete checkpoint at `path`, also when the last save was cut off between its two renames."""
    for candidate in (path, path.with_name(path.name + ".partial"), path.with_name(path.name + ".old")):
        if (candidate / MANIFEST).is_file():
            return candidate
    return None


def read_config(path: Path) -> TrainConfig:
    """The configuration that a checkpoint was trained with."""
    return TrainConfig.from_dict(json.loads(_verified(path, CONFIG).read_text(encoding="utf-8")))


def read_progress(path: Path) -> TrainingProgress:
    """How far the run of a checkpoint had come."""
    values = _read_manifest(path)
    return TrainingProgress(epoch=values["epoch"], step=values["step"], metrics=values["metrics"])


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"The manifest of checkpoint {path} cannot be read ({error}); {_REMEDY}.") from error
    if not break_seal(values):
        raise ValueError(f"The manifest of checkpoint {path} is damaged; {_REMEDY}.")
    version = values.get("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"The checkpoint {path} has format version {version}; this release reads version {FORMAT_VERSION}. "
            "Remove its folder and train anew."
        )
    return values


def _verified(path: Path, name: str) -> Path:
    """The path of a checkpoint's file, which holds what was saved.

    Raises:
        ValueError: the file is damaged.
    """
    if file_sha256(path / name) != _read_manifest(path)["files"][name]:
        raise ValueError(f"The file {name} of checkpoint {path} is damaged; {_REMEDY}.")
    return path / name


def trained_categories(path: Path) -> int:
    """How many categories the task of a checkpoint learnt to tell apart; 1 when it has no category loss."""
    with safe_open(_verified(path, WEIGHTS), framework="pt") as weights:
        names = weights.keys()
        return int(weights.get_slice(CATEGORY_HEAD).get_shape()[0]) if CATEGORY_HEAD in names else 1


def load_weights(path: Path, task: nn.Module) -> None:
    """Loads a checkpoint's weights into a task of the same configuration."""
    task.load_state_dict(load_file(_verified(path, WEIGHTS)))


def copy_weights(path: Path, module: nn.Module, *, source: str) -> None:
    """Loads one part of a checkpoint into a module.

    Position embeddings of another image size are resampled, so that a vision transformer trained on small images, which
    costs less, can go on with larger ones (progressive learning: Tan and Le, arXiv 2104.00298, section 4).

    Args:
        path: of the checkpoint.
        module: takes the weights; all of its own must be there.
        source: what the names of the part begin with in the checkpoint, such as "encoders.photo.".

    Raises:
        ValueError: the checkpoint has no such part, or it is of another network.
    """
    saved = load_file(_verified(path, WEIGHTS))
    part = {name[len(source) :]: tensor for name, tensor in saved.items() if name.startswith(source)}
    try:
        module.load_state_dict(_at_the_size_of(module, part))
    except RuntimeError as error:
        raise ValueError(
            f"The checkpoint {path} does not fit: its part {source}* is of another network than this run's "
            f"({str(error).splitlines()[-1].strip()})."
        ) from error


def _at_the_size_of(module: nn.Module, part: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights with position embeddings for as many patches as the module's transformer has."""
    fitting = dict(part)
    for name, wanted in module.state_dict().items():
        owner, _, parameter = name.rpartition(".")
        if parameter != "pos_embed" or name not in part or part[name].shape == wanted.shape:
            continue
        transformer: Any = module.get_submodule(owner)
        prefix = 0 if getattr(transformer, "no_embed_class", False) else transformer.num_prefix_tokens
        fitting[name] = resample_abs_pos_embed(
            part[name], list(transformer.patch_embed.grid_size), num_prefix_tokens=prefix
        )
    return fitting


def resume(
    path: Path,
    task: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    *,
    config: TrainConfig,
) -> TrainingProgress:
    """Restores everything an uninterrupted run would have at this point.

    Raises:
        ValueError: the checkpoint was trained with another configuration; the message names every difference.
    """
    changed = differences(read_config(path), config)
    if changed:
        raise ValueError(
            f"The checkpoint {path} was trained with other settings ({'; '.join(changed)}); "
            "use the same ones, or another --out folder."
        )
    load_weights(path, task)
    state = torch.load(_verified(path, OPTIMISER), weights_only=True, map_location="cpu")
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    return read_progress(path)
