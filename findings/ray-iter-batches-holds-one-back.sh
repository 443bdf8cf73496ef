#!/usr/bin/env bash
# Ray Data's iter_batches keeps a finished batch until the next one is finished.
#
# One would guess: a batch is handed out as soon as it is ready.
# What happens: with the default `prefetch_batches=1` each batch waits for the one after it: with two seconds of
#   work for each, it comes two seconds late. With 0 it comes at once.
# Seen with: ray 2.60.0, one core, no dashboard.
# Why it matters: a build that saves progress batch by batch loses a batch that was finished when it is stopped, and
#   a progress display lags.
set -euo pipefail

packages=("ray[data]==2.60.0" numpy==2.4.6)
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
import time

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
os.environ["RAY_raylet_start_wait_time_s"] = "240"  # a busy machine is slow to start it
import numpy as np
import ray

print("ray", ray.__version__)
quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
ray.init(address="local", num_cpus=1, _temp_dir=os.path.abspath("ray"), **quiet)
ray.data.DataContext.get_current().enable_progress_bars = False


def encode(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    time.sleep(2)
    return {**batch, "ready": np.full(len(batch["id"]), time.time())}


lags = {}
for prefetch in (1, 0):
    data = ray.data.range(8, override_num_blocks=4).map_batches(encode, batch_size=2)
    batches = data.iter_batches(batch_size=2, prefetch_batches=prefetch)
    lags[prefetch] = [round(time.time() - float(batch["ready"][0]), 1) for batch in batches]
    print(f"prefetch_batches={prefetch}: seconds from ready to handed out {lags[prefetch]}")
ray.shutdown()
assert min(lags[1][:-1]) > 1.5, "changed: batches are handed out at once"
assert max(lags[0]) < 1.5, "changed: batches wait without prefetching too"
PYTHON
