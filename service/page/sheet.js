// The sheet of paper: what was drawn, as vectors in 0..1, with undo and redo by stroke.
// It knows nothing of pixels, pointers or the network; it says "draw" while a stroke grows and "commit" when it counts.

/**
 * @typedef {{kind: "stroke", tool: "pen"|"eraser", width: number, points: number[][]}} Stroke
 *   width is a fraction of the sheet's side; a point is [x, y] or [x, y, pressure], each in 0..1
 * @typedef {{kind: "picture", image: CanvasImageSource, width_px: number, height_px: number}} Picture
 * @typedef {{kind: "clear"}} Clear
 */

// Points nearer than this to the one before add nothing that can be seen.
const MIN_STEP = 0.0015;

export class Sheet extends EventTarget {
  #done = [];
  #undone = [];
  #current = null;

  /** Counts every committed change, so that an answer to an older sheet can be told from a current one. */
  revision = 0;

  /** What is on the sheet now, oldest first: everything since the last clear or picture, the growing stroke included. */
  get entries() {
    const start = this.#done.findLastIndex((entry) => entry.kind !== "stroke");
    const from = start >= 0 && this.#done[start].kind === "picture" ? start : start + 1;
    const entries = this.#done.slice(from);
    if (this.#current) entries.push(this.#current);
    return entries;
  }

  get current() {
    return this.#current;
  }

  /** True when nothing was put down since the last clear; a sheet erased by hand is found blank by its pixels. */
  get isBlank() {
    return !this.entries.some((entry) => entry.kind === "picture" || entry.tool === "pen");
  }

  get canUndo() {
    return this.#done.length > 0 || this.#current !== null;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  begin({ tool, width }) {
    this.end();
    this.#current = { kind: "stroke", tool, width, points: [] };
  }

  extend(points) {
    if (!this.#current) return;
    const kept = this.#current.points;
    for (const point of points) {
      const last = kept.at(-1);
      if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) >= MIN_STEP) kept.push(point);
    }
    this.dispatchEvent(new Event("draw"));
  }

  end() {
    const stroke = this.#current;
    this.#current = null;
    if (stroke && stroke.points.length > 0) this.#commit(stroke);
  }

  /** Puts several finished strokes down at once: one notification, still undone one by one. */
  addStrokes(strokes) {
    this.end();
    this.#done.push(...strokes);
    this.#changed();
  }

  /** A picture starts a fresh sheet; undo brings the old one back. */
  addPicture({ image, width_px, height_px }) {
    this.end();
    this.#commit({ kind: "picture", image, width_px, height_px });
  }

  clear() {
    this.end();
    if (this.entries.length > 0) this.#commit({ kind: "clear" });
  }

  undo() {
    this.end();
    const entry = this.#done.pop();
    if (!entry) return;
    this.#undone.push(entry);
    this.#notify();
  }

  redo() {
    this.end();
    const entry = this.#undone.pop();
    if (!entry) return;
    this.#done.push(entry);
    this.#notify();
  }

  #commit(entry) {
    this.#done.push(entry);
    this.#changed();
  }

  #changed() {
    this.#undone = [];
    this.#notify();
  }

  #notify() {
    this.revision += 1;
    this.dispatchEvent(new Event("commit"));
  }
}
