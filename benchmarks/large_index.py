"""A gallery of a million embeddings: recall, latency, filters, memory, build time; each part in a process of its own.

    python -m benchmarks.large_index make  --folder DIR --like GALLERY --bundle BUNDLE [--sketches DRAWINGS]
    python -m benchmarks.large_index build --folder DIR --bundle BUNDLE [--memory 300MB]
    python -m benchmarks.large_index serve --folder DIR
    python -m benchmarks.large_index rebuild --folder DIR --bundle BUNDLE

`make` writes vectors that lie like those of the gallery (see realistic_vectors), and queries: a further sample, and the
embeddings of the drawings.
"""

import argparse
import json
import os
import resource
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from faiss.contrib.exhaustive_search import knn_ground_truth
from numpy.typing import NDArray

from benchmarks.realistic_vectors import describe, fit_mixture, gallery_vectors
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.folder_gallery import Gallery, current_generation, generation_folder, open_gallery
from index_builder.gallery.manifest import Counts
from index_builder.indexing.requirements import IndexRequirements, parse_bytes
from index_builder.indexing.sketch_queries import embed_sketches, find_sketches
from index_builder.progress import SilentProgress
from index_builder.publishing.generation import NextGeneration
from index_builder.publishing.previous import open_previous
from model.bundle import read_bundle

