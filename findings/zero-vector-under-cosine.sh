#!/usr/bin/env bash
# Four libraries give four answers for the cosine of a blank picture.
#
# One would guess: a vector of zeros has no direction: an error, or the distance 1 for every photo.
# What happens: Voyager gives distance 1, Qdrant's local mode score 0, DuckDB NaN (not a number), and LanceDB no
#   rows at all: a zero query finds nothing, and a stored zero is left out of every answer by cosine.
# Seen with: lancedb 0.40.0, qdrant-client 1.20.0 (local mode), duckdb 2.0.1, voyager 2.2.3.
# Why it matters: a blank sketch, or a photo whose encoder answers with zeros, behaves differently after moving a
#   gallery, and in LanceDB the number of photos that can be found differs from the number of rows.
set -euo pipefail

packages=(lancedb==0.40.0 qdrant-client==1.20.0 duckdb==2.0.1 voyager==2.2.3 pyarrow==26.0.1 numpy==2.4.6)
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
from importlib.metadata import version

import duckdb
import lancedb
import numpy as np
import voyager
from qdrant_client import QdrantClient, models

for name in ("voyager", "qdrant-client", "duckdb", "lancedb"):
    print(name, version(name))
vectors = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
zero = np.zeros(4, np.float32)

graph = voyager.Index(voyager.Space.Cosine, 4)
graph.add_items(vectors)
graph_distances = graph.query(zero, 3)[1].tolist()
print("Voyager, distances of a zero query:", graph_distances)

client = QdrantClient(":memory:")
client.create_collection("photos", vectors_config=models.VectorParams(size=4, distance=models.Distance.COSINE))
client.upsert("photos", [models.PointStruct(id=i, vector=v.tolist()) for i, v in enumerate(vectors)])
qdrant = [point.score for point in client.query_points("photos", query=zero.tolist(), limit=3).points]
print("Qdrant local, scores of a zero query:", qdrant)

ask = "select array_cosine_distance([0, 0, 0, 0]::FLOAT[4], [1, 0, 0, 0]::FLOAT[4])"
duck = duckdb.sql(ask).fetchall()[0][0]
print("DuckDB, distance:", duck)

rows = [{"id": i, "vector": v.tolist()} for i, v in enumerate([*vectors, zero])]
table = lancedb.connect("lance").create_table("photos", rows)
as_query = len(table.search(zero).distance_type("cosine").limit(50).to_list())
stored = len(table.search(vectors[0]).distance_type("cosine").limit(50).to_list())
print(f"LanceDB, rows: {table.count_rows()}, found by a zero query: {as_query}, by another query: {stored}")
assert graph_distances == [1.0] * 3 and qdrant == [0.0] * 3 and np.isnan(duck), "changed: another answer for zeros"
assert (as_query, stored) == (0, 20), "changed: LanceDB finds rows of zeros"
PYTHON
