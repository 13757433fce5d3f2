/** The query of an `/admin/calls` address. Pure. Anybody may have written it, so invalid parts are ignored. */

export const STATUSES = ["connected", "ringing", "pending", "completed", "missed", "failed"] as const;
const TYPES = ["support", "user-to-user", "conference"] as const;
/** The longest search text that the API accepts. */
const MAX_WORDS = 200;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

export interface Wanted {
  call: string | undefined;
  offset: number;
  /** Named like the form's fields, and like the API's parameters where those are the same. */
  filters: { q?: string; status?: string; callType?: string; from?: string; to?: string };
}

export function readAddress(search: string): Wanted {
  const given = new URLSearchParams(search);
  const filters: Wanted["filters"] = {};
  const words = given.get("q")?.trim().slice(0, MAX_WORDS);
  if (words) filters.q = words;
  for (const [name, known] of [["status", STATUSES], ["callType", TYPES]] as const) {
    const value = given.get(name) ?? "";
    if ((known as readonly string[]).includes(value)) filters[name] = value;
  }
  for (const name of ["from", "to"] as const) {
    const value = given.get(name) ?? "";
    if (instant(value, 0)) filters[name] = value;
  }
  const [call, offset] = [given.get("call") ?? "", given.get("offset") ?? ""];
  return {
    call: UUID.test(call) ? call : undefined,
    // Nine digits are more calls than anybody pages through.
    offset: /^\d{1,9}$/.test(offset) ? Number(offset) : 0,
    filters,
  };
}

/** The instant at which a calendar day in the local time zone begins, plus `later` days; undefined if the day is invalid. */
export function instant(day: string, later: number): string | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) return undefined;
  const [y, m, d] = day.split("-").map(Number) as [number, number, number];
  const begins = new Date(y, m - 1, d + later);
  const isDay = new Date(y, m - 1, d).getDate() === d && m >= 1 && m <= 12 && y >= 1970;
  return isDay ? begins.toISOString() : undefined;
}
