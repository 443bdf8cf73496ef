#!/usr/bin/env bash
# Building an index in LanceDB changes what an unchanged search measures.
#
# One would guess: an index makes a search faster; a search that names no metric goes on measuring squared Euclidean
#   distance.
# What happens: a search without a metric takes the index's. After `create_index(metric="cosine")` the same line of
#   code returns cosine distances, and another order.
# Seen with: lancedb 0.40.0.
# Why it matters: a threshold chosen before the index was built means something else afterwards, from one minute to
#   the next and for a running service.
set -euo pipefail

packages=(lancedb==0.40.0 pyarrow==26.0.1 numpy==2.4.6)
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
import lancedb
import numpy as np

print("lancedb", lancedb.__version__)
random = np.random.default_rng(0)
lengths = np.linspace(0.2, 5, 1000, dtype=np.float32)[:, None]
vectors = random.standard_normal((1000, 16)).astype(np.float32) * lengths
rows = [{"id": i, "vector": v.tolist()} for i, v in enumerate(vectors)]
table = lancedb.connect("lance").create_table("photos", rows)


def search() -> list[tuple[int, float]]:
    rows = table.search(vectors[700]).nprobes(4).refine_factor(20).limit(5).to_list()
    return [(row["id"], round(row["_distance"], 3)) for row in rows]


before = search()
table.create_index(metric="cosine", num_partitions=4, num_sub_vectors=4)
after = search()
print("before the index:", before)
print("after it:        ", after)
squared = ((vectors - vectors[700]) ** 2).sum(axis=1)
unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
cosine = 1 - unit @ unit[700]
assert all(abs(squared[i] - d) < 0.01 for i, d in before), "changed: not squared distances before"
assert all(abs(cosine[i] - d) < 0.01 for i, d in after), "changed: not cosine distances after"
assert [i for i, _ in before] != [i for i, _ in after], "changed: the order is the same"
PYTHON
