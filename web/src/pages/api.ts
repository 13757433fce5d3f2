/** The admin pages' way to the API: a key or token where one is needed, problems as errors. */

import { h, setText } from "../call/dom.js";

const KEY = "sidetone key";
const DEADLINE_MS = 15_000;

/** What the API says went wrong, in its own words (problem+json). */
export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export async function api<T>(path: string, options: { method?: string } = {}): Promise<T> {
  const key = sessionStorage.getItem(KEY);
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? "GET",
      headers: { accept: "application/json", ...(key && { authorization: `Bearer ${key}` }) },
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } catch {
    throw new ApiError(0, "The service could not be reached.");
  }
  if (response.status === 204) return undefined as T;
  const body = (await response.json().catch(() => ({}))) as T & { detail?: string; title?: string };
  if (!response.ok) throw new ApiError(response.status, body.detail ?? body.title ?? `The service answered ${response.status}.`);
  return body;
}

/** Shows an error where the page shows notes; for 401 and 403 with a field for a key, then `retry`. */
export function showError(place: HTMLElement, error: unknown, retry: () => void): void {
  const message = error instanceof Error ? error.message : String(error);
  const text = h("p", { class: "bad" }, message);
  place.replaceChildren(text);
  place.hidden = false;
  if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) {
    place.append(h("button", { class: "button small", type: "button", click: retry }, "Try again"));
    return;
  }
  const field = h("input", { type: "password", autocomplete: "off", required: true, id: "key" });
  const form = h("form", { class: "inline-form" },
    h("label", { class: "field", for: "key" }, "Admin's token or API key"), field,
    h("button", { class: "button", type: "submit" }, "Sign in"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, field.value.trim());
    setText(text, "Signing in");
    retry();
  });
  place.append(form);
}

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function when(iso: string | null): string {
  return iso ? TIME.format(new Date(iso)) : "–";
}

export function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
