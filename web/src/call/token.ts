/** Requests a token: from the host page's callback, or from the token endpoint. */

import type { Problem } from "./phase.js";

/** The call to request. */
export interface CallRequest {
  roomType: string;
  participantName?: string;
  agent?: string;
  voice?: string;
}

/** A token for one room. */
export interface CallToken {
  /** `wss://` address of the LiveKit server. */
  livekitHost: string;
  token: string;
  roomName?: string;
  callId?: string;
}

/** Implemented by host pages that fetch tokens in their own way. */
export type TokenProvider = (request: CallRequest) => Promise<CallToken>;

/** A call that cannot continue, with what to tell the person. */
export class CallError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.code);
    this.name = "CallError";
  }
}

/** The time limit for an endpoint, or the host page's provider. */
const DEADLINE_MS = 15_000;

/** Calls the host page's own provider, with the same requirements as an endpoint: a deadline, and one of the two shapes. */
export async function askProvider(provider: TokenProvider, request: CallRequest): Promise<CallToken> {
  const late = new CallError({ code: "endpoint-slow", retry: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(late), DEADLINE_MS)));
  try {
    const token = readToken(await Promise.race([provider(request), deadline]));
    if (token) return token;
  } finally {
    clearTimeout(timer);
  }
  throw new CallError({ code: "unavailable", retry: true, detail: "tokenProvider answered without a token" });
}

/** `POST endpoint`. Accepts Sidetone's response, and that of LiveKit's standard token endpoint. */
export async function fetchToken(
  endpoint: string,
  request: CallRequest,
  headers: Record<string, string> = {},
): Promise<CallToken> {
  let response: Response;
  try {
    response = await fetch(endpoint, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", ...headers },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } catch (error) {
    throw new CallError({ code: isLate(error) ? "endpoint-slow" : "endpoint-unreachable", retry: true });
  }
  // The deadline applies to the body, too.
  const body: unknown = await response.json().catch((error: unknown) => {
    if (isLate(error)) throw new CallError({ code: "endpoint-slow", retry: true });
    return undefined;
  });
  if (!response.ok) throw new CallError(refusal(response, body));
  const token = readToken(body);
  if (!token) {
    throw new CallError({ code: "unavailable", retry: true, detail: `${endpoint} answered without a token` });
  }
  return token;
}

function isLate(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

/** Parses the two shapes of a response; returns undefined if it has neither. */
export function readToken(body: unknown): CallToken | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const b = body as Record<string, unknown>;
  const text = (name: string) => (typeof b[name] === "string" && b[name] !== "" ? b[name] : undefined);
  const livekitHost = text("livekitHost") ?? text("server_url") ?? text("serverUrl");
  const token = text("token") ?? text("participant_token") ?? text("participantToken");
  if (!livekitHost || !token) return undefined;
  const roomName = text("roomName") ?? text("room_name");
  const callId = text("callId");
  return { livekitHost, token, ...(roomName && { roomName }), ...(callId && { callId }) };
}

function refusal(response: Response, body: unknown): Problem {
  const detail = problemDetail(body);
  const retryAfter = secondsToWait(response.headers.get("retry-after"), Date.now());
  const more = { ...(detail && { detail }), ...(retryAfter !== undefined && { retryAfter }) };
  switch (response.status) {
    case 401:
      return { code: "signed-out", retry: true, ...more };
    case 403:
      return { code: "not-allowed", retry: false, ...more };
    case 429:
      return { code: "too-many-calls", retry: true, ...more };
    default:
      return response.status >= 500
        ? { code: "unavailable", retry: true, ...more }
        : { code: "bad-request", retry: false, ...more };
  }
}

/** `detail` of problem+json (RFC 9457), bounded: it is shown to a person. */
function problemDetail(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { detail, title } = body as Record<string, unknown>;
  const text = typeof detail === "string" ? detail : typeof title === "string" ? title : undefined;
  return text ? text.slice(0, 300) : undefined;
}

/** `Retry-After` as seconds or as an HTTP date (RFC 9110 §10.2.3), at most an hour. */
export function secondsToWait(header: string | null, nowMs: number): number | undefined {
  if (!header) return undefined;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - nowMs) / 1000;
  if (!Number.isFinite(seconds)) return undefined;
  return Math.min(Math.max(Math.ceil(seconds), 0), 3600);
}

/** Expiry of a JWT in milliseconds since the epoch; undefined if it cannot be read. Does not verify the token. */
export function tokenExpiry(token: string): number | undefined {
  try {
    const payload = token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
    const { exp } = JSON.parse(atob(payload)) as { exp?: unknown };
    return typeof exp === "number" ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
