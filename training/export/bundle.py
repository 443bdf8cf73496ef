"""From trained networks to an encoder bundle: export, quantise, judge the precisions, write the manifest last."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from model.bundle import MODALITIES, Bundle, EncoderFile, Modality, file_sha256, write_manifest
from model.encoder import Encoder, open_encoder
from model.preprocess import Preprocessing
from training.data.dataset import Split
from training.evaluation.evaluate import evaluate_bundle
from training.export.onnx import OPTIONAL_PRECISIONS, export_onnx
from training.export.trial import first_line, run_once

MAX_ACCURACY_LOST = 0.5  # points of acc@1
MIN_SPEED_UP = 1.1


def export_bundle(
    networks: Mapping[Modality, nn.Module],
    path: Path,
    *,
    name: str,
    embedding_dim: int,
    preprocessing: Preprocessing,
    judge: Split,
    info: Mapping[str, Any],
) -> Bundle:
    """Writes a bundle with a full-precision encoder for each modality, int8 where that pays, and fp16 for GPUs.

    A network shared by both modalities is written once. The int8 variant is kept when it loses at most 0.5 points of
    acc@1 on `judge` and is at least 1.1 times as fast on this machine, the fp16 variant for GPUs when it loses at most
    as much; what they lose is recorded.

    Args:
        networks: modality -> network, (B, 3, S, S) -> (B, D) unit norm.
        path: the bundle's folder; replaced when everything is complete.
        name: of the bundle.
        embedding_dim: D.
        preprocessing: of the encoders.
        judge: pairs to measure precisions on; never the test split.
        info: provenance for the manifest.

    Returns:
        The bundle.

    Raises:
        RuntimeError: an exported network does not compute what torch computed.
    """
    aside = path.with_name(path.name + ".partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    shared = networks["photo"] is networks["sketch"]
    stems: dict[Modality, str] = {modality: "encoder" if shared else modality for modality in MODALITIES}
    parity = {
        stem: export_onnx(networks[modality], aside / f"{stem}.onnx", image_size_px=preprocessing.image_size_px)
        for modality, stem in {stem: (modality, stem) for modality, stem in stems.items()}.values()
    }
    full = {modality: {"fp32": _describe(aside / f"{stem}.onnx")} for modality, stem in stems.items()}
    bundle = Bundle(
        path=aside,
        name=name,
        embedding_dim=embedding_dim,
        preprocessing=preprocessing,
        encoders=full,
        default_precisions=dict.fromkeys(MODALITIES, "fp32"),
        info={**info, "parity_with_torch": parity},
    )
    bundle = _add_fp16(_add_int8(bundle, stems, judge), stems, judge)
    write_manifest(bundle)
    shutil.rmtree(path, ignore_errors=True)
    aside.rename(path)
    return replace(bundle, path=path)


def _add_int8(bundle: Bundle, stems: Mapping[Modality, str], judge: Split) -> Bundle:
    candidate = _with_variant(bundle, stems, "int8")
    if isinstance(candidate, str):
        return _left_out(bundle, "int8", candidate)
    measured = _accuracy(candidate, judge, "int8") | {"speed_up": round(_speed_up(candidate), 2)}
    kept = measured["acc@1_lost"] <= MAX_ACCURACY_LOST and measured["speed_up"] >= MIN_SPEED_UP
    judged = _judged(bundle, candidate, "int8", kept=kept, measured=measured)
    return replace(judged, default_precisions=dict.fromkeys(MODALITIES, "int8")) if kept else judged


def _add_fp16(bundle: Bundle, stems: Mapping[Modality, str], judge: Split) -> Bundle:
    # ONNX Runtime computes it on this CPU too, slowly: that tells its accuracy, and nothing of its speed on a GPU.
    candidate = _with_variant(bundle, stems, "fp16")
    if isinstance(candidate, str):
        return _left_out(bundle, "fp16", candidate)
    measured = _accuracy(candidate, judge, "fp16")
    return _judged(bundle, candidate, "fp16", kept=measured["acc@1_lost"] <= MAX_ACCURACY_LOST, measured=measured)


def _left_out(bundle: Bundle, precision: str, reason: str) -> Bundle:
    """The bundle without an optional precision, and why."""
    for file in bundle.path.glob(f"*.{precision}.onnx"):
        file.unlink()
    return replace(bundle, info={**bundle.info, precision: {"kept": False, "reason": reason}})


def _with_variant(bundle: Bundle, stems: Mapping[Modality, str], precision: str) -> Bundle | str:
    """The bundle with another precision of its encoders, or why they cannot be converted or run in it."""
    try:
        for stem in set(stems.values()):
            target = bundle.path / f"{stem}.{precision}.onnx"
            OPTIONAL_PRECISIONS[precision](bundle.path / f"{stem}.onnx", target)
            run_once(target, bundle.preprocessing.image_size_px)
    except Exception as error:  # converters and ONNX Runtime raise many types
        return first_line(error)
    encoders = {
        modality: {**bundle.encoders[modality], precision: _describe(bundle.path / f"{stem}.{precision}.onnx")}
        for modality, stem in stems.items()
    }
    return replace(bundle, encoders=encoders)


def _accuracy(bundle: Bundle, judge: Split, precision: str) -> dict[str, Any]:
    accuracy = {
        each: evaluate_bundle(bundle, judge, device="cpu", precision=each).summary["acc@1"]
        for each in ("fp32", precision)
    }
    return {"acc@1": accuracy, "acc@1_lost": round(accuracy["fp32"] - accuracy[precision], 2)}


def _judged(bundle: Bundle, candidate: Bundle, precision: str, *, kept: bool, measured: Mapping[str, Any]) -> Bundle:
    """The candidate with what its new precision loses, or, with its files removed, the bundle without it."""
    info = {**bundle.info, precision: {"kept": kept, **measured}}
    if not kept:
        for file in {files[precision].file for files in candidate.encoders.values()}:
            (bundle.path / file).unlink()
        return replace(bundle, info=info)
    lost = measured["acc@1_lost"]
    encoders = {
        modality: {**files, precision: replace(files[precision], accuracy_lost=lost)}
        for modality, files in candidate.encoders.items()
    }
    return replace(candidate, encoders=encoders, info=info)


def _speed_up(bundle: Bundle) -> float:
    """Median time of an fp32 encode divided by that of an int8 one, measured in turns."""
    encoders = [open_encoder(bundle, "sketch", device="cpu", precision=precision) for precision in ("fp32", "int8")]
    side = bundle.preprocessing.image_size_px
    image = np.zeros((1, 3, side, side), np.float32)
    times = np.array([[_seconds(encoder, image) for encoder in encoders] for _ in range(30)])
    fp32, int8 = np.median(times[5:], axis=0)
    return float(fp32 / int8)


def _seconds(encoder: Encoder, image: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    started = time.perf_counter()
    encoder.encode(image)
    return time.perf_counter() - started


def _describe(file: Path) -> EncoderFile:
    return EncoderFile(file=file.name, sha256=file_sha256(file))
