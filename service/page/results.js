// The photos found, as cards keyed by photo id: a photo that stays keeps its card and its loaded image.

import { glide } from "./motion.js";

// Cards that left are kept a while, so that a photo that returns is there at once.
const MAX_KEPT_CARDS = 150;

/** A photo's name for people: its metadata's, else the last part of its id. */
export function captionOf(result) {
  const { title, name } = result.metadata ?? {};
  return String(title || name || result.photo_id.split("/").at(-1));
}

/** What a shop says beside a photo: its price, else the photo's id. */
export function detailOf(result) {
  const { price } = result.metadata ?? {};
  return price === undefined || price === null || price === "" ? result.photo_id : String(price);
}

export function formatScore(score) {
  return Number(score).toFixed(2);
}

export class ResultGrid {
  #list;
  #template;
  #open;
  #cards = new Map();
  #shown = [];

  /** open(result, results) is called when a card is chosen. */
  constructor({ list, template, open }) {
    this.#list = list;
    this.#template = template;
    this.#open = open;
  }

  get results() {
    return this.#shown;
  }

  show(results) {
    this.#shown = results;
    const focused = document.activeElement;
    glide(
      () => [...this.#list.children],
      () => {
        const cards = results.map((result) => this.#card(result));
        const staying = new Set(cards);
        for (const child of [...this.#list.children]) if (!staying.has(child)) this.#take(child);
        cards.forEach((card, index) => {
          // Only what is out of place moves: moving a node needlessly would take the focus from it.
          if (this.#list.children[index] !== card) this.#list.insertBefore(card, this.#list.children[index] ?? null);
        });
      },
    );
    if (this.#list.contains(focused) && document.activeElement !== focused) focused.focus({ preventScroll: true });
    this.#forget();
  }

  focus(photoId) {
    this.#cards.get(photoId)?.querySelector("button").focus();
  }

  #card(result) {
    const known = this.#cards.get(result.photo_id);
    const card = known ?? this.#newCard(result);
    // Re-inserted, so that the map's order is the order of last use.
    this.#cards.delete(result.photo_id);
    this.#cards.set(result.photo_id, card);
    this.#fill(card, result);
    return card;
  }

  #newCard(result) {
    const card = this.#template.content.firstElementChild.cloneNode(true);
    const image = card.querySelector("img");
    image.addEventListener("load", () => image.classList.add("loaded"));
    image.src = result.thumbnail_url;
    card.querySelector("button").addEventListener("click", () => {
      const current = this.#shown.find(({ photo_id }) => photo_id === result.photo_id);
      if (current) this.#open(current, this.#shown);
    });
    return card;
  }

  #fill(card, result) {
    const caption = captionOf(result);
    const score = formatScore(result.score);
    card.dataset.photoId = result.photo_id;
    const button = card.querySelector("button");
    button.dataset.photoId = result.photo_id;
    button.setAttribute("aria-label", `Number ${result.rank}: ${caption}, score ${score}. Open the photo`);
    button.title = result.photo_id;
    card.querySelector(".rank").textContent = result.rank;
    card.querySelector(".name").textContent = caption;
    card.querySelector(".detail").textContent = detailOf(result);
    card.querySelector(".score").textContent = score;
    card.querySelector(".bar > span").style.transform = `scaleX(${Math.min(1, Math.max(0, result.score))})`;
  }

  // A thumbnail still on its way would only hold up the ones now wanted.
  #take(card) {
    card.remove();
    const image = card.querySelector("img");
    if (image.complete) return;
    image.removeAttribute("src");
    this.#cards.delete(card.dataset.photoId);
  }

  #forget() {
    for (const [photoId, card] of this.#cards) {
      if (this.#cards.size <= MAX_KEPT_CARDS) return;
      if (!card.isConnected) this.#cards.delete(photoId);
    }
  }
}
