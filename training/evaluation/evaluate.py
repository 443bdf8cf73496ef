"""The strict evaluation: every sketch of every photo of a split against the whole gallery of that split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, Modality
from model.encoder import Device, open_encoder
from model.preprocess import Preprocessing, to_tensor
from training.data.dataset import Split, read_image
from training.evaluation.metrics import compare, ranks, summarise

FloatArray = NDArray[np.float32]
Embed = Callable[[Modality, FloatArray], FloatArray]  # (B, 3, S, S) prepared images -> (B, D) unit norm
_CHUNK = 64


@dataclass(frozen=True)
class Evaluation:
    """The outcome for every query, and its summary.

    Attributes:
        queries: the sketch files, in the split's order.
        gallery: the photo files: those of the split, then the distractors.
        targets: (Q,) row of each query's own photo in the gallery.
        query_ranks: (Q,) its rank.
        scores: (Q, N) cosine similarities.
        photo_embeddings: (N, D) unit norm.
        sketch_embeddings: (Q, D) unit norm.
        summary: counts, digest and metrics as plain JSON values.
    """

    queries: tuple[Path, ...]
    gallery: tuple[Path, ...]
    targets: NDArray[np.int64]
    query_ranks: NDArray[np.int64]
    scores: FloatArray
    photo_embeddings: FloatArray
    sketch_embeddings: FloatArray
    summary: dict[str, Any]


def evaluate(
    embed: Embed, split: Split, preprocessing: Preprocessing, *, distractors: Sequence[Path] = ()
) -> Evaluation:
    """Ranks the whole gallery for every sketch of a split.

    Args:
        embed: turns prepared images of a modality into unit-norm embeddings.
        split: all of its photos are the gallery, all of its sketches the queries.
        preprocessing: the encoder's.
        distractors: further photos that make the gallery harder; none of them is right for any query.

    Returns:
        Ranks, scores and summary.

    Raises:
        ValueError: an image cannot be used, or the embeddings are not unit-norm rows, one for each image.
    """
    gallery = (*(item.photo for item in split.items), *distractors)
    queries = tuple(sketch for item in split.items for sketch in item.sketches)
    targets = np.repeat(np.arange(len(split.items)), [len(item.sketches) for item in split.items])
    photos = _embed_files(embed, "photo", gallery, preprocessing)
    sketches = _embed_files(embed, "sketch", queries, preprocessing)
    scores = inner_products(sketches, photos)
    query_ranks = ranks(scores, targets)
    summary = split.summary() | {"gallery": len(gallery), "queries": len(queries)} | summarise(query_ranks, targets)
    return Evaluation(queries, gallery, targets, query_ranks, scores, photos, sketches, summary)


def evaluate_bundle(
    bundle: Bundle,
    split: Split,
    *,
    device: Device = "auto",
    precision: str = "default",
    distractors: Sequence[Path] = (),
) -> Evaluation:
    """Evaluates an exported bundle through ONNX Runtime, as index builder and service would run it.

    Args:
        bundle: from `read_bundle`.
        split: what to evaluate on.
        device: where the encoders run.
        precision: of both encoders; "default" takes the bundle's choice for each modality.
        distractors: further photos in the gallery.

    Returns:
        As `evaluate`; the summary also names bundle, precisions and provider.
    """
    encoders = {m: open_encoder(bundle, m, device=device, precision=precision) for m in ("photo", "sketch")}
    result = evaluate(
        lambda modality, images: encoders[modality].encode(images),
        split,
        bundle.preprocessing,
        distractors=distractors,
    )
    described = {
        "bundle": bundle.name,
        "fingerprint": bundle.fingerprint[:12],
        "precision": {modality: encoder.precision for modality, encoder in encoders.items()},
        "provider": encoders["sketch"].provider,
    }
    return replace(result, summary=described | result.summary)


def compare_bundles(evaluation: Evaluation, other: Evaluation) -> Evaluation:
    """The first evaluation with what it gains over the second, of the same split and gallery, in its summary."""
    gained = compare(evaluation.query_ranks, other.query_ranks, evaluation.targets)
    named = {name: other.summary[name] for name in ("bundle", "fingerprint", "precision", "acc@1", "acc@5", "acc@10")}
    return replace(evaluation, summary=evaluation.summary | {"against": named | gained})


def inner_products(queries: FloatArray, gallery: FloatArray) -> FloatArray:
    """Every query against the whole gallery by the arithmetic of the service: FAISS, one query at a time.

    A matrix product rounds differently, by up to 1e-6, and near-ties would then rank differently offline and served.

    Args:
        queries: (Q, D) float32.
        gallery: (N, D) float32.

    Returns:
        (Q, N) float32.
    """
    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(np.ascontiguousarray(gallery))
    scores = np.empty((len(queries), len(gallery)), np.float32)
    for row, query in zip(scores, np.ascontiguousarray(queries), strict=True):
        found, columns = index.search(query[None], len(gallery))
        row[columns[0]] = found[0]
    return scores


def _embed_files(embed: Embed, modality: Modality, files: Sequence[Path], preprocessing: Preprocessing) -> FloatArray:
    pieces = []
    for start in range(0, len(files), _CHUNK):
        chunk = files[start : start + _CHUNK]
        pieces.append(
            embed(
                modality,
                np.stack([to_tensor(read_image(modality, file, preprocessing), preprocessing) for file in chunk]),
            )
        )
    embeddings = np.concatenate(pieces)
    norms = np.linalg.norm(embeddings, axis=1)
    if embeddings.ndim != 2 or len(embeddings) != len(files) or not np.allclose(norms, 1, atol=1e-3):
        raise ValueError(f"The {modality} encoder gave {embeddings.shape} for {len(files)} images, not unit-norm rows.")
    return embeddings
