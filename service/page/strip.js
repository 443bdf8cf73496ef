// The best photos in one row above the tools of a narrow screen, so that they are seen while one draws.

import { captionOf } from "./results.js";

const COUNT = 5;

export class Strip {
  #list;
  #open;
  #shown = "";

  /** list: the element of the row; results: the grid below; open(result, results) is called when a photo is chosen. */
  constructor({ list, results, open }) {
    this.#list = list;
    this.#open = open;
    // Where the grid itself is in view, the row would show the same photos twice.
    new IntersectionObserver(([entry]) => list.classList.toggle("elsewhere", entry.isIntersecting), {
      rootMargin: "0px 0px -190px 0px",
    }).observe(results);
  }

  show(results) {
    const best = results.slice(0, COUNT);
    this.#list.hidden = best.length === 0;
    const ids = JSON.stringify(best.map(({ photo_id }) => photo_id));
    if (ids === this.#shown) return;
    this.#shown = ids;
    this.#list.replaceChildren(...best.map((result) => this.#item(result, results)));
  }

  #item(result, results) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.testid = "strip-photo";
    button.dataset.photoId = result.photo_id;
    button.setAttribute("aria-label", `Number ${result.rank}: ${captionOf(result)}. Open the photo`);
    const image = document.createElement("img");
    image.alt = "";
    image.src = result.thumbnail_url;
    button.append(image);
    button.addEventListener("click", () => this.#open(result, results));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }
}
