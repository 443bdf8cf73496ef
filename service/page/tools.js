// Pen, eraser and line width: the state of the toolbar, each tool with its own width.

const WIDTHS = {
  pen: [0.005, 0.008, 0.012, 0.018, 0.028],
  eraser: [0.02, 0.04, 0.06, 0.09, 0.14],
};

export class Tools {
  #step = { pen: 1, eraser: 2 };
  #buttons;
  #widthButton;

  tool = "pen";

  constructor({ pen, eraser, width }) {
    this.#buttons = { pen, eraser };
    this.#widthButton = width;
    pen.addEventListener("click", () => this.choose("pen"));
    eraser.addEventListener("click", () => this.choose("eraser"));
    width.addEventListener("click", () => this.changeWidth(1, { wraps: true }));
    this.#show();
  }

  /** The tool's line width as a fraction of the sheet's side. */
  widthOf(tool) {
    return WIDTHS[tool][this.#step[tool]];
  }

  choose(tool) {
    this.tool = tool;
    this.#show();
  }

  changeWidth(by, { wraps = false } = {}) {
    const count = WIDTHS[this.tool].length;
    const step = this.#step[this.tool] + by;
    this.#step[this.tool] = wraps ? (step + count) % count : Math.min(count - 1, Math.max(0, step));
    this.#show();
  }

  #show() {
    for (const [tool, button] of Object.entries(this.#buttons)) {
      button.setAttribute("aria-pressed", String(tool === this.tool));
    }
    const step = this.#step[this.tool] + 1;
    const label = `Line width ${step} of ${WIDTHS[this.tool].length}`;
    this.#widthButton.setAttribute("aria-label", label);
    this.#widthButton.title = `${label} ([ and ])`;
    this.#widthButton.dataset.step = String(step);
    this.#widthButton.querySelector(".dot").style.transform = `scale(${step / WIDTHS[this.tool].length})`;
  }
}
