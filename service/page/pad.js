// The canvas one draws on: pointers in, a sharp and smooth picture of the sheet out.

import { paintEntries, paintStroke } from "./paint.js";

export class Pad {
  #canvas;
  #context;
  #sheet;
  #tools;
  #ring;
  #pointerId = null;
  // Finished ink is kept as pixels, so that a long stroke costs no more on a full sheet than on an empty one.
  #ink = document.createElement("canvas");
  #frame = 0;

  constructor({ canvas, ring, sheet, tools }) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#ring = ring;
    this.#sheet = sheet;
    this.#tools = tools;
    sheet.addEventListener("commit", () => this.#repaint());
    sheet.addEventListener("draw", () => this.#schedule());
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#listen();
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(type, (event) => this.#up(event));
    }
    // A finger on the sheet draws and does nothing else: no fling, no magnifier, no double-tap zoom.
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    canvas.addEventListener("pointerleave", () => this.#ring.classList.remove("shown"));
    canvas.addEventListener("contextmenu", (event) => {
      if (event.pointerType !== "mouse") event.preventDefault(); // a long press draws a dot, it opens no menu
    });
  }

  #down(event) {
    if (this.#pointerId !== null || (event.pointerType === "mouse" && event.button !== 0)) return;
    event.preventDefault();
    this.#pointerId = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#canvas.dispatchEvent(new Event("takeover", { bubbles: true }));
    const turnedPen = event.pointerType === "pen" && (event.buttons & 32) !== 0;
    const tool = turnedPen ? "eraser" : this.#tools.tool;
    this.#sheet.begin({ tool, width: this.#tools.widthOf(tool) });
    this.#sheet.extend([this.#point(event)]);
  }

  #move(event) {
    this.#moveRing(event);
    if (event.pointerId !== this.#pointerId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    this.#sheet.extend((events.length > 0 ? events : [event]).map((each) => this.#point(each)));
  }

  #up(event) {
    if (event.pointerId !== this.#pointerId) return;
    this.#pointerId = null;
    this.#sheet.end();
  }

  #point(event) {
    const box = this.#canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    return event.pointerType === "pen" && event.pressure > 0 ? [x, y, event.pressure] : [x, y];
  }

  // A ring as wide as the tool follows a mouse or a hovering pen; a finger hides it anyway.
  #moveRing(event) {
    this.#ring.classList.toggle("shown", event.pointerType !== "touch");
    const box = this.#canvas.getBoundingClientRect();
    const diameter = Math.max(4, this.#tools.widthOf(this.#tools.tool) * box.width);
    this.#ring.style.width = this.#ring.style.height = `${diameter}px`;
    this.#ring.style.transform =
      `translate(${event.clientX - box.left - diameter / 2}px, ${event.clientY - box.top - diameter / 2}px)`;
  }

  #resize() {
    const size = Math.max(1, Math.round(this.#canvas.clientWidth * window.devicePixelRatio));
    if (this.#canvas.width === size) return;
    this.#canvas.width = this.#canvas.height = this.#ink.width = this.#ink.height = size;
    this.#repaint();
  }

  #repaint() {
    const size = this.#ink.width;
    const context = this.#ink.getContext("2d");
    context.clearRect(0, 0, size, size);
    const { current, entries } = this.#sheet;
    paintEntries(context, current ? entries.slice(0, -1) : entries, size);
    this.#paint();
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const size = this.#canvas.width;
    this.#context.clearRect(0, 0, size, size);
    this.#context.drawImage(this.#ink, 0, 0);
    const { current } = this.#sheet;
    if (current && current.points.length > 0) paintStroke(this.#context, current, size);
  }
}
