#!/usr/bin/env bash
# OpenVINO turns a picture in [0, 1] into black without an error.
#
# One would guess: a network whose input is uint8 refuses float32, as ONNX Runtime does, or rounds and clips it.
# What happens: the array is cast as C would: 0.5 becomes 0, 254.7 becomes 254, and 300 becomes 44.
# Seen with: openvino 2026.4.1, calling a compiled model.
# Why it matters: a picture that was already scaled to [0, 1], fed to a network that scales for itself, is black.
#   Every sketch then gets the same embedding and nothing complains.
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
import sys
from importlib.metadata import version

sys.modules["openvino_telemetry"] = None  # nothing is to be reported from here
import numpy as np
import openvino
from openvino import opset13

print("openvino", version("openvino"))
pixels = opset13.parameter([-1, 4], np.uint8)
network = openvino.Model([opset13.convert(pixels, "f32")], [pixels])
compiled = openvino.Core().compile_model(network, "CPU")
for given, expected in (
    (np.array([[0.0, 0.25, 0.5, 0.99]], np.float32), [0, 0, 0, 0]),
    (np.array([[1.0, 127.5, 254.7, 300.2]], np.float32), [1, 127, 254, 44]),
    (np.array([[0, 255, 256, 300]], np.int32), [0, 255, 0, 44]),
):
    seen = compiled(given)[0][0].tolist()
    print(f"given {given.dtype} {np.round(given[0], 2).tolist()}, the network sees {seen}")
    assert seen == expected, "changed: the input is refused, rounded or clipped"
PYTHON
