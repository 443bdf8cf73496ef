// Example sketches: thumbnails to click, and a quick hand that draws them on the sheet stroke by stroke.

import { isReduced } from "./motion.js";
import { pathData } from "./paint.js";

const DRAWING_MS = 1500;
const THUMBNAIL_SIZE = 100;
const SVG = "http://www.w3.org/2000/svg";

export class Examples {
  #sheet;
  #tools;
  #run = 0;

  constructor({ sheet, tools }) {
    this.#sheet = sheet;
    this.#tools = tools;
  }

  /** Fills `list` with one button per example of `url`. */
  async load({ url, list }) {
    const response = await fetch(url);
    const examples = await response.json();
    list.replaceChildren(...examples.map((example) => this.#thumbnail(example)));
  }

  /** Stops the hand where it is; what it has drawn stays. */
  stop() {
    this.#run += 1;
    this.#sheet.end();
  }

  #thumbnail({ name, strokes }) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${THUMBNAIL_SIZE} ${THUMBNAIL_SIZE}`);
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", strokes.map((points) => pathData(points, THUMBNAIL_SIZE)).join(""));
    svg.append(path);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "example";
    button.dataset.testid = "example";
    button.title = `Draw the ${name}`;
    button.setAttribute("aria-label", button.title);
    button.append(svg);
    button.addEventListener("click", () => this.#draw(strokes));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  async #draw(strokes) {
    this.stop();
    const run = this.#run;
    const width = this.#tools.widthOf("pen");
    this.#sheet.clear();
    if (isReduced()) {
      this.#sheet.addStrokes(strokes.map((points) => ({ kind: "stroke", tool: "pen", width, points })));
      return;
    }
    const perMs = strokes.reduce((sum, points) => sum + points.length, 0) / DRAWING_MS;
    for (const points of strokes) {
      this.#sheet.begin({ tool: "pen", width });
      await this.#drawStroke(points, perMs, () => run === this.#run);
      if (run !== this.#run) return;
      this.#sheet.end();
    }
  }

  /** Draws `points` at `perMs` points a millisecond until done or no longer wanted. */
  #drawStroke(points, perMs, isWanted) {
    return new Promise((resolve) => {
      const start = performance.now();
      let drawn = 0;
      const step = (now) => {
        if (!isWanted()) return resolve();
        const due = Math.min(points.length, Math.max(drawn + 1, Math.ceil((now - start) * perMs)));
        this.#sheet.extend(points.slice(drawn, due));
        drawn = due;
        return drawn < points.length ? requestAnimationFrame(step) : resolve();
      };
      requestAnimationFrame(step);
    });
  }
}
