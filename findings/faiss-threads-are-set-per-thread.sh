#!/usr/bin/env bash
# FAISS's number of threads holds only for the thread that set it.
#
# One would guess: `faiss.omp_set_num_threads(1)` at start holds for the whole process.
# What happens: OpenMP keeps the number for each calling thread. A thread started later, as a web server's pool
#   does, is back at all cores.
# Seen with: faiss-cpu 1.15.1; it needs a machine with two cores or more.
# Why it matters: a service that wants one thread for each search must say so in every thread that searches, or
#   searches slow each other down.
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
import os
import threading

import faiss

print("faiss", faiss.__version__, "on", os.cpu_count(), "cores")
before = faiss.omp_get_max_threads()
if before < 2:
    print("Skipped: this machine gives OpenMP one thread only.")
    raise SystemExit(0)
faiss.omp_set_num_threads(1)
seen: list[int] = []
worker = threading.Thread(target=lambda: seen.append(faiss.omp_get_max_threads()))
worker.start()
worker.join()
print("set in the main thread:", faiss.omp_get_max_threads(), " found in a new thread:", seen[0])
assert faiss.omp_get_max_threads() == 1 and seen[0] == before, "changed: new threads take the setting over"
PYTHON
