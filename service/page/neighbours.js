// "More like this": the neighbours of one photo, with an address of their own so that Back leads back to the drawing.

import { ServiceError, similar, wait } from "./api.js";

const PREFIX = "#like=";
const MAX_TRIES = 4;

export class Neighbours {
  #show;
  #run = 0;

  /** The photo whose neighbours are shown, or null. */
  photo = null;
  k = 12;
  filters = [];

  /** show: {answer(photo, answer, round_trip_ms), problem(error), left()}. */
  constructor({ show }) {
    this.#show = show;
    window.addEventListener("popstate", () => this.followAddress());
  }

  open(photo) {
    history.pushState({ photo }, "", PREFIX + encodeURIComponent(photo.photo_id));
    this.#ask(photo);
  }

  /** Shows what the address asks for: on load and on the browser's Back and Forward. */
  followAddress() {
    const photoId = addressedPhoto();
    if (photoId !== null) this.#ask(history.state?.photo ?? { photo_id: photoId });
    else if (this.photo !== null) this.#leave();
  }

  /** Back to the drawing. */
  close() {
    if (this.photo === null) return;
    history.pushState(null, "", location.pathname + location.search);
    this.#leave();
  }

  refresh() {
    this.#ask(this.photo);
  }

  #leave() {
    this.#run += 1;
    this.photo = null;
    this.k = 12;
    this.#show.left();
  }

  async #ask(photo) {
    this.photo = photo;
    this.#run += 1;
    const run = this.#run;
    const started = performance.now();
    try {
      const answer = await this.#patiently(photo.photo_id);
      if (run === this.#run) this.#show.answer(photo, answer, performance.now() - started);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (run === this.#run) this.#show.problem(error);
    }
  }

  async #patiently(photoId) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await similar(photoId, { k: this.k, filters: this.filters });
      } catch (error) {
        if (!error.retryAfterMs || tries >= MAX_TRIES) throw error;
        await wait(error.retryAfterMs);
      }
    }
  }
}

function addressedPhoto() {
  if (!location.hash.startsWith(PREFIX)) return null;
  try {
    return decodeURIComponent(location.hash.slice(PREFIX.length));
  } catch {
    return null; // an address typed by hand
  }
}
