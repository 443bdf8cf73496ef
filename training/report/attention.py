"""The attention section of a report: sketches and photos under the attention of run, baseline and teacher."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from model.bundle import MODALITIES, Modality
from model.nets.teacher import Teacher
from model.preprocess import Preprocessing, to_tensor
from training.data.dataset import Split, read_image
from training.report.attention_maps import Maps, cls_attention, fusion_attention, overlay, why_no_attention
from training.report.runs import ReportedRun
from training.report.strips import THUMBNAIL_PX, Cell, Strip
from training.tasks.students import StudentsTask

_OTHER: dict[Modality, Modality] = {"photo": "sketch", "sketch": "photo"}


@dataclass(frozen=True)
class AttentionSection:
    """What the section shows.

    Attributes:
        strips: two for each pair, its sketch's and its photo's.
        missing: a sentence on every map that cannot be had.
        fused: whether the teacher's XMA attention is among the maps.
    """

    strips: list[Strip]
    missing: list[str]
    fused: bool


@dataclass(frozen=True)
class _Layer:
    """The maps of one network over all pairs, drawn over the images of one modality."""

    label: str
    modality: Modality
    maps: Maps
    with_share: bool = False


def attention_section(
    run: ReportedRun, baseline: ReportedRun | None, split: Split, queries: Sequence[int]
) -> AttentionSection:
    """Where the encoders of a run, of a baseline and of the run's teacher look, for some pairs.

    Args:
        run: its preprocessing also gives the images that the maps are drawn over.
        baseline: another run on the same split, or None.
        split: what `run` was evaluated on.
        queries: rows of the run's evaluation; each gives a sketch and its own photo.

    Returns:
        Strips in the order of `queries`, the sketch's before the photo's.
    """
    files = _pair_files(run, queries)
    layers: list[_Layer] = []
    missing: list[str] = []
    for label, shown in (("this run", run), ("baseline", baseline)):
        if shown is not None:
            tensors = _tensors(files, shown.config.preprocessing)
            networks = {m: _backbone(shown.task.encoder(m)) for m in MODALITIES}
            _add_encoders(layers, missing, label, networks, tensors)
    if isinstance(run.task, StudentsTask):
        _add_teacher(layers, missing, run.task.teacher, _tensors(files, run.config.preprocessing))
    if not layers:
        return AttentionSection([], missing, fused=False)
    strips = [
        _strip(files[modality][i], modality, i, layers, run, _pair_title(run, split, query))
        for i, query in enumerate(queries)
        for modality in ("sketch", "photo")
    ]
    return AttentionSection(strips, missing, fused=any(layer.with_share for layer in layers))


def _add_encoders(
    layers: list[_Layer],
    missing: list[str],
    label: str,
    networks: dict[Modality, nn.Module],
    tensors: dict[Modality, Tensor],
) -> None:
    for modality in MODALITIES:
        reason = why_no_attention(networks[modality])
        if reason is None:
            layers.append(_Layer(label, modality, cls_attention(networks[modality], tensors[modality])))
        else:
            missing.append(f"There is no attention map of the {modality} encoder of {label}: {reason}.")


def _add_teacher(layers: list[_Layer], missing: list[str], teacher: Teacher, tensors: dict[Modality, Tensor]) -> None:
    _add_encoders(layers, missing, "teacher", {m: teacher.backbone(m) for m in MODALITIES}, tensors)
    if not len(teacher.blocks):
        missing.append("The teacher has no XMA block, so there is no attention from one modality to the other.")
        return
    for stream, maps in fusion_attention(teacher, tensors["photo"], tensors["sketch"]).items():
        layers.append(_Layer(f"teacher’s {stream} stream", _OTHER[stream], maps, with_share=True))


def _strip(file: Path, modality: Modality, pair: int, layers: list[_Layer], run: ReportedRun, title: str) -> Strip:
    image = read_image(modality, file, run.config.preprocessing).convert("RGB")
    cells = [Cell(_small(image), modality, "query")]
    for layer in layers:
        if layer.modality == modality:
            attention = layer.maps[pair]
            share = f", {attention.sum() * 100:.0f} %" if layer.with_share else ""
            cells.append(Cell(_small(overlay(image, attention)), layer.label + share))
    return Strip(f"{title}: {modality}", tuple(cells))


def _small(image: Image.Image) -> Image.Image:
    return image.resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)


def _pair_files(run: ReportedRun, queries: Sequence[int]) -> dict[Modality, list[Path]]:
    evaluation = run.evaluation
    return {
        "sketch": [evaluation.queries[query] for query in queries],
        "photo": [evaluation.gallery[int(evaluation.targets[query])] for query in queries],
    }


def _pair_title(run: ReportedRun, split: Split, query: int) -> str:
    return split.items[int(run.evaluation.targets[query])].id


def _tensors(files: dict[Modality, list[Path]], preprocessing: Preprocessing) -> dict[Modality, Tensor]:
    return {
        modality: torch.from_numpy(
            np.stack([to_tensor(read_image(modality, path, preprocessing), preprocessing) for path in paths])
        )
        for modality, paths in files.items()
    }


def _backbone(encoder: nn.Module) -> nn.Module:
    backbone = encoder.backbone
    assert isinstance(backbone, nn.Module)
    return backbone
