#!/usr/bin/env bash
# FAISS compares its BLAS threshold with queries times dimension.
#
# One would guess: `distance_compute_blas_threshold` is a number of queries: at or above it a flat index multiplies
#   matrices.
# What happens: it is compared with queries times dimension. One query of 192 numbers goes through the matrix
#   product up to a threshold of 192, two queries up to 384. The setting belongs to the process, so it means
#   something else for the next index of another dimension.
# Seen with: faiss-cpu 1.15.1.
# Why it matters: the two ways round differently, by up to 1e-7 and more. Near-ties in a ranking change with a
#   number that was meant for batches only.
set -euo pipefail

packages=(faiss-cpu==1.15.1 numpy==2.4.6)
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
if command -v uv >/dev/null; then
    uv venv --quiet --python 3.11 environment
    uv pip install --quiet --python environment/bin/python "${packages[@]}"
else
    python3 -m venv environment
    environment/bin/pip install --quiet "${packages[@]}"
fi

environment/bin/python - <<'PYTHON'
import faiss
import numpy as np


def scores(queries: int, dimension: int, threshold: int) -> np.ndarray:
    random = np.random.default_rng(1)
    index = faiss.IndexFlatIP(dimension)
    index.add(random.standard_normal((5000, dimension), dtype=np.float32))
    faiss.cvar.distance_compute_blas_threshold = threshold
    return index.search(random.standard_normal((queries, dimension), dtype=np.float32), 20)[0]


print("faiss", faiss.__version__)
faiss.omp_set_num_threads(1)
for dimension, queries in ((16, 1), (16, 2), (16, 4), (192, 1), (192, 2)):
    never = scores(queries, dimension, 10**9)
    if np.array_equal(never, scores(queries, dimension, 1)):
        print("Skipped: on this processor both ways give the same bits, so they cannot be told apart.")
        raise SystemExit(0)
    product = queries * dimension
    candidates = [1, queries, queries + 1, dimension, dimension + 1, product, product + 1, 2 * product]
    last = max(t for t in candidates if not np.array_equal(scores(queries, dimension, t), never))
    print(f"{queries} queries of {dimension} numbers: the matrix product is used up to a threshold of {last}")
    assert last == product, "changed: the threshold is no longer queries x dimension"
PYTHON
