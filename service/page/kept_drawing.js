// Keeps the strokes in this browser, so that a reload or a call in between loses nothing. Pictures are not kept.

const NAME = "drawing";

/** Saves the sheet's strokes whenever they change. */
export function keepDrawing(sheet) {
  sheet.addEventListener("commit", () => {
    const strokes = sheet.entries.filter((entry) => entry.kind === "stroke");
    const text = strokes.length > 0 ? JSON.stringify(strokes.map(shortened)) : null;
    try {
      if (text === null) localStorage.removeItem(NAME);
      else localStorage.setItem(NAME, text);
    } catch {
      // Storage is off or full: the drawing is searched all the same.
    }
  });
}

/** The strokes of the last visit; none where there are none, or where what is stored is not a drawing. */
export function keptStrokes() {
  try {
    const strokes = JSON.parse(localStorage.getItem(NAME) ?? "[]");
    return strokes.every(isStroke) ? strokes : [];
  } catch {
    return [];
  }
}

// A thousandth of the sheet is finer than a line is wide.
function shortened({ kind, tool, width, points }) {
  return { kind, tool, width, points: points.map((point) => point.map((value) => Math.round(value * 1e4) / 1e4)) };
}

function isStroke({ kind, tool, width, points }) {
  const isPoint = (point) => Array.isArray(point) && point.length >= 2 && point.every(Number.isFinite);
  return (
    kind === "stroke" &&
    (tool === "pen" || tool === "eraser") &&
    Number.isFinite(width) &&
    Array.isArray(points) &&
    points.length > 0 &&
    points.every(isPoint)
  );
}
