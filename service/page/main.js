// Puts the page together: the sheet, its tools, the search that follows it, and the photos it finds.

import { describeKey } from "./access.js";
import * as api from "./api.js";
import { Examples } from "./examples.js";
import { Facets } from "./facets.js";
import { keepDrawing, keptStrokes } from "./kept_drawing.js";
import { listenForKeys } from "./keys.js";
import { LiveSearch } from "./live_search.js";
import { Neighbours } from "./neighbours.js";
import { Pad } from "./pad.js";
import { Panel } from "./panel.js";
import { acceptPictures } from "./pictures.js";
import { ResultGrid } from "./results.js";
import { Sheet } from "./sheet.js";
import { Strip } from "./strip.js";
import { Tools } from "./tools.js";
import { Viewer } from "./viewer.js";
import { Waiting } from "./waiting.js";

// One large card and rows of three or five are full with 12, 27, 42 … photos.
const MORE_PHOTOS = 15;

const byId = (id) => document.getElementById(id);

const sheet = new Sheet();
const tools = new Tools({ pen: byId("pen"), eraser: byId("eraser"), width: byId("width") });
const examples = new Examples({ sheet, tools });

function openPhoto(result, results) {
  const drawn = neighbours.photo ? null : found;
  const generation = drawn?.answer.gallery?.generation;
  viewer.open({ result, results, sketch: drawn?.sketch ?? null, generation });
}

const grid = new ResultGrid({ list: byId("results"), template: byId("result-card"), open: openPhoto });
const strip = new Strip({ list: byId("strip"), results: byId("results"), open: openPhoto });
const panel = new Panel({
  root: byId("photos"),
  grid,
  strip,
  parts: {
    title: byId("photos-title"),
    subject: byId("photos-subject"),
    waiting: byId("waiting"),
    timings: byId("timings"),
    status: byId("status"),
    more: byId("show-more"),
    spoken: byId("spoken"),
  },
});

const waiting = new Waiting((state) => panel.showWaiting(state));

// The drawing's last answer, kept so that coming back from "more like this" asks nothing.
let found = null;

const live = new LiveSearch({
  sheet,
  show: {
    answer(answer, round_trip_ms, sketch) {
      found = { answer, round_trip_ms, sketch, k: live.k };
      describeFacts(answer);
      followGallery(answer.gallery?.generation);
      if (neighbours.photo === null) panel.showAnswer(found);
    },
    blank() {
      found = null;
      live.k = 12;
      if (neighbours.photo === null) panel.showEmpty();
    },
    problem(error) {
      if (neighbours.photo === null) panel.showProblem(error.message);
    },
    busy(isBusy) {
      byId("results").setAttribute("aria-busy", String(isBusy));
      waiting.isBusy = isBusy;
    },
  },
});

const neighbours = new Neighbours({
  show: {
    answer(photo, answer, round_trip_ms) {
      panel.showSimilar({ photo, answer, round_trip_ms, k: neighbours.k });
    },
    problem: (error) => panel.showProblem(error.message),
    left() {
      if (found) panel.showAnswer(found);
      else panel.showEmpty();
    },
  },
});

const viewer = new Viewer({
  dialog: byId("viewer"),
  moreLike(result) {
    neighbours.open(result);
    byId("photos-title").focus();
  },
  closed: (result) => grid.focus(result.photo_id),
});

const facets = new Facets({
  root: byId("facets"),
  parts: { groups: byId("facet-groups"), summary: byId("facets-chosen"), clear: byId("facets-clear") },
  changed: applyFilters,
});

// Asks again only where the filters are others now: an answer on its way to the same question stays welcome.
function applyFilters() {
  const { filters } = facets;
  if (JSON.stringify(filters) === JSON.stringify(live.filters)) return;
  live.filters = filters;
  neighbours.filters = filters;
  live.refresh();
  if (neighbours.photo !== null) neighbours.refresh();
}

// The generation of the gallery whose columns are offered; another one may have others.
let offered;

function followGallery(generation) {
  if (generation === undefined || generation === offered) return;
  offered = generation;
  describeService();
}

