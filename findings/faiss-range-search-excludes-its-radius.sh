#!/usr/bin/env bash
# A FAISS range search with radius 0 finds no exact copies.
#
# One would guess: everything at the radius or nearer is found, so radius 0 finds copies, and radius 5 finds hashes
#   with 5 different bits.
# What happens: the radius itself is excluded. Radius 0 finds nothing, not even the vector itself; for bits, radius
#   1 is what finds copies.
# Seen with: faiss-cpu 1.15.1; flat, IVF, HNSW and binary flat indexes.
# Why it matters: near-duplicate photos are found by the number of different bits of a hash. A limit taken from a
#   paper loses its last bit, and a limit of 0 loses all.
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
vectors = random.standard_normal((500, 32), dtype=np.float32)
for kind in ("Flat", "IVF4,Flat", "HNSW16,Flat"):
    index = faiss.index_factory(32, kind)
    index.train(vectors)
    index.add(vectors)
    found = [int(index.range_search(vectors[:3], radius)[0][-1]) for radius in (0.0, 1e-9)]
    print(f"{kind}: 3 stored vectors find {found[0]} copies at radius 0 and {found[1]} at radius 1e-9")
    assert found == [0, 3], "changed: the radius is included"
hashes = random.integers(0, 256, (100, 8), dtype=np.uint8)
near = hashes[:1].copy()
near[0, 0] ^= 0b111  # three bits differ from the first hash
binary = faiss.IndexBinaryFlat(64)
binary.add(hashes)
found = [int(binary.range_search(near, radius)[0][-1]) for radius in (3, 4)]
print("a hash with 3 other bits is found at radius 3:", found[0], " at radius 4:", found[1])
assert found == [0, 1], "changed: the radius is included"
PYTHON
