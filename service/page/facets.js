// What the photos can be filtered by: a control for each column of the gallery's metadata, and the filters chosen so far.
// Text columns of many values (over 50) have no list of them, and are filtered through the API only.

// They name a photo; nobody filters by them.
const CAPTIONS = new Set(["title", "name"]);
const WORDS = { true: "yes", false: "no" };

export class Facets {
  #root;
  #parts;
  #changed;
  #columns = [];
  #chosen = new Map();

  /** root: the <details>; parts: elements by name: groups, summary, clear; changed() is called when the person chose. */
  constructor({ root, parts, changed }) {
    this.#root = root;
    this.#parts = parts;
    this.#changed = changed;
    parts.clear.addEventListener("click", () => {
      this.#chosen.clear();
      this.#render();
      root.querySelector("summary").focus();
      changed();
    });
    parts.groups.addEventListener("change", (event) => this.#choose(event.target));
  }

  /** Offers what a generation of the gallery has; choices that it still offers are kept. */
  offer({ columns = [], size = 0 }) {
    // What most photos have comes first; the sort keeps the order of names among equals.
    this.#columns = columns.filter((column) => isUseful(column, size)).sort((one, other) => other.photos - one.photos);
    for (const [name, choice] of this.#chosen) {
      const column = this.#columns.find((candidate) => candidate.name === name);
      if (column === undefined || isRange(column) !== !choice.values) this.#chosen.delete(name);
      else if (choice.values) {
        choice.values = choice.values.filter((value) => value in column.values);
        if (choice.values.length === 0) this.#chosen.delete(name);
      }
    }
    this.#root.hidden = this.#columns.length === 0;
    this.#render();
  }

  /** The filters as the service takes them, such as "brand=acme,zeta" and "price>=10". */
  get filters() {
    return [...this.#chosen].flatMap(([name, { values, least, most }]) => [
      ...(values ? [`${name}=${values.map(quoted).join(",")}`] : []),
      ...(least === undefined ? [] : [`${name}>=${least}`]),
      ...(most === undefined ? [] : [`${name}<=${most}`]),
    ]);
  }

  #choose(input) {
    const { column: name, bound } = input.dataset;
    const choice = this.#chosen.get(name) ?? {};
    if (bound) {
      if (input.validity.badInput) return;
      choice[bound] = input.value === "" ? undefined : input.value;
    } else {
      const others = (choice.values ?? []).filter((value) => value !== input.value);
      choice.values = input.checked ? [...others, input.value] : others;
    }
    const isEmpty = !choice.values?.length && choice.least === undefined && choice.most === undefined;
    if (isEmpty) this.#chosen.delete(name);
    else this.#chosen.set(name, choice);
    this.#describe();
    this.#changed();
  }

  #render() {
    // The same controls again: whoever stands on one of them keeps standing there.
    const focused = document.activeElement?.closest?.("[data-column]")?.id;
    this.#parts.groups.replaceChildren(...this.#columns.map((column, rank) => this.#group(column, `facet-${rank}`)));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    this.#describe();
  }

  #group(column, id) {
    const group = element("fieldset", { className: "facet" }, element("legend", { textContent: labelOf(column.name) }));
    const choice = this.#chosen.get(column.name) ?? {};
    const controls = element("div", { className: "chips" });
    if (isRange(column)) {
      controls.append(rangeInput(column, "least", choice, id), "to", rangeInput(column, "most", choice, id));
    } else {
      Object.entries(column.values).forEach(([value, photos], rank) => {
        const isChosen = choice.values?.includes(value) ?? false;
        controls.append(chip({ column, value, photos, isChosen, id: `${id}-${rank}` }));
      });
    }
    group.append(controls);
    return group;
  }

  #describe() {
    const words = [...this.#chosen].map(([name, { values, least, most }]) => {
      if (values) return `${labelOf(name)}: ${values.map(wordOf).join(", ")}`;
      return `${labelOf(name)}: ${least ?? "…"} to ${most ?? "…"}`;
    });
    this.#parts.summary.textContent = words.join(" · ");
    this.#parts.clear.hidden = words.length === 0;
  }
}

function isUseful({ name, type, values, photos, minimum, maximum }, size) {
  if (CAPTIONS.has(name.toLowerCase())) return false;
  if (type === "number") return minimum !== maximum;
  return values !== null && (Object.keys(values).length > 1 || photos < size);
}

function isRange({ type }) {
  return type === "number";
}

function quoted(value) {
  return /[",]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function labelOf(name) {
  return name.replaceAll("_", " ");
}

function wordOf(value) {
  return WORDS[value] ?? value;
}

function chip({ column, value, photos, isChosen, id }) {
  const box = element("input", { type: "checkbox", value, checked: isChosen, id });
  box.dataset.column = column.name;
  const count = element("span", { className: "count", textContent: photos.toLocaleString("en") });
  const label = column.type === "boolean" ? wordOf(value) : value;
  return element("label", { className: "chip" }, box, element("span", { textContent: label }), count);
}

function rangeInput(column, bound, choice, id) {
  const isLeast = bound === "least";
  const input = element("input", { type: "number", step: "any", value: choice[bound] ?? "", id: `${id}-${bound}` });
  input.placeholder = String(isLeast ? column.minimum : column.maximum);
  input.dataset.column = column.name;
  input.dataset.bound = bound;
  input.setAttribute("aria-label", `${labelOf(column.name)}, at ${isLeast ? "least" : "most"}`);
  return input;
}

function element(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
