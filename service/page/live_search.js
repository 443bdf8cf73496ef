// Searching while one draws: at most one request on its way, always the newest sheet next, never an answer to an old one.

import { ServiceError, search, wait } from "./api.js";
import { renderQuery, toPng } from "./paint.js";

const THROTTLE_MS = 150;
// A busy service is waited for in silence this often before the person is told.
const QUIET_RETRIES = 3;
const UNREACHABLE_RETRY_MS = 3000;

export class LiveSearch {
  #sheet;
  #show;
  #waiting = false;
  #busy = false;
  #timer = 0;
  #retries = 0;

  /** How many photos to ask for. */
  k = 12;

  /** What the photos must match; a new list for every change. */
  filters = [];

  /** show: {answer(answer, round_trip_ms, canvas), blank(), problem(error)}, only for the sheet as it is now; busy(is_busy). */
  constructor({ sheet, show }) {
    this.#sheet = sheet;
    this.#show = show;
    sheet.addEventListener("draw", () => this.#soon());
    sheet.addEventListener("commit", () => this.refresh());
  }

  refresh() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#waiting = !this.#sheet.isBlank;
    // An example clears the sheet and starts to draw in one go: only a sheet that stays blank is shown as such.
    if (!this.#waiting) queueMicrotask(() => this.#sheet.isBlank && this.#show.blank());
    this.#pump();
  }

  #soon() {
    this.#timer ||= setTimeout(() => this.refresh(), THROTTLE_MS);
  }

  async #pump() {
    if (this.#busy || !this.#waiting) return;
    this.#busy = true;
    this.#show.busy(true);
    try {
      while (this.#waiting) {
        this.#waiting = false;
        await this.#once();
      }
    } finally {
      this.#busy = false;
      this.#show.busy(false);
    }
  }

  async #once() {
    const { revision } = this.#sheet;
    const { filters } = this;
    const isCurrent = () => revision === this.#sheet.revision && filters === this.filters;
    const canvas = renderQuery(this.#sheet.entries);
    if (canvas === null) {
      this.#show.blank();
      return;
    }
    try {
      const png = toPng(canvas);
      const started = performance.now();
      const answer = await search(png, { k: this.k, filters });
      this.#retries = 0;
      if (isCurrent()) this.#show.answer(answer, performance.now() - started, canvas);
    } catch (error) {
      await this.#failed(error, isCurrent);
    }
  }

  async #failed(error, isCurrent) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.code === "unreachable") {
      // The connection may have broken by chance: a drawing is asked about until there is an answer.
      if (isCurrent()) this.#show.problem(error);
      await wait(UNREACHABLE_RETRY_MS);
      this.#waiting ||= !this.#sheet.isBlank;
      return;
    }
    if (error.retryAfterMs === null) {
      if (isCurrent()) this.#show.problem(error);
      return;
    }
    this.#retries += 1;
    if (this.#retries > QUIET_RETRIES && isCurrent()) this.#show.problem(error);
    await wait(error.retryAfterMs);
    // Cleared while waiting: there is nothing left to ask.
    this.#waiting ||= !this.#sheet.isBlank;
  }
}
