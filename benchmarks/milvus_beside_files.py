"""The same gallery searched in files and in Milvus: are the ten best photos the same, and what does a search take?

    python -m benchmarks.milvus_beside_files --gallery GALLERY --bundle BUNDLE --sketches DRAWINGS --store milvus://…

publishes the gallery to the store, and asks both for the ten best of each drawing and of some of its own photos, in
turns. Times count from the embedding to the hits with their metadata. Prints one JSON object.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.folder_gallery import Gallery, open_gallery
from index_builder.gallery.interface import Hit, PhotoGallery
from index_builder.gallery.milvus.address import MilvusAddress
from index_builder.gallery.open import opened
from index_builder.indexing.requirements import IndexRequirements, parse_bytes
from index_builder.indexing.sketch_queries import embed_sketches, find_sketches
from index_builder.progress import SilentProgress
from index_builder.publishing.milvus import MilvusPublisher
from model.bundle import read_bundle

K = 10
_TIE = 1e-6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gallery", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--sketches", type=Path, required=True)
    parser.add_argument("--store", type=MilvusAddress.parse, required=True)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--photos", type=int, default=400, help="queries from the gallery itself")
    arguments = parser.parse_args()
    sketches = embed_sketches(find_sketches(arguments.sketches), read_bundle(arguments.bundle), device="cpu")
    with open_gallery(arguments.gallery, bundle=None) as files:
        said, seconds = publish(files, arguments.store, parse_bytes(arguments.memory), sketches)
        queries = {"sketches": sketches, "photos": own_photos(files, arguments.photos)}
        with opened(arguments.store, bundle=None) as milvus:
            result = {kind: compare({"files": files, "milvus": milvus}, each) for kind, each in queries.items()}
        print(json.dumps({"photos": files.size, "publish_seconds": seconds, "said": said, **result}, indent=2))


def publish(
    files: Gallery, store: MilvusAddress, memory_bytes: int, sketches: NDArray[np.float32]
) -> tuple[list[str], float]:
    progress = SilentProgress()
    requirements = IndexRequirements(memory_bytes=memory_bytes, sketches=lambda: sketches)
    publisher = MilvusPublisher(store, requirements=requirements, progress=progress, grace_seconds=0)
    started = time.perf_counter()
    publisher.publish(files)
    publisher.close()
    return progress.lines, round(time.perf_counter() - started, 1)


def own_photos(files: Gallery, number: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(0).choice(files.size, min(number, files.size), replace=False)
    return files.embeddings_of(np.sort(rows).astype(np.int64))


def compare(galleries: dict[str, PhotoGallery], queries: NDArray[np.float32]) -> dict[str, Any]:
    """How many answers are the same, and median and 95 % of the milliseconds of each gallery, asked in turns."""
    times: dict[str, list[float]] = {name: [] for name in galleries}
    identical = ties_aside = 0
    for query in queries:
        answers: dict[str, Sequence[Hit]] = {}
        for name, gallery in galleries.items():
            answers[name], milliseconds = timed(partial(search, gallery, query))
            times[name].append(milliseconds)
        files, milvus = answers.values()
        identical += list(files) == list(milvus)
        ties_aside += is_same_but_for_ties(files, milvus)
    return {
        "queries": len(queries),
        "identical": identical,
        "identical_ties_aside": ties_aside,
        **{f"{name}_ms": [statistics.median(each), float(np.percentile(each, 95))] for name, each in times.items()},
    }


def search(gallery: PhotoGallery, query: NDArray[np.float32]) -> Sequence[Hit]:
    return gallery.search(query, k=K)


def timed(work: Callable[[], Sequence[Hit]]) -> tuple[Sequence[Hit], float]:
    started = time.perf_counter()
    result = work()
    return result, (time.perf_counter() - started) * 1000


def is_same_but_for_ties(one: Sequence[Hit], other: Sequence[Hit]) -> bool:
    return all(a.photo_id == b.photo_id or abs(a.score - b.score) < _TIE for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    main()
