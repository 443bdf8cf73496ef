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
from model.export import export_onnx, quantise_dynamic
from model.preprocess import Preprocessing
from training.dataset import Split
from training.evaluate import evaluate_bundle

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
    """Writes a bundle with a full-precision encoder for each modality, and int8 where that pays.

    A network shared by both modalities is written once. The int8 variant is kept when it loses at most 0.5 points of
    acc@1 on `judge` and is at least 1.1 times as fast on this machine; what it loses is recorded.

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
    bundle = _add_int8(bundle, stems, judge)
    write_manifest(bundle)
    shutil.rmtree(path, ignore_errors=True)
    aside.rename(path)
    return replace(bundle, path=path)


def _add_int8(bundle: Bundle, stems: Mapping[Modality, str], judge: Split) -> Bundle:
    for stem in set(stems.values()):
        quantise_dynamic(bundle.path / f"{stem}.onnx", bundle.path / f"{stem}.int8.onnx")
    both = {
        modality: {**bundle.encoders[modality], "int8": _describe(bundle.path / f"{stem}.int8.onnx")}
        for modality, stem in stems.items()
    }
    candidate = replace(bundle, encoders=both)
    accuracy = {
        precision: evaluate_bundle(candidate, judge, device="cpu", precision=precision).summary["acc@1"]
        for precision in ("fp32", "int8")
    }
    lost = round(accuracy["fp32"] - accuracy["int8"], 2)
    speed_up = round(_speed_up(candidate), 2)
    measured = {"acc@1": accuracy, "acc@1_lost": lost, "speed_up": speed_up}
    if lost > MAX_ACCURACY_LOST or speed_up < MIN_SPEED_UP:
        for stem in set(stems.values()):
            (bundle.path / f"{stem}.int8.onnx").unlink()
        return replace(bundle, info={**bundle.info, "int8": {"kept": False, **measured}})
    judged = {m: {**files, "int8": replace(files["int8"], accuracy_lost=lost)} for m, files in both.items()}
    return replace(
        candidate,
        encoders=judged,
        default_precisions=dict.fromkeys(MODALITIES, "int8"),
        info={**bundle.info, "int8": {"kept": True, **measured}},
    )


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
