"""Checks on a machine with a GPU that encoder and search really run there and answer as on the CPU; prints figures.

    python - < tools/gpu_checks.py              python - --rows 1000000 < tools/gpu_checks.py

from the root of the project. Needs the gpu extra, or runs inside the GPU image (tools/prove_gpu.py does that). Each
claim is one line, and the first that does not hold ends the run with status 1. `--device cpu` tries this script itself
out where there is no GPU: it compares the CPU with the CPU.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

import faiss
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from index_builder.gallery.indexes.gpu import FaissGpu, Gpu
from model.bundle import Bundle, Modality, default_bundle_path, read_bundle
from model.encoder import Encoder, open_encoder

Vectors = NDArray[np.float32]
Device = Literal["cuda", "cpu"]
Found = tuple[NDArray[np.float32], NDArray[np.int64]]
DIMENSION = 384
MAX_ANGLE = 1e-3  # 1 - cosine between the embeddings of both devices
PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}
# In processes of their own, because what was loaded first stays loaded.
IN_ORDER = """
import {first}, {second}
import faiss, numpy as np
from index_builder.gallery.indexes.gpu import Gpu
from model.bundle import default_bundle_path, read_bundle
from model.encoder import open_encoder
bundle = read_bundle(default_bundle_path())
encoder = open_encoder(bundle, "photo", device="cuda", precision="fp32")
side = bundle.preprocessing.image_size_px
vectors = encoder.encode(np.random.default_rng(0).standard_normal((64, 3, side, side), np.float32))
flat = faiss.IndexFlatIP(vectors.shape[1])
flat.add(vectors)
placed = Gpu(limit_bytes=10**9, required=True).place(flat)
faiss.omp_set_num_threads(1)
assert (placed.search(vectors, 5)[1] == flat.search(vectors, 5)[1]).all()
"""


def main() -> int:
    """Runs all checks; returns the exit status."""
    parser = argparse.ArgumentParser(description="Checks that the GPU is really used and answers as the CPU does.")
    parser.add_argument("--rows", type=int, default=200_000, help="size of the gallery that is searched")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu tries out this script")
    given = parser.parse_args()
    if given.device == "cuda" and (FaissGpu().num_gpus() < 1 or PROVIDERS["cuda"] not in ort.get_available_providers()):
        print("no usable GPU, or not the gpu extra: nothing was checked", file=sys.stderr)
        return 2
    try:
        figures = {**check_encoders(given.device), **check_search(given.device, given.rows)}
        if given.device == "cuda":
            check_import_orders()
    except AssertionError as error:
        print(f"FAILED  {error}", file=sys.stderr)
        return 1
    versions = {"faiss": faiss.__version__, "onnxruntime": ort.__version__, "gpu": _gpu_name(), "device": given.device}
    print(json.dumps({**versions, **figures}))
    return 0


def check_encoders(device: Device) -> dict[str, float]:
    """Provider, agreement with the CPU, and the speed of one sketch and of a batch of photos."""
    bundle = read_bundle(default_bundle_path())
    figures = {}
    modalities: tuple[Modality, ...] = ("sketch", "photo")
    for modality in modalities:
        images = _images(bundle, 32)
        here = open_encoder(bundle, modality, device=device, precision="fp32")
        claim(here.provider == PROVIDERS[device], f"the {modality} encoder runs on {here.provider}")
        reference = open_encoder(bundle, modality, device="cpu", precision="fp32").encode(images)
        angle = 1 - float((here.encode(images) * reference).sum(axis=1).min())
        claim(angle <= MAX_ANGLE, f"1 - cosine between its embeddings and the CPU's is at most {angle:.1e}")
        figures[f"{modality}_encode_ms"] = _milliseconds(_encode(here, images[:1]), repeats=50)
    figures["photos_per_second"] = len(images) / _milliseconds(_encode(here, images), repeats=10) * 1000
    return {name: round(value, 3) for name, value in figures.items()}


def check_search(device: Device, num_rows: int) -> dict[str, float]:
    """The same rows and scores as on the CPU, for random vectors in clusters, and the time of one search."""
    faiss.omp_set_num_threads(1)
    vectors, queries = _clustered(num_rows), _clustered(200, seed=1)
    index = faiss.IndexFlatIP(DIMENSION)
    index.add(vectors)
    gpu = Gpu(limit_bytes=64 * 10**9, required=True, library=None if device == "cuda" else _CpuInItsPlace())
    started = time.perf_counter()
    placed = gpu.place(index)
    figures = {"rows": float(num_rows), "place_ms": (time.perf_counter() - started) * 1000}
    for k in (1, 12, 100):
        expected = [index.search(query[None], k) for query in queries]
        found = [placed.search(query[None], k) for query in queries]
        equal = sum(_are_equal(a, b) for a, b in zip(expected, found, strict=True))
        claim(equal == len(queries), f"top {k}: {equal} of {len(queries)} answers equal the CPU's to the last bit")
    figures["search_ms"] = _milliseconds(_search(placed, queries), repeats=200)
    figures["search_cpu_ms"] = _milliseconds(_search(index, queries), repeats=50)
    placed.close()
    after = _are_equal(placed.search(queries[:1], 5), index.search(queries[:1], 5))
    claim(after, "taken off the GPU, it answers alike")
    return {name: round(value, 3) for name, value in figures.items()}


def check_import_orders() -> None:
    """Encoder and search share the GPU whichever library was loaded first."""
    for first, second in (("onnxruntime", "faiss"), ("faiss", "onnxruntime")):
        script = IN_ORDER.format(first=first, second=second)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        claim(done.returncode == 0, f"with {first} imported first, both use the GPU {done.stderr[-500:]}".rstrip())


def claim(holds: bool, sentence: str) -> None:
    """Prints a sentence that holds; AssertionError for one that does not."""
    assert holds, sentence
    print(f"ok      {sentence}", flush=True)


class _Index(Protocol):
    def search(self, queries: Vectors, k: int) -> Found: ...


class _CpuInItsPlace:
    def num_gpus(self) -> int:
        return 1

    def resources(self) -> None:
        return None

    def place(self, _resources: None, index: _Index) -> _Index:
        return index


def _images(bundle: Bundle, count: int) -> Vectors:
    side = bundle.preprocessing.image_size_px
    return np.random.default_rng(0).standard_normal((count, 3, side, side), np.float32)


def _clustered(count: int, *, seed: int = 0) -> Vectors:
    centres = np.random.default_rng(9).standard_normal((100, DIMENSION), np.float32)
    generator = np.random.default_rng(seed)
    vectors = centres[generator.integers(0, 100, count)] + generator.standard_normal((count, DIMENSION), np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _are_equal(first: Found, second: Found) -> bool:
    return np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])


def _encode(encoder: Encoder, images: Vectors) -> Callable[[], object]:
    return lambda: encoder.encode(images)


def _search(index: _Index, queries: Vectors) -> Callable[[], object]:
    turns: Iterator[int] = iter(range(10**9))
    return lambda: index.search(queries[next(turns) % len(queries)][None], 12)


def _milliseconds(work: Callable[[], object], *, repeats: int) -> float:
    times = []
    for _ in range(repeats + 3):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times[3:])


def _gpu_name() -> str:
    try:
        command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
