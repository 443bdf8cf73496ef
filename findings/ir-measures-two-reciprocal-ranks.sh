#!/usr/bin/env bash
# ir-measures ranks ties in two ways, so RR and RR@20 of one run of 20 contradict each other.
#
# One would guess: with 20 photos, `RR` and `RR@20` are the same number.
# What happens: two programs behind one interface: for `RR` equal scores are ordered by name, the last first, for
#   `RR@20` otherwise. The right photo is first by one and last by the other.
# Seen with: ir-measures 0.4.3 with pytrec-eval-terrier 0.5.11.
# Why it matters: a collapsed encoder, or one rounded to 8 bits, gives many equal scores. The same ranking then
#   reads as perfect or as worst, depending on the cutoff in the measure's name.
set -euo pipefail

packages=(ir-measures==0.4.3 pytrec-eval-terrier==0.5.11 numpy==2.4.6)
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

import ir_measures
from ir_measures import RR, Success

print("ir-measures", version("ir-measures"), " pytrec-eval-terrier", version("pytrec-eval-terrier"))
photos = [f"p{i}" for i in range(20)]
run = {"sketch": dict.fromkeys(photos, 1.0)}  # every photo has the same score
table = {}
for right in ("p0", "p9", "p19"):
    measured = ir_measures.calc_aggregate([RR, RR @ 20, Success @ 1], {"sketch": {right: 1}}, run)
    table[right] = measured[RR], measured[RR @ 20]
    print(f"right photo {right}:", ", ".join(f"{name} {value:.3f}" for name, value in measured.items()))
assert table["p0"] == (0.05, 1.0) and table["p9"] == (1.0, 0.05), "changed: both order ties in the same way"
PYTHON
