#!/usr/bin/env bash
# usearch's inner product in 8 bits ranks by cosine and answers in raw integers.
#
# One would guess: `metric="ip"` with `dtype="i8"` is the inner product with less precision.
# What happens: vectors are scaled to the same length before they are rounded, so the ranking is that of the cosine,
#   and distances are sums of integers, such as -15895, where float32 gives 1 minus the product.
# Seen with: usearch 2.26.6.
# Why it matters: saving memory changes which photo is first as soon as lengths carry meaning, and no threshold on
#   scores survives it.
set -euo pipefail

packages=(usearch==2.26.6 numpy==2.4.6)
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
import numpy as np
import usearch
from usearch.index import Index

print("usearch", usearch.__version__)
random = np.random.default_rng(0)
vectors = random.standard_normal((50, 16)).astype(np.float32) * np.linspace(0.1, 10, 50, dtype=np.float32)[:, None]
query = vectors[3]
by_product = np.argsort(-(vectors @ query))[:3].tolist()
unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
by_cosine = np.argsort(-(unit @ unit[3]))[:3].tolist()
print("by inner product:", by_product, "  by cosine:", by_cosine)
found = {}
for dtype in ("f32", "i8"):
    index = Index(ndim=16, metric="ip", dtype=dtype)
    index.add(np.arange(50), vectors)
    matches = index.search(query, 3)
    found[dtype] = matches.keys.tolist()
    print(f"{dtype}: keys {found[dtype]}, distances {matches.distances.tolist()}")
assert found["f32"] == by_product, "changed: float32 does not rank by inner product"
assert found["i8"][0] == by_cosine[0] == 3 and found["i8"] != by_product, "changed: int8 ranks by inner product"
assert matches.distances[0] < -1000, "changed: distances are scaled"
PYTHON
