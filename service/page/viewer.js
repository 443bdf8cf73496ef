// One photo large, in a dialog: beside the sketch that found it, with its score and metadata, and its neighbours in the list.

import { ConfirmButton } from "./confirm.js";
import { captionOf, formatScore } from "./results.js";

export class Viewer {
  #dialog;
  #part;
  #results = [];
  #index = 0;
  #sketch = null;
  #generation = "";
  #confirm;

  /** moreLike(result) and closed(result) tell the page what the person did. */
  constructor({ dialog, moreLike, closed }) {
    this.#dialog = dialog;
    this.#part = (name) => dialog.querySelector(`[data-part=${name}]`);
    this.#part("previous").addEventListener("click", () => this.#step(-1));
    this.#part("next").addEventListener("click", () => this.#step(1));
    this.#part("close").addEventListener("click", () => dialog.close());
    this.#confirm = new ConfirmButton({ button: this.#part("confirm"), note: this.#part("kept") });
    this.#part("more").addEventListener("click", () => dialog.close("more"));
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") this.#step(-1);
      if (event.key === "ArrowRight") this.#step(1);
    });
    // The backdrop is the dialog itself; what is in it lies on a child.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => {
      const result = this.#results[this.#index];
      if (dialog.returnValue === "more") moreLike(result);
      else closed(result);
    });
    this.#part("photo").addEventListener("load", (event) => this.#loaded(event.target));
  }

  /** Lets a person say that a photo is the one they drew. */
  offerConfirm() {
    this.#confirm.offer();
  }

  /** sketch is a canvas of the query that found the results, or null when a photo did; generation is the answer's. */
  open({ result, results, sketch, generation }) {
    this.#results = results;
    this.#index = Math.max(0, results.indexOf(result));
    this.#sketch = sketch;
    this.#generation = generation ?? "";
    this.#show();
    this.#dialog.returnValue = ""; // not every browser forgets it on Escape
    this.#dialog.showModal();
  }

  #step(by) {
    const count = this.#results.length;
    this.#index = (this.#index + by + count) % count;
    this.#show();
  }

  #show() {
    const result = this.#results[this.#index];
    const caption = captionOf(result);
    const photo = this.#part("photo");
    photo.classList.remove("loaded");
    photo.alt = caption;
    // The thumbnail is already here and stands in until the photo is.
    this.#part("frame").style.backgroundImage = `url("${result.thumbnail_url}")`;
    photo.src = result.photo_url;
    this.#part("caption").textContent = caption;
    this.#part("position").textContent = `${this.#index + 1} of ${this.#results.length}`;
    this.#part("open").href = result.photo_url;
    this.#showProduct(result.metadata?.url);
    this.#part("download").href = result.photo_url;
    this.#part("download").setAttribute("download", result.photo_id.split("/").at(-1));
    this.#showSketch();
    this.#confirm.show({ result, sketch: this.#sketch, generation: this.#generation });
    this.#showFacts();
    const rows = Object.entries(result.metadata ?? {}).map(([name, value]) => tableRow(name, value));
    this.#part("metadata").replaceChildren(...rows);
  }

  // A shop's own page about the product, where the metadata has its address.
  #showProduct(address) {
    const link = this.#part("product");
    const isAddress = typeof address === "string" && URL.canParse(address) && /^https?:/i.test(address);
    link.hidden = !isAddress;
    if (isAddress) link.href = address;
  }

  #showSketch() {
    const holder = this.#part("sketch");
    holder.hidden = this.#sketch === null;
    if (this.#sketch) holder.querySelector("img").src = this.#sketch.toDataURL();
  }

  // What the page itself knows stands apart from the table, whose headings are the person's own and may be any.
  #showFacts(photo) {
    const { photo_id, score } = this.#results[this.#index];
    const facts = [`score ${formatScore(score)}`];
    if (photo) facts.push(`${photo.naturalWidth} × ${photo.naturalHeight} px`);
    // A fact stays on one line.
    this.#part("facts").textContent = [photo_id, ...facts.map((fact) => fact.replaceAll(" ", "\u00a0"))].join(" · ");
  }

  #loaded(photo) {
    photo.classList.add("loaded");
    this.#part("frame").style.backgroundImage = "";
    this.#showFacts(photo);
  }
}

function tableRow(name, value) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name.replaceAll("_", " ");
  const cell = document.createElement("td");
  cell.textContent = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "–");
  row.append(head, cell);
  return row;
}
