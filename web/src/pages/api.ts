/** The admin pages' access to the API: the session's cookie, problems as errors, signing in and out. */

import { h, setText } from "../call/dom.js";
import { here } from "./here.js";

const DEADLINE_MS = 15_000;
const SESSION = "/api/voice/session";

/** The page's element with this id. */
export function get<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** An error from the API, in its own words (problem+json). */
export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export async function api<T>(path: `/${string}`, options: { method?: string; key?: string } = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(here(path), {
      method: options.method ?? "GET",
      // The cookie alone may not change anything: the header proves that one of our pages sends the request.
      headers: { accept: "application/json", "x-sidetone-session": "1", ...(options.key && { authorization: `Bearer ${options.key}` }) },
      // Signing out also works if the page is left at once.
      keepalive: options.method !== undefined,
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

/** Shows an error where the page shows notes; for 401 and 403 with a field for signing in, which then calls `retry`. */
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
    setText(text, "Signing in");
    // The key is used once and stored nowhere: the session cookie in the response replaces it.
    api(SESSION, { method: "POST", key: field.value.trim() }).then(
      () => {
        void showSession();
        retry();
      },
      (refused: unknown) => showError(place, refused, retry),
    );
  });
  place.append(form);
}

/** Shows who is signed in, with a button to sign out, at the end of the page's navigation. */
export async function showSession(): Promise<void> {
  const place = document.getElementById("session");
  if (!place) return;
  const session = await api<{ signedIn: boolean; name: string | null }>(SESSION).catch(() => undefined);
  place.replaceChildren();
  if (!session?.signedIn) return;
  const out = () => void api(SESSION, { method: "DELETE" }).finally(() => location.reload());
  place.append(h("span", { class: "note" }, session.name ?? ""), h("button", { class: "button small", type: "button", click: out }, "Sign out"));
}

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function when(iso: string | null): string {
  return iso ? TIME.format(new Date(iso)) : "–";
}

export function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
