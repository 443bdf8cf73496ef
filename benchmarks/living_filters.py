"""Searches among a part of a gallery: are there k results when k exist, are they the right ones, what do they cost?"""

import argparse
import json
import sqlite3
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.living_photos import demo_model
from index_builder.gallery.folder_gallery import Gallery, open_gallery
from index_builder.gallery.manifest import Counts
from index_builder.progress import SilentProgress
from index_builder.publishing.generation import NextGeneration


def filters(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    vectors = clustered(arguments.vectors, 128)
    with sqlite3.connect(":memory:") as database:
        publish_vectors(database, vectors, folder)
    queries = clustered(arguments.queries, 128, seed=1)
    results: dict[str, Any] = {"vectors": arguments.vectors, "k": 10}
    with open_gallery(folder / "gallery", bundle=None) as gallery:
        results["no filter"] = measure(gallery, vectors, queries, None)
        for name, every in (("50 %", 2), ("1 %", 100), ("0.01 %", 10_000)):
            results[name] = measure(gallery, vectors, queries, every)
    return results


def measure(
    gallery: Gallery, vectors: NDArray[np.float32], queries: NDArray[np.float32], every: int | None
) -> dict[str, Any]:
    chosen = np.arange(len(vectors))[:: every or 1]
    exist = min(10, len(chosen))
    milliseconds, recalls, short, sifted = [], [], 0, []
    for query in queries:
        start = time.perf_counter()
        rows = gallery.select([f"every_{every}=true"] if every else [])
        hits = gallery.search(query, k=10, rows=rows)
        milliseconds.append((time.perf_counter() - start) * 1000)
        expected = {f"{row:08}" for row in chosen[np.argsort(-(vectors[chosen] @ query))[:exist]]}
        recalls.append(len(expected & {hit.photo_id for hit in hits}) / exist)
        short += len(hits) < exist
        among_first = [int(hit.photo_id) for hit in gallery.search(query, k=100)]
        sifted.append(min(10, sum(row % (every or 1) == 0 for row in among_first)))
    return {
        "matching": len(chosen),
        "searches_with_fewer_than_exist": short,
        "recall": round(statistics.mean(recalls), 4),
        "median_ms": round(statistics.median(milliseconds), 3),
        "first_ms": round(milliseconds[0], 3),
        "results_if_the_first_100_were_sifted_instead": round(statistics.mean(sifted), 2),
    }


def clustered(number: int, dimension: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors around 200 shared centres, with as much noise: neither uniform nor separate."""
    centres = np.random.default_rng(99).standard_normal((200, dimension))
    generator = np.random.default_rng(seed)
    vectors = centres[generator.integers(0, 200, number)] + 0.7 * generator.standard_normal((number, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def publish_vectors(database: sqlite3.Connection, vectors: NDArray[np.float32], folder: Path) -> None:
    """Publishes vectors as the gallery of photos that do not exist, through the builder's own last steps."""
    noise = np.random.default_rng(0)
    database.execute(
        "CREATE TABLE indexed (photo_id TEXT PRIMARY KEY, path, size_bytes, mtime_ns, content_sha256, width_px,"
        " height_px, media_type, metadata, vector, thumbnail, perceptual_hash, previous_row)"
    )
    database.execute("CREATE TABLE skipped (photo_id, path, reason, sentence)")
    database.executemany(
        "INSERT INTO indexed VALUES (?1, ?1, 1, 1, ?1, 1, 1, 'image/jpeg', ?2, ?3, x'00', ?4, NULL)",
        (
            (
                f"{row:08}",
                json.dumps({f"every_{n}": row % n == 0 for n in (2, 100, 10_000)}),
                vector.tobytes(),
                noise.bytes(32),
            )
            for row, vector in enumerate(vectors)
        ),
    )
    model = replace(demo_model(), embedding_dim=vectors.shape[1])
    counts = Counts(len(vectors), len(vectors), 0)
    following, progress = NextGeneration(folder / "gallery", folder, database, model, None), SilentProgress()
    following.publish(following.build(counts, progress), progress)
