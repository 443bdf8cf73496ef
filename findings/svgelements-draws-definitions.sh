#!/usr/bin/env bash
# svgelements reads shapes that an SVG only defines and never shows.
#
# One would guess: what a program would not draw is not among the elements: neither `defs` nor `symbol`, `mask`,
#   `marker`, `clipPath` or `pattern`.
# What happens: `defs`, `clipPath` and `pattern` are left out, the contents of `symbol`, `mask` and `marker` are
#   listed like strokes of the drawing. `display: none` is left out, `visibility: hidden` is kept.
# Seen with: svgelements 1.9.6.
# Why it matters: arrow heads and masks that drawing programs write into every file become strokes near the origin,
#   and the crop to the ink grows with them.
set -euo pipefail

packages=(svgelements==1.9.6)
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
import io
from importlib.metadata import version

import svgelements

print("svgelements", version("svgelements"))
names = ("defs", "symbol", "mask", "marker", "clipPath", "pattern")
hidden = "".join(f'<{name}><path id="in {name}" d="M0 0L9 9"/></{name}>' for name in names)
svg = f'''<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">{hidden}
<path id="shown" d="M20 20L30 30"/>
<path id="display none" d="M1 1L2 2" style="display:none"/>
<path id="visibility hidden" d="M1 1L2 2" visibility="hidden"/></svg>'''
found = [e.id for e in svgelements.SVG.parse(io.StringIO(svg)).elements() if isinstance(e, svgelements.Shape)]
print("shapes:", found)
assert found == ["in symbol", "in mask", "in marker", "shown", "visibility hidden"], "changed: other shapes are listed"
PYTHON