K = 10
SHARES = {"50 %": 2, "1 %": 100, "0.01 %": 10_000}
_TABLES = """CREATE TABLE indexed (photo_id TEXT PRIMARY KEY, path, size_bytes, mtime_ns, content_sha256, width_px,
    height_px, media_type, metadata, vector, thumbnail, perceptual_hash, previous_row);
    CREATE TABLE skipped (photo_id, path, reason, sentence)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--like", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--sketches", type=Path)
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--memory", default="300MB")
    parser.add_argument("--recall", type=float, default=0.95)
    parser.add_argument("--queries", type=int, default=500)
    arguments = parser.parse_args()
    result = PARTS[arguments.part](arguments)
    result["peak_rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
    print(json.dumps({arguments.part: result}, indent=2))


def make(arguments: argparse.Namespace) -> dict[str, Any]:
    arguments.folder.mkdir(parents=True, exist_ok=True)
    mixture = fit_mixture(gallery_vectors(arguments.like))
    shape = (arguments.vectors, mixture.centres.shape[1])
    path = arguments.folder / "vectors.npy"
    if not path.exists():
        vectors = np.lib.format.open_memmap(path.with_suffix(".partial"), "w+", np.float32, shape)
        first = 0
        for chunk in mixture.chunks(arguments.vectors, seed=3):
            vectors[first : first + len(chunk)] = chunk
            first += len(chunk)
        vectors.flush()
        path.with_suffix(".partial").rename(path)
    vectors = np.load(path, mmap_mode="r")
    queries = {"photos": mixture.sample(arguments.queries, seed=4)}
    if arguments.sketches is not None:
        # Those that the builder tunes with are every n-th; here the ones halfway between are searched with.
        tuned = set(find_sketches(arguments.sketches))
        others = [path for path in sorted(arguments.sketches.rglob("*.png")) if path not in tuned]
        queries["sketches"] = embed_sketches(others[: arguments.queries], read_bundle(arguments.bundle), device="cpu")
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    for kind, given in queries.items():
        blocks = (np.array(vectors[at : at + 65536]) for at in range(0, len(vectors), 65536))
        scores, rows = knn_ground_truth(given, blocks, K, faiss.METRIC_INNER_PRODUCT, ngpu=0)
        np.savez(arguments.folder / f"{kind}.npz", queries=given, scores=scores, rows=rows)
    return {"vectors": shape, "queries": {kind: len(each) for kind, each in queries.items()}, **describe(mixture)}


def build(arguments: argparse.Namespace) -> dict[str, Any]:
    vectors = np.load(arguments.folder / "vectors.npy", mmap_mode="r")
    with closing(_database(arguments.folder / "work.sqlite")) as database:
        rows = ((row, f"{row:08}", vector.tobytes()) for row, vector in enumerate(vectors))
        database.executemany(_INSERT, (_entry(*row) for row in rows))
        database.commit()
        return _publish(arguments, database)


def rebuild(arguments: argparse.Namespace) -> dict[str, Any]:
    """1 % of the photos are replaced by new ones."""
    mixture = fit_mixture(gallery_vectors(arguments.like))
    vectors = np.load(arguments.folder / "vectors.npy", mmap_mode="r")
    fresh = {100 * row: vector for row, vector in enumerate(mixture.sample(len(vectors) // 100, seed=5))}
    with closing(_database(arguments.folder / "work.sqlite")) as database:
        kept = (_entry(row, f"{row:08}", None) for row in range(len(vectors)) if row not in fresh)
        database.executemany(_INSERT, kept)
        database.executemany(_INSERT, (_entry(row, f"{row:08}-new", each.tobytes()) for row, each in fresh.items()))
        database.commit()
        return _publish(arguments, database)


_INSERT = "INSERT INTO indexed VALUES (?1, ?1, 1, 1, ?1, 1, 1, 'image/jpeg', ?2, ?3, ?4, ?5, ?6)"


def _entry(row: int, photo_id: str, vector: bytes | None) -> tuple[Any, ...]:
    metadata = json.dumps({f"every_{number}": row % number == 0 for number in SHARES.values()})
    perceptual_hash = np.random.default_rng(row).bytes(32) if vector is not None else None
    return photo_id, metadata, vector, b"\0", perceptual_hash, row if vector is None else None


def _database(path: Path) -> sqlite3.Connection:
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
    return database


def _publish(arguments: argparse.Namespace, database: sqlite3.Connection) -> dict[str, Any]:
    bundle = read_bundle(arguments.bundle)
    paths = [] if arguments.sketches is None else find_sketches(arguments.sketches)
    sketches = (lambda: embed_sketches(paths, bundle, device="cpu")) if paths else None
    requirements = IndexRequirements(
        recall=arguments.recall, memory_bytes=parse_bytes(arguments.memory), sketches=sketches
    )
    model, out, progress = PhotoModel.from_bundle(bundle, device="cpu"), arguments.folder / "gallery", _Timed()
    previous = open_previous(out, fingerprint=model.fingerprint, precision=model.precision)
    ((number,),) = database.execute("SELECT count(*) FROM indexed").fetchall()
    next_generation = NextGeneration(out, arguments.folder, database, model, previous, requirements)
    seconds, _ = _timed(lambda: _write(next_generation, Counts(number, number, 0), progress))
    folder = generation_folder(out, current_generation(out))
    with open_gallery(out, bundle=None) as gallery:
        tuning = gallery.manifest.tuning
    return {
        "seconds_of_the_whole_build_without_encoding": round(seconds, 1),
        "said": progress.lines,
        "disk_mb": {path.name: round(path.stat().st_size / 1e6, 1) for path in sorted(folder.iterdir())},
        "tuning": None if tuning is None else vars(tuning),
    }


class _Timed(SilentProgress):
    """Keeps what is said, with the seconds since the start."""

    def __init__(self) -> None:
        super().__init__()
        self._start = time.perf_counter()

    def say(self, line: str) -> None:
        super().say(f"{time.perf_counter() - self._start:.1f} s: {line}")


def _write(next_generation: NextGeneration, counts: Counts, progress: SilentProgress) -> None:
    staged = next_generation.build(counts, progress)
    next_generation.self_check(staged)
    next_generation.publish(staged, progress)


def serve(arguments: argparse.Namespace) -> dict[str, Any]:
    """Opens the gallery as the service does and searches it, one query at a time."""
    floor = _rss_mb()
    seconds, gallery = _timed(lambda: open_gallery(arguments.folder / "gallery", bundle=None))
    result: dict[str, Any] = {"open_seconds": round(seconds, 3), "rss_mb": {"before opening": floor, "open": _rss_mb()}}
    with gallery:
        answers = {path.stem: dict(np.load(path)) for path in sorted(arguments.folder.glob("*.npz"))}
        for kind, answer in answers.items():
            for repeat in ("first", "again"):
                found, milliseconds = search_all(gallery, answer["queries"], rows=None)
                recall = _recall(found, answer["scores"])
                result[f"{kind}, {repeat}"] = {"recall": recall, **_summary(milliseconds)}
        result["rss_mb"]["after searches"] = _rss_mb()
        for name, every in SHARES.items():
            rows = gallery.select([f"every_{every}=true"])
            for kind, answer in answers.items():
                found, milliseconds = search_all(gallery, answer["queries"], rows=rows)
                exact = _exact_among(gallery, answer["queries"], rows)
                exist = min(K, len(rows))
                result[f"{kind}, {name} match"] = {
                    "matching": len(rows),
                    "searches_with_fewer_than_exist": sum(len(hits) < exist for hits in found),
                    "recall": _recall(found, exact),
                    **_summary(milliseconds),
                }
        result["rss_mb"]["after filtered searches"] = _rss_mb()
    return result


def search_all(
    gallery: Gallery, queries: NDArray[np.float32], *, rows: NDArray[np.int64] | None
) -> tuple[list[list[float]], list[float]]:
    found, milliseconds = [], []
    for query in queries:
        seconds, hits = _timed(lambda: gallery.search(query, k=K, rows=rows))  # noqa: B023  called at once
        found.append([hit.score for hit in hits])
        milliseconds.append(seconds * 1000)
    return found, milliseconds


def _exact_among(gallery: Gallery, queries: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The scores of the K best of the rows; read, not mapped, so that the process's memory stays that of searches."""
    parts = np.array_split(rows, -(-len(rows) // 16384))
    matching = (gallery.embeddings_of(part) for part in parts)
    scores, _ = knn_ground_truth(queries, matching, K, faiss.METRIC_INNER_PRODUCT, ngpu=0)
    return np.asarray(scores)


def _recall(found: list[list[float]], exact: NDArray[np.float32]) -> float:
    shares = [
        np.mean(np.array([*hits, *[-2.0] * (K - len(hits))]) >= exact[at, -1] - 2e-6) for at, hits in enumerate(found)
    ]
    return round(float(np.mean(shares)), 4)


def _summary(milliseconds: list[float]) -> dict[str, float]:
    tenths = statistics.quantiles(milliseconds, n=20)
    return {"median_ms": round(statistics.median(milliseconds), 3), "p95_ms": round(tenths[-1], 3)}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _rss_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1_000_000


PARTS = {"make": make, "build": build, "serve": serve, "rebuild": rebuild}

if __name__ == "__main__":
    main()
