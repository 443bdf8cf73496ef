// Keyboard shortcuts; the help dialog in index.html lists the same ones.

/** Calls the action of a pressed shortcut, unless a dialog is open or the person is typing. */
export function listenForKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input:not([type=file]), textarea, select")) return;
    const action = actions[nameOf(event)];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function nameOf(event) {
  if (!event.ctrlKey && !event.metaKey) {
    return { p: "pen", e: "eraser", "[": "thinner", "]": "thicker", Delete: "clear", "?": "help" }[
      event.key.length === 1 ? event.key.toLowerCase() : event.key
    ];
  }
  const key = event.key.toLowerCase();
  if (key === "z") return event.shiftKey ? "redo" : "undo";
  return key === "y" && !event.shiftKey ? "redo" : undefined;
}
