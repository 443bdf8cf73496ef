#!/usr/bin/env bash
# OpenCV's thinning of a mask of zeros and ones is empty.
#
# One would guess: whatever is not zero is ink, as in scikit-image.
# What happens: values up to 127 count as paper, so a boolean mask as uint8 gives an empty picture.
# Seen with: opencv-contrib-python-headless 5.0.0.93, `cv2.ximgproc.thinning`.
# Why it matters: a sketch's mask comes out of NumPy as zeros and ones. The result is a blank picture, and no error.
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
mask = np.zeros((60, 60), np.uint8)
mask[20:27, 10:50] = 1
ink = {value: int((cv2.ximgproc.thinning(mask * value) > 0).sum()) for value in (1, 127, 128, 255)}
print("pixels left of a bar, by the value of its ink:", ink, " scikit-image:", int(skeletonize(mask).sum()))
assert ink[1] == ink[127] == 0 and ink[128] == ink[255] > 20, "changed: other values count as ink"
PYTHON
