#!/usr/bin/env bash
# A filter on a FAISS IVF index silently sets nprobe back to 1.
#
# One would guess: a selector given with a search leaves the index's own `nprobe` (or an HNSW graph's `efSearch`) as
#   it was set.
# What happens: the object that carries the selector has its own `nprobe`, 1 unless given, and its own `efSearch`,
#   16, and these replace what the index was set to.
# Seen with: faiss-cpu 1.15.1.
# Why it matters: a search filtered by a selector that lets everything through finds a quarter of what the same
#   search finds without it.
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
vectors = random.standard_normal((4000, 32), dtype=np.float32)
queries = vectors[:100] + 0.3 * random.standard_normal((100, 32), dtype=np.float32)
exact = faiss.IndexFlatL2(32)
exact.add(vectors)
truth = exact.search(queries, 10)[1]


def recall(ids: np.ndarray) -> float:
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(ids, truth)]))


everything = faiss.IDSelectorRange(0, 4000)
lists = faiss.index_factory(32, "IVF64,Flat")
lists.train(vectors)
lists.add(vectors)
lists.nprobe = 64
graph = faiss.IndexHNSWFlat(32, 16)
graph.add(vectors)
graph.hnsw.efSearch = 400
plain = recall(lists.search(queries, 10)[1]), recall(graph.search(queries, 10)[1])
with_selector = (
    recall(lists.search(queries, 10, params=faiss.SearchParametersIVF(sel=everything))[1]),
    recall(graph.search(queries, 10, params=faiss.SearchParametersHNSW(sel=everything))[1]),
)
told = recall(lists.search(queries, 10, params=faiss.SearchParametersIVF(sel=everything, nprobe=64))[1])
print(f"IVF with nprobe 64: recall {plain[0]:.2f}, with a selector of everything {with_selector[0]:.2f}")
print(f"IVF with a selector of everything and nprobe 64 beside it: recall {told:.2f}")
print(f"HNSW with efSearch 400: recall {plain[1]:.2f}, with a selector of everything {with_selector[1]:.2f}")
print("defaults:", faiss.SearchParametersIVF().nprobe, faiss.SearchParametersHNSW().efSearch)
assert plain[0] == told == 1.0 and with_selector[0] < 0.6, "changed: nprobe is kept"
assert faiss.SearchParametersHNSW().efSearch == 16 and with_selector[1] < plain[1], "changed: efSearch is kept"
PYTHON
