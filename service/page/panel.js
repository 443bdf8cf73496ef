// The results side of the page: which view it shows (nothing yet, the drawing's photos, photos like one) and what it says.

import { captionOf, formatScore } from "./results.js";

const SPEECH_DELAY_MS = 1200;

export class Panel {
  #root;
  #parts;
  #grid;
  #speech = 0;

  /** The most photos the service gives at once. */
  max_k = 100;

  /** parts: elements by name: title, status, more, spoken. */
  constructor({ root, parts, grid }) {
    this.#root = root;
    this.#parts = parts;
    this.#grid = grid;
  }

  showEmpty() {
    this.#root.dataset.view = "empty";
    this.#parts.title.textContent = "Photos";
    this.#grid.show([]);
    this.#parts.more.hidden = true;
    this.#say("Nothing drawn yet.");
    this.#speak("");
  }

  /** Shows an answer to the drawing; round_trip_ms is what the person waited. */
  showAnswer({ answer, round_trip_ms, k }) {
    this.#show({ view: "drawing", title: "Closest to your drawing", answer, round_trip_ms, k });
  }

  showSimilar({ photo, answer, round_trip_ms, k }) {
    this.#show({ view: "similar", title: `More like ${captionOf(photo)}`, answer, round_trip_ms, k });
  }

  showProblem(sentence) {
    this.#say(sentence, "problem");
    this.#speak(sentence, 0);
  }

  #show({ view, title, answer, round_trip_ms, k }) {
    const { results, gallery } = answer;
    this.#root.dataset.view = view;
    this.#parts.title.textContent = title;
    this.#parts.more.hidden = results.length < k || k >= this.max_k || results.length >= (gallery?.size ?? Infinity);
    this.#grid.show(results);
    this.#say(summary({ answer, round_trip_ms }));
    this.#speak(spokenSummary(results));
  }

  #say(sentence, kind = "calm") {
    this.#parts.status.textContent = sentence;
    this.#parts.status.dataset.kind = kind;
  }

  // Results change several times a second while one draws; only where they come to rest is read out.
  #speak(sentence, delay_ms = SPEECH_DELAY_MS) {
    clearTimeout(this.#speech);
    this.#speech = setTimeout(() => {
      this.#parts.spoken.textContent = sentence;
    }, delay_ms);
  }
}

function summary({ answer, round_trip_ms }) {
  const { results, gallery, timings_ms } = answer;
  if (results.length === 0) return "No photo matches the filters.";
  const count = results.length.toLocaleString("en");
  const found =
    gallery?.size === undefined ? `${count} photos` : `${count} of ${gallery.size.toLocaleString("en")} photos`;
  const encode = timings_ms?.encode === undefined ? [] : [`${formatMs(timings_ms.encode)} encode`];
  return [found, ...encode, `${formatMs(round_trip_ms)} in all`].join(" · ");
}

function spokenSummary(results) {
  if (results.length === 0) return "No photo matches.";
  const [best] = results;
  return `${results.length} photos. Closest: ${captionOf(best)}, score ${formatScore(best.score)}.`;
}

function formatMs(milliseconds) {
  return milliseconds < 1 ? "under 1 ms" : `${Math.round(milliseconds)} ms`;
}
