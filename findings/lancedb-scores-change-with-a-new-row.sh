#!/usr/bin/env bash
# In LanceDB a new row changes the distances of all the others.
#
# One would guess: the distance of a stored photo to a query stays as it is while other photos come in.
# What happens: with a compressed index, distances are those of the compressed vectors. As soon as one row is not in
#   the index yet, all results are compared anew with the full vectors, and every distance is another.
# Seen with: lancedb 0.40.0, an IVF_PQ index, no `refine_factor`.
# Why it matters: a photo's distance falls by half when somebody uploads an unrelated one, and rises again when the
#   index is rebuilt. Thresholds and stored scores do not hold.
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
vectors = np.random.default_rng(0).standard_normal((1000, 16)).astype(np.float32)
rows = [{"id": i, "vector": v.tolist()} for i, v in enumerate(vectors)]
table = lancedb.connect("lance").create_table("photos", rows)
table.create_index(metric="cosine", num_partitions=1, num_sub_vectors=4)


def search() -> dict[int, float]:
    return {row["id"]: round(row["_distance"], 4) for row in table.search(vectors[0]).limit(5).to_list()}


before = search()
table.add([{"id": 5000, "vector": (-vectors[0]).tolist()}])  # the least similar photo there can be
after = search()
print("before the new row:", before)
print("after it:          ", after)
unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
exact = 1 - unit @ unit[0]
assert 5000 not in after, "the new row was found"
assert before[0] > 0.001 and after[0] < 0.0001, "changed: the photo's own distance is the same before and after"
assert all(abs(exact[i] - d) < 0.001 for i, d in after.items()), "changed: distances are not exact after"
assert any(abs(exact[i] - d) > 0.05 for i, d in before.items()), "changed: distances are exact before"
PYTHON
