// The service's HTTP interface, and its refusals as one class with one sentence.

import { askForKey, describeRefusal } from "./access.js";

const TIMEOUT_MS = 20_000;
const LONGEST_WAIT_MS = 30_000;

export class ServiceError extends Error {
  /** retryAfterMs is null unless the service said it is busy (429, 503) and asked us to come back. */
  constructor(message, { code, retryAfterMs = null }) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

export function search(png, { k, filters = [] }) {
  const body = new FormData();
  body.append("sketch", png, "sketch.png");
  body.append("k", String(k));
  for (const filter of filters) body.append("filter", filter);
  return fetchJson("/search", { method: "POST", body, priority: "high" });
}

export function similar(photoId, { k, filters = [] }) {
  const path = photoId.split("/").map(encodeURIComponent).join("/");
  const query = new URLSearchParams([["k", String(k)], ...filters.map((filter) => ["filter", filter])]);
  return fetchJson(`/similar/${path}?${query}`);
}

/** The photo is the one that the drawing meant; the service keeps both. */
export function confirmPhoto(png, { photo_id, rank, generation }) {
  const body = new FormData();
  body.append("sketch", png, "sketch.png");
  for (const [name, value] of Object.entries({ photo_id, rank, generation })) body.append(name, String(value));
  return fetchJson("/feedback", { method: "POST", body });
}

export function info() {
  return fetchJson("/info");
}

async function fetchJson(url, options = {}) {
  const response = await send(url, options);
  if (response.status !== 401) return read(response);
  const refusal = await response.json().catch(() => null);
  const code = refusal?.error?.code ?? "unknown";
  if (await askForKey(describeRefusal(code))) return read(await send(url, options));
  throw new ServiceError(`${describeRefusal(code)} Reload the page to enter one.`, { code });
}

async function send(url, options) {
  try {
    return await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new ServiceError("The service cannot be reached; your drawing is safe and the next stroke tries again.", {
      code: "unreachable",
    });
  }
}

async function read(response) {
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  throw new ServiceError(
    body?.error?.message ?? `The service answered with status ${response.status}; please try again.`,
    { code: body?.error?.code ?? "unknown", retryAfterMs: retryAfterMs(response) },
  );
}

function retryAfterMs(response) {
  const header = response.headers.get("Retry-After");
  if ((response.status !== 429 && response.status !== 503) || header === null) return null;
  const seconds = Number(header);
  const wait = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000;
  return Math.min(LONGEST_WAIT_MS, Math.max(100, wait || 1000));
}

export function wait(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