new Pad({ canvas: byId("sheet"), ring: byId("ring"), sheet, tools });

// Any change to the drawing is a question about the drawing.
sheet.addEventListener("draw", () => {
  neighbours.close();
  byId("paper").classList.add("has-ink");
  document.body.classList.add("drawing");
});
sheet.addEventListener("commit", () => {
  neighbours.close();
  describeSheet();
});

keepDrawing(sheet);

function describeSheet() {
  // aria-disabled, not disabled: the button that was just pressed keeps the focus, and does nothing.
  byId("undo").setAttribute("aria-disabled", String(!sheet.canUndo));
  byId("redo").setAttribute("aria-disabled", String(!sheet.canRedo));
  byId("clear").setAttribute("aria-disabled", String(sheet.entries.length === 0));
  byId("paper").classList.toggle("has-ink", !sheet.isBlank);
  document.body.classList.toggle("drawing", !sheet.isBlank);
  const strokes = sheet.entries.filter((entry) => entry.kind === "stroke").length;
  const picture = sheet.entries.some((entry) => entry.kind === "picture") ? "a picture and " : "";
  byId("sheet").setAttribute(
    "aria-label",
    sheet.isBlank ? "Drawing sheet, blank" : `Drawing sheet with ${picture}${strokes} strokes`,
  );
}

const actions = {
  pen: () => tools.choose("pen"),
  eraser: () => tools.choose("eraser"),
  thinner: () => tools.changeWidth(-1),
  thicker: () => tools.changeWidth(1),
  help: () => byId("help").showModal(),
  undo: () => edit(() => sheet.undo()),
  redo: () => edit(() => sheet.redo()),
  clear: () => edit(() => sheet.clear()),
};

// A hand that is still drawing an example gives the pencil back first.
function edit(change) {
  examples.stop();
  change();
}

for (const name of ["undo", "redo", "clear"]) byId(name).addEventListener("click", actions[name]);
byId("help-button").addEventListener("click", actions.help);
byId("help-close").addEventListener("click", () => byId("help").close());
byId("help").addEventListener("click", (event) => event.target === byId("help") && byId("help").close());
byId("sheet").addEventListener("takeover", () => examples.stop());
byId("back").addEventListener("click", () => {
  neighbours.close();
  byId("photos-title").focus();
});
byId("show-more").addEventListener("click", () => {
  const source = neighbours.photo === null ? live : neighbours;
  source.k = Math.min(panel.max_k, source.k + MORE_PHOTOS);
  source.refresh();
});
window.addEventListener("online", () => live.refresh());
listenForKeys(actions);

acceptPictures({
  input: byId("file"),
  dropZone: byId("paper"),
  add: (picture) => edit(() => sheet.addPicture(picture)),
  problem: (sentence) => panel.showProblem(sentence),
});

async function describeService() {
  const info = await api.info().catch(() => ({})); // the page works without it
  panel.max_k = info.limits?.max_k ?? panel.max_k;
  if (info.gallery) {
    offered ??= info.gallery.generation;
    facets.offer(info.gallery);
    applyFilters();
  }
  const size = info.gallery?.size;
  if (size !== undefined) byId("tagline").textContent = `Draw it, and find it among ${size.toLocaleString("en")} photos.`;
  describeFacts(info);
  if (info.feedback) {
    viewer.offerConfirm();
    byId("privacy").textContent =
      "Your drawing is sent to this service only, and only to search. The service keeps it when you press “This is it” at a photo, and only then. This browser keeps your strokes until you clear the sheet.";
  }
  describeKey(info.key);
}

// Every answer says which model and which generation of the gallery gave it.
function describeFacts({ model, gallery }) {
  const facts = [model?.name && `model ${model.name}`, gallery?.generation && `gallery ${gallery.generation}`];
  byId("facts").textContent = facts.filter(Boolean).join(" · ");
}

describeSheet();
panel.showEmpty();
const kept = keptStrokes();
if (kept.length > 0) sheet.addStrokes(kept);
neighbours.followAddress();
describeService();
examples.load({ url: "/page/examples.json", list: byId("examples") });
