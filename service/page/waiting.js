// Says that a search is under way, but only when it takes long enough to be noticed.

const SOON_MS = 300;
const LONG_MS = 2000;

/** Calls show("soon") after 300 ms of waiting, show("long") after 2 s, and show(null) when it is over. */
export class Waiting {
  #show;
  #timers = [];

  constructor(show) {
    this.#show = show;
  }

  set isBusy(isBusy) {
    this.#timers.forEach(clearTimeout);
    this.#timers = [];
    if (isBusy) {
      this.#timers = [setTimeout(() => this.#show("soon"), SOON_MS), setTimeout(() => this.#show("long"), LONG_MS)];
    } else this.#show(null);
  }
}
