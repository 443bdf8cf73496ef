#!/usr/bin/env bash
# safetensors saves a transposed NumPy array as other numbers, without an error.
#
# One would guess: `save_file` stores the array's values, or refuses one that is not contiguous, as it does for
#   torch.
# What happens: the memory is written as it lies, under the shape of the transposed array. What is read back has the
#   right shape and type, and its rows and columns are mixed up.
# Seen with: safetensors 0.8.0, `safetensors.numpy`.
# Why it matters: a projection saved as `weights.T` loads without complaint and retrieves at chance.
#   `np.ascontiguousarray` first.
set -euo pipefail

packages=(safetensors==0.8.0 numpy==2.4.6)
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

import numpy as np
from safetensors.numpy import load_file, save_file

print("safetensors", version("safetensors"))
weights = np.arange(6, dtype=np.float32).reshape(2, 3)
for name, array in {"transposed": weights.T, "Fortran order": np.asfortranarray(weights)}.items():
    save_file({"weights": array}, "array.safetensors")
    read = load_file("array.safetensors")["weights"]
    print(f"{name}: saved {array.tolist()}, read {read.tolist()}")
    assert read.shape == array.shape and not np.array_equal(read, array), "changed: the values are kept"
    save_file({"weights": np.ascontiguousarray(array)}, "copy.safetensors")
    assert np.array_equal(load_file("copy.safetensors")["weights"], array)
print("a contiguous copy of each is read back right")
PYTHON
