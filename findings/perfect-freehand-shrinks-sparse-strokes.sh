#!/usr/bin/env bash
# perfect-freehand draws a stroke of few points smaller than it is.
#
# One would guess: the outline of a stroke passes along all its points, half a pen's width to each side.
# What happens: with the default `streamline` of 0.5 each point is pulled towards the one before it. Of a square
#   given as its corners, 100 wide, the outline is 84 wide, with 50 points a side 104. `last: true` does not mend
#   it, `streamline: 0` does.
# Seen with: perfect-freehand 1.2.3, the package that Excalidraw's pen uses.
# Why it matters: simplified QuickDraw strokes have few points. Drawn in the style of those programs they come out a
#   sixth too small.
set -euo pipefail

packages=(perfect-freehand@1.2.3)
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
if ! command -v npm >/dev/null; then
    echo "Skipped: this finding needs Node.js with npm, and npm was not found."
    exit 0
fi
npm install --silent --no-audit --no-fund --no-save --prefix . "${packages[@]}"

cat >look.mjs <<'JAVASCRIPT'
import { readFileSync } from 'node:fs'
import { getStroke } from 'perfect-freehand'

console.log('perfect-freehand', JSON.parse(readFileSync('node_modules/perfect-freehand/package.json')).version)
const corners = [[0, 0], [100, 0], [100, 100], [0, 100], [0, 0]]
const dense = corners.slice(0, 4).flatMap(([x, y], k) =>
    Array.from({ length: 50 }, (_, i) => i / 50).map((t) => [
        x + (corners[k + 1][0] - x) * t,
        y + (corners[k + 1][1] - y) * t,
    ]))
const width = (points, options) => {
    const x = getStroke(points, { size: 4, ...options }).map((point) => point[0])
    return Math.max(...x) - Math.min(...x)
}
const widths = [width(corners, {}), width(corners, { last: true }), width(corners, { streamline: 0 }), width(dense, {})]
console.log('width of a square of 100: corners %s, corners and last %s, corners without streamline %s, dense %s',
    ...widths.map((v) => v.toFixed(1)))
if (!(widths[0] < 90 && widths[1] < 90 && widths[2] > 100 && widths[3] > 100)) {
    console.log('changed: the sizes are others')
    process.exit(1)
}
JAVASCRIPT
node look.mjs
