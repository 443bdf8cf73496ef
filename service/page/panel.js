// The results side of the page: which view it shows (nothing yet, the drawing's photos, photos like one) and what it says.

import { captionOf, formatScore } from "./results.js";

const SPEECH_DELAY_MS = 1200;

export class Panel {
  #root;
  #parts;
  #grid;
  #strip;
  #speech = 0;

  /** The most photos the service gives at once. */
  max_k = 100;

  /** parts: elements by name: title, subject, status, waiting, timings, more, spoken. */
  constructor({ root, parts, grid, strip }) {
    this.#root = root;
    this.#parts = parts;
    this.#grid = grid;
    this.#strip = strip;
  }

  showEmpty() {
    this.#root.dataset.view = "empty";
    this.#parts.title.textContent = "Photos";
    this.#showSubject(null);
    this.#grid.show([]);
    this.#strip.show([]);
    this.#parts.more.hidden = true;
    this.#say("Nothing drawn yet.");
    this.#speak("");
  }

  /** Shows an answer to the drawing; round_trip_ms is what the person waited. */
  showAnswer({ answer, round_trip_ms, k }) {
    this.#show({ view: "drawing", title: "Closest to your drawing", answer, round_trip_ms, k });
  }

  showSimilar({ photo, answer, round_trip_ms, k }) {
    this.#show({ view: "similar", title: `More like ${captionOf(photo)}`, subject: photo, answer, round_trip_ms, k });
  }

  /** state: "soon" when an answer is awaited, "long" when it takes long, null when there is nothing to wait for. */
  showWaiting(state) {
    this.#parts.waiting.hidden = state === null;
    this.#parts.waiting.textContent =
      state === "long" ? "The service is still searching; your drawing is safe." : "Searching…";
  }

  showProblem(sentence) {
    this.#say(sentence, "problem");
    this.#speak(sentence, 0);
  }

  #show({ view, title, subject = null, answer, round_trip_ms, k }) {
    const { results, gallery } = answer;
    this.#root.dataset.view = view;
    this.#parts.title.textContent = title;
    this.#parts.more.hidden = results.length < k || k >= this.max_k || results.length >= (gallery?.size ?? Infinity);
    this.#showSubject(subject);
    this.#grid.show(results);
    this.#strip.show(results);
    this.#say(summary(answer));
    this.#parts.timings.textContent = timings({ answer, round_trip_ms });
    this.#speak(spokenSummary(results));
  }

  // The photo that was asked about stays in sight beside those that are like it.
  #showSubject(photo) {
    const { subject } = this.#parts;
    subject.hidden = photo === null;
    if (photo) subject.src = photo.thumbnail_url ?? `/thumbnails/${photo.photo_id.split("/").map(encodeURIComponent).join("/")}`;
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

function summary({ results, gallery }) {
  if (results.length === 0) return "No photo matches the filters.";
  const count = results.length.toLocaleString("en");
  return gallery?.size === undefined ? `${count} photos` : `${count} of ${gallery.size.toLocaleString("en")} photos`;
}

// For developers, in the help.
function timings({ answer, round_trip_ms }) {
  const stages = Object.entries(answer.timings_ms ?? {}).map(([stage, ms]) => `${stage} ${formatMs(ms)}`);
  return `Last search: ${[...stages, `with the way there and back ${formatMs(round_trip_ms)}`].join(" · ")}`;
}

function spokenSummary(results) {
  if (results.length === 0) return "No photo matches.";
  const [best] = results;
  return `${results.length} photos. Closest: ${captionOf(best)}, score ${formatScore(best.score)}.`;
}

function formatMs(milliseconds) {
  return milliseconds < 1 ? "under 1 ms" : `${Math.round(milliseconds)} ms`;
}
