#!/usr/bin/env bash
# usearch fills the places of missing results with key 0, which is a valid key.
#
# One would guess: where fewer results exist than were asked for, a batch of searches marks the rest with -1, or
#   with another key that no item has.
# What happens: the rest of the keys is 0 and the rest of the distances NaN (not a number). Only `counts` says where
#   the results end.
# Seen with: usearch 2.26.6, a batch of two or more queries.
# Why it matters: photo 0 is a photo like any other. Whoever reads `keys` as they do FAISS's ids shows it to
#   everyone, and counts it as found.
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
vectors = np.random.default_rng(0).standard_normal((8, 16)).astype(np.float32)
index = Index(ndim=16, metric="cos", dtype="f32")
index.add(np.arange(100, 108), vectors)  # no item has key 0
found = index.search(vectors[:2], 12)
print("keys     ", found.keys[0].tolist())
print("distances", np.round(found.distances[0], 2).tolist())
print("counts   ", found.counts.tolist())
assert found.counts.tolist() == [8, 8], "changed: another number of results"
assert (found.keys[:, 8:] == 0).all(), "changed: missing keys are not 0"
assert np.isnan(found.distances[:, 8:]).all(), "changed: missing distances are not NaN"
PYTHON
