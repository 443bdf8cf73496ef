// The API key, where the service asks for one: entered once, then kept by the browser in a cookie that no script can read.

const byId = (id) => document.getElementById(id);

// What the service says names headers, which is for programs; by the code of its refusal.
const SENTENCES = {
  missing_api_key: "This service asks for an API key.",
  wrong_api_key: "The API key that is kept on this device is not valid any more.",
};

/** A refusal for want of a key, in words for a person. */
export function describeRefusal(code) {
  return SENTENCES[code] ?? "This service refuses access.";
}

// One dialog serves all requests that were refused at the same time.
let asking = null;
// Who closed the dialog is not asked again with every stroke, only when the page is loaded again.
let isDeclined = false;

/** Asks the person for a key; true once the service has accepted one, false when they would rather not. */
export function askForKey(sentence) {
  if (isDeclined) return Promise.resolve(false);
  asking ??= ask(sentence).then((isAccepted) => {
    asking = null;
    isDeclined = !isAccepted;
    return isAccepted;
  });
  return asking;
}

function ask(sentence) {
  const dialog = byId("access");
  const form = byId("access-form");
  const note = byId("access-note");
  note.textContent = sentence;
  dialog.showModal();
  return new Promise((resolve) => {
    const submitted = async (event) => {
      event.preventDefault();
      const problem = await keep(byId("access-key").value.trim());
      note.textContent = problem ?? "";
      if (problem === null) dialog.close("accepted");
    };
    const closed = () => {
      form.removeEventListener("submit", submitted);
      form.reset();
      resolve(dialog.returnValue === "accepted");
      dialog.returnValue = "";
    };
    form.addEventListener("submit", submitted);
    dialog.addEventListener("close", closed, { once: true });
  });
}

/** Has the service keep the key as a cookie; null, or a sentence on why it did not. */
async function keep(key) {
  if (key === "" || /[^\x21-\x7e]/.test(key)) return "That is no key; please copy it once more.";
  const headers = { "X-API-Key": key }; // Authorization is the browser's own where a proxy asks for a password
  const response = await fetch("/session", { method: "POST", headers }).catch(() => null);
  if (response === null) return "The service cannot be reached; please try again.";
  if (response.ok) return null;
  const body = await response.json().catch(() => null);
  return response.status === 401 ? "The service does not know that key; please copy it once more." : body?.error?.message;
}

/** Shows whose key is in use, with a way to forget it. */
export function describeKey(name) {
  byId("key").hidden = !name;
  byId("key-name").textContent = name ?? "";
}

byId("access-close").addEventListener("click", () => byId("access").close());
byId("forget-key").addEventListener("click", async () => {
  await fetch("/session", { method: "DELETE" });
  location.reload();
});
