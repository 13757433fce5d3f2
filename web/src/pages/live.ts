/** Calls under way, as the server tells of them (GET /api/voice/live). */

import { here } from "./here.js";

export interface LiveCall {
  id: string;
  status: string;
  turns: number;
}

export class Live {
  private stream: EventSource | undefined;
  calls: readonly LiveCall[] = [];

  /** `changed` is told the calls before and now; `lost`, that the server does not tell of them. */
  constructor(
    private readonly changed: (before: readonly LiveCall[], now: readonly LiveCall[]) => void,
    private readonly lost: () => void,
  ) {}

  /** False when the browser has given up on the stream: it was refused. */
  get open(): boolean {
    return this.stream !== undefined && this.stream.readyState !== EventSource.CLOSED;
  }

  /** Nobody looks: the server need not tell. */
  close(): void {
    this.stream?.close();
    this.stream = undefined;
  }

  /** Opens the stream where it is not. A stream that broke is opened again by the browser itself. */
  watch(): void {
    if (this.open) return;
    const stream = new EventSource(here("/api/voice/live"));
    this.stream = stream;
    stream.addEventListener("error", () => {
      if (stream === this.stream && !this.open) this.lost();
    });
    stream.addEventListener("live", (event) => {
      const before = this.calls;
      this.calls = (JSON.parse(event.data as string) as { calls: LiveCall[] }).calls;
      this.changed(before, this.calls);
    });
  }
}
