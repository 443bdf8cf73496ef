// "This is it": where the operator keeps feedback, a person may give the drawing away together with the photo it meant.

import { confirmPhoto } from "./api.js";
import { toPng } from "./paint.js";

const NOTE = "Your drawing is kept with this photo, to improve the search. Nothing else about you is.";

export class ConfirmButton {
  #button;
  #note;
  #offered = false;
  #current = null;
  #kept = new WeakMap(); // sketch -> ids of the photos it was kept for

  constructor({ button, note }) {
    this.#button = button;
    this.#note = note;
    button.addEventListener("click", () => this.#confirm());
  }

  /** Until the service has said that it keeps feedback, nothing is shown. */
  offer() {
    this.#offered = true;
    this.#render();
  }

  /** The photo now seen, and the canvas of the drawing that found it, null when no drawing did. */
  show({ result, sketch, generation }) {
    this.#current = sketch && { result, sketch, generation };
    this.#render();
  }

  #render(sentence = NOTE) {
    const hidden = !this.#offered || this.#current === null;
    this.#button.hidden = this.#note.hidden = hidden;
    if (hidden) return;
    const { result, sketch } = this.#current;
    const kept = this.#kept.get(sketch)?.has(result.photo_id) ?? false;
    this.#button.setAttribute("aria-disabled", String(kept));
    this.#note.textContent = kept ? "Thank you. Your drawing and this photo are kept." : sentence;
  }

  async #confirm() {
    if (this.#button.getAttribute("aria-disabled") === "true") return;
    const asked = this.#current;
    this.#button.setAttribute("aria-disabled", "true");
    const { result, sketch, generation } = asked;
    try {
      await confirmPhoto(toPng(sketch), { photo_id: result.photo_id, rank: result.rank, generation });
      this.#kept.set(sketch, (this.#kept.get(sketch) ?? new Set()).add(result.photo_id));
      if (this.#current === asked) this.#render();
    } catch (error) {
      if (this.#current === asked) this.#render(`Not kept: ${error.message}`);
    }
  }
}
