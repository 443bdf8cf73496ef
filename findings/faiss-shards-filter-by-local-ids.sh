#!/usr/bin/env bash
# A filter on FAISS shards means each shard's own numbers, not those it returns.
#
# One would guess: an `IndexShards` that returns ids 0 to 1999 is filtered by those ids.
# What happens: each shard applies the selector to its own numbers, which begin at 0, and the ids are moved
#   afterwards. Photo 1500 cannot be selected; selecting 500 returns 500 and 1500.
# Seen with: faiss-cpu 1.15.1, `IndexShards(dimension, threaded=False, successive_ids=True)`.
# Why it matters: a filtered search over a split gallery returns photos that the filter excludes, without an error.
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
vectors = np.random.default_rng(0).standard_normal((2000, 32), dtype=np.float32)
shards = faiss.IndexShards(32, False, True)
parts = []
for start in (0, 1000):
    part = faiss.IndexFlatL2(32)
    part.add(vectors[start : start + 1000])
    parts.append(part)
    shards.add_shard(part)
print("without a filter photo 1500 finds", shards.search(vectors[1500:1501], 1)[1][0].tolist())
found = {}
for allowed in (1500, 500):
    selector = faiss.IDSelectorBatch([allowed])
    ids = shards.search(vectors[1500:1501], 3, params=faiss.SearchParameters(sel=selector))[1][0].tolist()
    found[allowed] = ids
    print(f"allowed: {allowed}   found: {ids}")
assert found == {1500: [-1, -1, -1], 500: [1500, 500, -1]}, "changed: the selector is applied to other ids"
PYTHON
