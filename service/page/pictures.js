// Pictures from outside: dropped, pasted or chosen, made dark on light, and handed over as a canvas; blank ones refused.

import { renderQuery } from "./paint.js";

const MAX_SIDE_PX = 1024;
const MAX_FILE_BYTES = 50 * 1024 * 1024;
// Of 255, as in the service: what stands out less from the paper may be noise.
const MIN_CONTRAST = 24;

/** Calls add({image, width_px, height_px}) for each picture a person gives, problem(sentence) for what is none. */
export function acceptPictures({ input, dropZone, add, problem }) {
  const take = async (file) => {
    try {
      add(await readPicture(file));
    } catch (error) {
      problem(error.message);
    }
  };
  input.addEventListener("change", () => {
    if (input.files.length > 0) take(input.files[0]);
    input.value = ""; // the same file can be chosen again
  });
  document.addEventListener("paste", (event) => {
    const file = pictureIn(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    take(file);
  });
  acceptDrops(dropZone, take, problem);
}

function acceptDrops(dropZone, take, problem) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    dropZone.classList.add("dropping");
  });
  window.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) dropZone.classList.remove("dropping");
  });
  window.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    dropZone.classList.remove("dropping");
    const file = pictureIn(event.dataTransfer);
    if (file) take(file);
    else problem("That file is not a picture; please drop a PNG, JPEG or WebP file.");
  });
}

function pictureIn(transfer) {
  return [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));
}

async function readPicture(file) {
  const name = file.name || "The picture";
  if (file.size > MAX_FILE_BYTES) throw new Error(`${name} is larger than 50 MB; please choose a smaller picture.`);
  const picture = await decodePicture(file).catch(() => {
    throw new Error(`${name} cannot be read as a picture; please try a PNG, JPEG or WebP file.`);
  });
  if (isBlank(picture)) {
    throw new Error(`${name} is blank: nothing in it stands out from its background; please choose another picture.`);
  }
  return picture;
}

async function decodePicture(file) {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return toCanvas(image);
  } finally {
    URL.revokeObjectURL(url);
  }
}

// One colour all over, or so faint that nothing would be left of it in the query.
function isBlank(picture) {
  const { data } = picture.image.getContext("2d").getImageData(0, 0, picture.width_px, picture.height_px);
  let [darkest, lightest] = [255, 0];
  for (let index = 0; index < data.length; index += 4) {
    const light = lightOnWhite(data, index);
    darkest = Math.min(darkest, light);
    lightest = Math.max(lightest, light);
  }
  return lightest - darkest < MIN_CONTRAST || renderQuery([{ kind: "picture", ...picture }]) === null;
}

function lightOnWhite(data, index) {
  const light = 0.3 * data[index] + 0.59 * data[index + 1] + 0.11 * data[index + 2];
  return 255 + ((light - 255) * data[index + 3]) / 255;
}

function toCanvas(image) {
  // An SVG may have no size of its own.
  const [width, height] = [image.naturalWidth || 512, image.naturalHeight || 512];
  const scale = Math.min(1, MAX_SIDE_PX / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  if (isLightOnDark(context)) invert(context);
  return { image: canvas, width_px: canvas.width, height_px: canvas.height };
}

// Chalk on a board: either the edge of the picture is dark, or the picture is see-through and its ink is light.
function isLightOnDark(context) {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  const edge = { light: 0, opaque: 0, count: 0 };
  const ink = { light: 0, opaque: 0 };
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const index = (y * width + x) * 4;
      const alpha = data[index + 3] / 255;
      const light = (0.3 * data[index] + 0.59 * data[index + 1] + 0.11 * data[index + 2]) / 255;
      ink.opaque += alpha;
      ink.light += alpha * light;
      if (x > 0 && y > 0 && x < width - 1 && y < height - 1) continue;
      edge.count += 1;
      edge.opaque += alpha;
      edge.light += alpha * light;
    }
  }
  if (edge.opaque > 0.5 * edge.count) return edge.light / edge.opaque < 0.3;
  return ink.opaque > 0 && ink.light / ink.opaque > 0.7;
}

function invert(context) {
  const { width, height } = context.canvas;
  const pixels = context.getImageData(0, 0, width, height);
  const { data } = pixels;
  for (let index = 0; index < data.length; index += 4) {
    data[index] = 255 - data[index];
    data[index + 1] = 255 - data[index + 1];
    data[index + 2] = 255 - data[index + 2];
  }
  context.putImageData(pixels, 0, 0);
}
