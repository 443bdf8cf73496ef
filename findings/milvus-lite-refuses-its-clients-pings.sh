#!/usr/bin/env bash
# milvus-lite ends its own client's connection for asking too often whether it is there.
#
# One would guess: a client that only waits keeps its connection, as both ends come from one project.
# What happens: pymilvus sends a ping every ten seconds. The server in milvus-lite keeps gRPC's default rule, which
#   allows far fewer without a call, and after one to two minutes without a call closes the connection with
#   `too_many_pings`. The next call has to connect anew.
# Seen with: pymilvus 3.0.2, milvus-lite 3.2.2. The script takes some three minutes.
# Why it matters: a search service rests between questions: every pause ends in an error in the log and a lost
#   connection. A longer `grpc.keepalive_time_ms` for the client mends it.
set -euo pipefail

packages=(pymilvus==3.0.2 milvus-lite==3.2.2)
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

cat >wait.py <<'PYTHON'
import time
from importlib.metadata import version
from pathlib import Path

from pymilvus import MilvusClient

print("pymilvus", version("pymilvus"), " milvus-lite", version("milvus-lite"), flush=True)
client = MilvusClient("gallery.db")
client.list_collections()
start = time.monotonic()
while time.monotonic() - start < 240 and "too_many_pings" not in Path("log.txt").read_text():
    time.sleep(1)
print(f"waited {time.monotonic() - start:.0f} s without a call")
client.close()
PYTHON
env -u GRPC_VERBOSITY environment/bin/python wait.py 2>log.txt
if ! grep --quiet too_many_pings log.txt; then
    echo "changed: the connection is kept for four minutes"
    exit 1
fi
echo "the client's log: $(grep --only-matching 'error code ENHANCE_YOUR_CALM.*' log.txt | head -1)"
