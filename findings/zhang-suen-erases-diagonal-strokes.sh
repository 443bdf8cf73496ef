#!/usr/bin/env bash
# The best-known thinning erases a diagonal stroke of two pixels.
#
# One would guess: thinning makes a stroke one pixel wide and keeps its length.
# What happens: Zhang and Suen's rules, OpenCV's default, remove a dot of 2 x 2 pixels and nearly all of a diagonal
#   two pixels wide. Guo and Hall's rules and Lee's keep it. scikit-image, by the same name, keeps half of it.
# Seen with: opencv-contrib-python-headless 5.0.0.93, scikit-image 0.26.0.
# Why it matters: strokes that were scaled down are two pixels wide. Eyes, rivets and slanted lines of a sketch
#   vanish before the encoder sees them.
set -euo pipefail

packages=(opencv-contrib-python-headless==5.0.0.93 scikit-image==0.26.0 numpy==2.4.6)
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
import cv2
import numpy as np
from skimage.morphology import skeletonize

print("opencv", cv2.__version__)
diagonal = np.zeros((40, 40), np.uint8)
for i in range(5, 30):
    diagonal[i, i : i + 2] = 255
dot = np.zeros((20, 20), np.uint8)
dot[8:10, 8:10] = 255
ways = {
    "OpenCV, Zhang-Suen": lambda a: cv2.ximgproc.thinning(a, thinningType=cv2.ximgproc.THINNING_ZHANGSUEN),
    "OpenCV, Guo-Hall": lambda a: cv2.ximgproc.thinning(a, thinningType=cv2.ximgproc.THINNING_GUOHALL),
    "scikit-image, Zhang": lambda a: skeletonize(a > 0, method="zhang"),
    "scikit-image, Lee": lambda a: skeletonize(a > 0, method="lee"),
}
left = {}
for name, thin in ways.items():
    left[name] = int((thin(diagonal) > 0).sum()), int((thin(dot) > 0).sum())
    print(f"{name}: {left[name][0]} pixels left of a diagonal of 25 steps, {left[name][1]} of a dot")
assert left["OpenCV, Zhang-Suen"][0] < 5 and left["OpenCV, Zhang-Suen"][1] == 0, "changed: the stroke is kept"
assert 5 <= left["scikit-image, Zhang"][0] < 20, "changed: scikit-image erases another part"
assert min(left["OpenCV, Guo-Hall"][0], left["scikit-image, Lee"][0]) >= 20, "changed: the others erase it too"
PYTHON
