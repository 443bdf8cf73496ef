// From vectors to pixels: the same strokes on the screen, in a thumbnail and in the query that is sent.

/** Side of the query picture. Strokes are replayed at this size, so every screen sends the same pixels. */
export const QUERY_SIZE_PX = 384;

const INK = "#000";
const MIN_PRESSURE_FACTOR = 0.45;
// The lightest grey that counts as ink. A picture may be a pale pencil drawing; of strokes erased by hand a faint rim stays.
const LIGHTEST_STROKE = 200;
const LIGHTEST_PICTURE = 231;

/** Runs a smooth line through `points` (0..1) on anything that has moveTo, lineTo and quadraticCurveTo. */
export function trace(path, points, size) {
  const at = (index) => [points[index][0] * size, points[index][1] * size];
  const [startX, startY] = at(0);
  path.moveTo(startX, startY);
  if (points.length === 1) path.lineTo(startX + 0.01, startY);
  for (let index = 1; index < points.length - 1; index += 1) {
    const [x, y] = at(index);
    const [nextX, nextY] = at(index + 1);
    path.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  if (points.length > 1) path.lineTo(...at(points.length - 1));
}

/** The same line as an SVG path, for thumbnails that stay sharp. */
export function pathData(points, size) {
  const parts = [];
  const format = (...numbers) => numbers.map((number) => number.toFixed(1)).join(" ");
  trace(
    {
      moveTo: (x, y) => parts.push(`M${format(x, y)}`),
      lineTo: (x, y) => parts.push(`L${format(x, y)}`),
      quadraticCurveTo: (...numbers) => parts.push(`Q${format(...numbers)}`),
    },
    points,
    size,
  );
  return parts.join("");
}

export function paintStroke(context, stroke, size) {
  context.save();
  context.globalCompositeOperation = stroke.tool === "eraser" ? "destination-out" : "source-over";
  context.strokeStyle = INK;
  context.lineCap = "round";
  context.lineJoin = "round";
  if (stroke.points[0].length > 2) paintPressure(context, stroke, size);
  else {
    context.lineWidth = stroke.width * size;
    context.beginPath();
    trace(context, stroke.points, size);
    context.stroke();
  }
  context.restore();
}

// A line whose width follows the pen is many short lines; round caps hide the joints.
function paintPressure(context, stroke, size) {
  const { points, width } = stroke;
  const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  for (let index = 0; index < points.length; index += 1) {
    const point = points[index];
    const from = index > 0 ? middle(points[index - 1], point) : point;
    const to = index < points.length - 1 ? middle(point, points[index + 1]) : point;
    context.lineWidth = width * size * (MIN_PRESSURE_FACTOR + (point[2] ?? 0.5) * 1.1);
    context.beginPath();
    context.moveTo(from[0] * size, from[1] * size);
    context.quadraticCurveTo(point[0] * size, point[1] * size, to[0] * size + 0.01, to[1] * size);
    context.stroke();
  }
}

function paintPicture(context, picture, size) {
  const scale = (size * 0.94) / Math.max(picture.width_px, picture.height_px);
  const width = picture.width_px * scale;
  const height = picture.height_px * scale;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.image, (size - width) / 2, (size - height) / 2, width, height);
}

export function paintEntries(context, entries, size) {
  for (const entry of entries) {
    if (entry.kind === "picture") paintPicture(context, entry, size);
    else if (entry.points.length > 0) paintStroke(context, entry, size);
  }
}

/** A canvas of the sheet, dark on white, or null when no pixel of it is inked (erased by hand, say). */
export function renderQuery(entries, size = QUERY_SIZE_PX) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  paintEntries(context, entries, size);
  // White goes underneath last: the eraser removes ink, it does not paint.
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size, size);
  const lightest = entries.some((entry) => entry.kind === "picture") ? LIGHTEST_PICTURE : LIGHTEST_STROKE;
  return hasInk(context.getImageData(0, 0, size, size).data, lightest) ? canvas : null;
}

function hasInk(rgba, lightest) {
  for (let index = 0; index < rgba.length; index += 4) {
    if (rgba[index] < lightest || rgba[index + 1] < lightest || rgba[index + 2] < lightest) return true;
  }
  return false;
}

/** The canvas as a PNG file. Not by toBlob: Chromium leaves that to an idle moment and may take a whole second. */
export function toPng(canvas) {
  const base64 = canvas.toDataURL("image/png").split(",")[1];
  return new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type: "image/png" });
}
