#!/usr/bin/env bash
# A long stroke in a tldraw file ends elsewhere than the pen did.
#
# One would guess: points stored as differences in half precision are each off by a little, as an encoder subtracts
#   what it has stored so far.
# What happens: each difference is rounded by itself, so the errors of a steady stroke add up: after 10,000 points 4
#   pixels at slow and 16 at fast speed of the pen. The error grows with the number of points.
# Seen with: @tldraw/tlschema 5.5.2, `b64Vecs`.
# Why it matters: the later part of a long stroke, hatching for example, lies beside what it was drawn on. A reader
#   that decodes correctly still gets another picture than the screen showed.
set -euo pipefail

packages=('@tldraw/tlschema@5.5.2')
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
import { b64Vecs } from '@tldraw/tlschema'

console.log('@tldraw/tlschema', JSON.parse(readFileSync('node_modules/@tldraw/tlschema/package.json')).version)
function drift(count, step) {
    const drawn = Array.from({ length: count }, (_, i) => ({ x: i * step, y: Math.sin(i * 0.3) * step * 3, z: 0.5 }))
    const read = b64Vecs.decodePoints(b64Vecs.encodePoints(drawn))
    return Math.hypot(read[count - 1].x - drawn[count - 1].x, read[count - 1].y - drawn[count - 1].y)
}
for (const step of [1.1, 10.1]) {
    const ends = [100, 1000, 10000].map((count) => drift(count, step))
    const off = ends.map((v) => v.toFixed(2)).join(', ')
    console.log(`${step} pixels between points: the end of 100, 1,000, 10,000 points is off by ${off}`)
    if (!(ends[2] > 50 * ends[0] && ends[2] > 3)) {
        console.log('changed: errors do not add up')
        process.exit(1)
    }
}
JAVASCRIPT
node look.mjs
