#!/usr/bin/env bash
# Importing OpenVINO starts a thread for reports of usage.
#
# One would guess: `import openvino` defines names and does nothing else.
# What happens: a thread of a pool runs afterwards that belongs to `openvino_telemetry`, which reports usage.
#   Nothing starts when that package, which is installed with it, is not to be found.
# Seen with: openvino 2026.4.1 with its own dependencies.
# Why it matters: a service that must run offline, or forks after it has imported everything, has a thread, and
#   perhaps connections, that it never asked for.
set -euo pipefail

packages=(openvino==2026.4.1 numpy==2.4.6)
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
import subprocess
import sys

code = """
import os, sys, threading
if len(sys.argv) > 1:
    sys.modules["openvino_telemetry"] = None
import openvino
pools = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
print(len(os.listdir("/proc/self/task")), len(pools), openvino.__version__)
"""
env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # NumPy's own threads are not meant here
counts = {}
for name, arguments in (("as installed", []), ("without openvino_telemetry", ["without"])):
    command = [sys.executable, "-c", code, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
    tasks, pools, version = answer.split(maxsplit=2)
    counts[name] = int(tasks), int(pools)
    print(f"openvino {version.strip()}, {name}: {tasks} threads, {pools} of Python besides the main one")
assert counts["as installed"][1] >= 1, "changed: no thread is started"
assert counts["without openvino_telemetry"] == (1, 0), "changed: threads are started without telemetry too"
PYTHON
