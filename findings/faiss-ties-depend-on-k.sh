#!/usr/bin/env bash
# Which of several equal photos comes first in FAISS depends on how many are asked for.
#
# One would guess: equal scores come in the order of their ids, and the first ten of a hundred results are the ten
#   results.
# What happens: for k equal photos the order is reversed: k = 1 gives photo 0, k = 10 begins with photo 9, k = 100
#   with photo 99. Ten results and the first ten of a hundred share nothing.
# Seen with: faiss-cpu 1.15.1; flat and IVF indexes, one query or 64.
# Why it matters: a shop shows the same picture of a product many times. Pages of results, and a test that compares
#   top 10 with top 100, disagree although every score is right.
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

print("faiss", faiss.__version__)
random = np.random.default_rng(0)
vectors = random.standard_normal((1500, 32), dtype=np.float32)
faiss.normalize_L2(vectors)
vectors[:500] = vectors[0]  # 500 copies of one photo
for kind in ("Flat", "IVF8,Flat"):
    index = faiss.index_factory(32, kind, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    if kind != "Flat":
        index.nprobe = 8
    first = {}
    for k in (1, 10, 100):
        scores, ids = index.search(vectors[:1], k)
        assert (scores == scores[0, 0]).all(), "the copies' scores are not equal"
        first[k] = ids[0, :10]
        print(f"{kind}, k = {k}: first ids {ids[0, :4].tolist()}")
    assert [int(first[k][0]) for k in (1, 10, 100)] == [0, 9, 99], "changed: ties have another order"
    assert not set(first[10]) & set(first[100]), "changed: ten results are part of a hundred"
PYTHON
