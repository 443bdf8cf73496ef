#!/usr/bin/env bash
# The package rdp removes the far end of a stroke that doubles back.
#
# One would guess: a simplifier never moves a line further than its tolerance, so a stroke out to 10 and back to 5
#   keeps its end at 10.
# What happens: rdp measures to the infinite line through the two ends, not to the segment between them. The tip at
#   10 lies on that line and is removed: the stroke ends at 5. Four other packages keep it.
# Seen with: rdp 0.8; simplification 2.0.0, shapely 2.2.0, OpenCV 5.0.0 and scikit-image 0.26.0 beside it.
# Why it matters: QuickDraw's simplified drawings use this algorithm, and people draw spokes, laces and hatching
#   back and forth. Half of such a stroke disappears whatever the tolerance.
set -euo pipefail

packages=(rdp==0.8 simplification==2.0.0 shapely==2.2.0
    opencv-python-headless==5.0.0.93 scikit-image==0.26.0 numpy==2.4.6)
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

import cv2
import numpy as np
import rdp
import shapely
from simplification.cutil import simplify_coords
from skimage.measure import approximate_polygon

stroke = np.array([[0, 0], [4, 0], [10, 0], [7, 0], [5, 0]], float)
results = {
    "rdp": rdp.rdp(stroke, 1.0),
    "simplification": simplify_coords(stroke, 1.0),
    "shapely": shapely.get_coordinates(shapely.LineString(stroke).simplify(1.0, preserve_topology=False)),
    "opencv-python-headless": cv2.approxPolyDP(stroke.astype(np.float32)[:, None], 1.0, False)[:, 0],
    "scikit-image": approximate_polygon(stroke, 1.0),
}
reach = {}
for name, points in results.items():
    reach[name] = float(np.max(points, axis=0)[0])
    print(f"{name} {version(name)}: {np.asarray(points).tolist()}, reaches {reach[name]:g} of 10")
assert reach.pop("rdp") == 5, "changed: rdp keeps the far end"
assert set(reach.values()) == {10.0}, "changed: another package loses the far end"
PYTHON
