#!/usr/bin/env bash
# svgpathtools returns strokes by kind, not in the order of drawing.
#
# One would guess: shapes come in the order of the file, which is the order in which they were drawn.
# What happens: `svg2paths` lists all paths first, then all polylines, then lines. `Document.paths` puts what lies
#   in a group after everything outside it.
# Seen with: svgpathtools 1.8.0.
# Why it matters: the order of strokes is what a partial sketch ("the first half of the drawing") is made from, and
#   it decides what covers what.
set -euo pipefail

packages=(svgpathtools==1.8.0 numpy==2.4.6)
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
from pathlib import Path

from svgpathtools import Document, svg2paths

print("svgpathtools", version("svgpathtools"))
Path("sketch.svg").write_text(
    """<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">
<line x1="1" y1="0" x2="1" y2="9"/><polyline points="2,0 2,9"/><g><path d="M3 0L3 9"/></g>
<path d="M4 0L4 9"/><line x1="5" y1="0" x2="5" y2="9"/></svg>"""
)
by_function = [int(path.start.real) for path in svg2paths("sketch.svg")[0]]
by_document = [int(path.start.real) for path in Document("sketch.svg").paths()]
print("drawn as     [1, 2, 3, 4, 5]")
print("svg2paths   ", by_function)
print("Document    ", by_document)
assert sorted(by_function) == sorted(by_document) == [1, 2, 3, 4, 5], "strokes were lost"
assert by_function != [1, 2, 3, 4, 5] and by_document != [1, 2, 3, 4, 5], "changed: the order of the file is kept"
PYTHON
