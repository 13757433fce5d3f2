/** Calls in progress, as streamed by the server (GET /api/voice/live). */

import { here } from "./here.js";

export interface LiveCall {
  id: string;
  status: string;
  turns: number;
}

export class Live {
  private stream: EventSource | undefined;
  calls: readonly LiveCall[] = [];

  /** `changed` is called with the calls before and now; `lost`, when the server does not stream them. */
  constructor(
    private readonly changed: (before: readonly LiveCall[], now: readonly LiveCall[]) => void,
    private readonly lost: () => void,
  ) {}

  /** False if the browser has given up on the stream because it was refused. */
  get open(): boolean {
    return this.stream !== undefined && this.stream.readyState !== EventSource.CLOSED;
  }

  /** Nobody is looking: closes the stream. */
  close(): void {
    this.stream?.close();
    this.stream = undefined;
  }

  /** Opens the stream if it is not open. A stream that breaks is reopened by the browser itself. */
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
