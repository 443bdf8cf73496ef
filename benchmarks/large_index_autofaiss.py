"""The same vectors, memory and queries for autofaiss, in an environment of its own that this script makes with uv.

    python -m benchmarks.large_index_autofaiss --folder DIR --environment CACHE [--memory 300MB]

DIR is the one of `benchmarks.large_index`, with its gallery built. autofaiss builds its index, then both search the
same queries in turns, one at a time in one thread: ours through the gallery (exact scores and photo ids included),
theirs as FAISS answers, with a list of nprobe, because autofaiss tunes to a time and not to a recall.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

ROUNDS = 3
NPROBES = (16, 32, 64, 128, 256, 1024)
# With FAISS 1.15 autofaiss 2.18 ends in a TypeError (OPQMatrix); pyarrow 19 wants numpy 2.
PACKAGES = ("autofaiss==2.18.0", "faiss-cpu==1.13.2", "numpy<2", "pyarrow<19")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--environment", type=Path, required=True)
    parser.add_argument("--memory", default="300MB")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_peer:
        answer_on(arguments)
    else:
        print(json.dumps(compare(arguments), indent=2))


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.large_index import search_all
    from index_builder.gallery.folder_gallery import open_gallery

    python = arguments.environment / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "--quiet", "--python", "3.11", arguments.environment], check=True)
        subprocess.run(["uv", "pip", "install", "--quiet", "-p", python, *PACKAGES], check=True)
    command = [python, __file__, "--folder", arguments.folder, "--environment", "-", "--memory", arguments.memory]
    points: dict[str, list[dict[str, Any]]] = {}
    with (
        subprocess.Popen([*command, "--as-peer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer,
        open_gallery(arguments.folder / "gallery", bundle=None) as gallery,
    ):
        assert peer.stdin is not None
        assert peer.stdout is not None
        built = json.loads(peer.stdout.readline())
        for _ in range(ROUNDS):
            for kind, answer in answers(arguments.folder).items():
                found, milliseconds = search_all(gallery, answer["queries"], rows=None)
                recall = np.mean(
                    [
                        np.mean(np.array(hits) >= row[-1] - 2e-6)
                        for hits, row in zip(found, answer["scores"], strict=True)
                    ]
                )
                points.setdefault(f"ours, {kind}", []).append(
                    {"recall": float(recall), "ms": statistics.median(milliseconds)}
                )
            for nprobe in NPROBES:
                peer.stdin.write(f"{nprobe}\n")
                peer.stdin.flush()
                for kind, point in json.loads(peer.stdout.readline()).items():
                    points.setdefault(f"autofaiss nprobe {nprobe}, {kind}", []).append(point)
        peer.stdin.close()
    table = {
        name: {"recall": round(each[0]["recall"], 4), "median_ms": round(statistics.median(p["ms"] for p in each), 3)}
        for name, each in points.items()
    }
    return {"autofaiss": built, "rounds": ROUNDS, "searches": table}


def answer_on(arguments: argparse.Namespace) -> None:
    """In autofaiss's environment: builds, says how, then answers each nprobe from stdin with recall and latency."""
    path = arguments.folder / "autofaiss.index"
    if not path.exists():
        from autofaiss import build_index

        embeddings = arguments.folder / "embeddings"
        embeddings.mkdir(exist_ok=True)
        (embeddings / "0.npy").unlink(missing_ok=True)
        (embeddings / "0.npy").hardlink_to(arguments.folder / "vectors.npy")
        start = time.perf_counter()
        index_infos = arguments.folder / "autofaiss.json"
        build_index(
            str(embeddings),
            index_path=str(path),
            index_infos_path=str(index_infos),
            metric_type="ip",
            max_index_memory_usage=arguments.memory,
            current_memory_available="8G",
            verbose=40,
        )
        seconds = time.perf_counter() - start
        index_infos.write_text(json.dumps({**json.loads(index_infos.read_text()), "build_seconds": round(seconds, 1)}))
    faiss.omp_set_num_threads(1)
    index = faiss.read_index(str(path))
    infos = json.loads((arguments.folder / "autofaiss.json").read_text())
    say({**infos, "mb": round(path.stat().st_size / 1e6, 1)})
    for line in sys.stdin:
        nprobe = int(line)
        has_hnsw = "_HNSW" in infos["index_key"]
        parameters = f"nprobe={nprobe},ht=2048" + (f",efSearch={2 * nprobe}" if has_hnsw else "")
        space: Any = faiss.ParameterSpace()  # its type stubs know the C++ methods, not the Python ones
        space.set_index_parameters(index, parameters)
        say({kind: search(index, answer) for kind, answer in answers(arguments.folder).items()})


def search(index: Any, answer: dict[str, Any]) -> dict[str, float]:  # noqa: ANN401  faiss has no types
    milliseconds, shares = [], []
    for query, right in zip(answer["queries"], answer["rows"], strict=True):
        start = time.perf_counter()
        _, rows = index.search(query[None], len(right))
        milliseconds.append((time.perf_counter() - start) * 1000)
        shares.append(len(set(rows[0].tolist()) & set(right.tolist())) / len(right))
    return {"recall": float(np.mean(shares)), "ms": statistics.median(milliseconds)}


def answers(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: dict(np.load(path)) for path in sorted(folder.glob("*.npz"))}


def say(values: dict[str, Any]) -> None:
    print(json.dumps(values), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
