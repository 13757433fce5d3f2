/** The button on a live call's page for an admin to listen in. */

import { setText } from "../call/dom.js";
import { api } from "./api.js";
import { here } from "./here.js";
import type { Door } from "./listen.js";

type Listen = typeof import("./listen.js");

export class Listening {
  /** The call that is being heard, or is about to be. */
  private call: string | undefined;
  private stop: (() => Promise<void>) | undefined;

  constructor(private readonly button: HTMLButtonElement, private readonly note: HTMLElement) {}

  /** Shows the button for a live call; stops the audio of another call. */
  show(call: string, isLive: boolean): void {
    if (this.call !== call) this.end("");
    this.button.hidden = !isLive && this.call === undefined;
    this.button.onclick = () => (this.call === undefined ? void this.begin(call) : this.end(""));
  }

  /** Stops the audio. */
  end(why: string): void {
    void this.stop?.();
    [this.call, this.stop] = [undefined, undefined];
    this.tell(why);
  }

  private async begin(call: string): Promise<void> {
    this.call = call;
    this.tell("Connecting");
    try {
      const [{ listen }, door] = await Promise.all([
        import(here("/assets/listen.js")) as Promise<Listen>,
        api<Door>(`/api/voice/calls/${encodeURIComponent(call)}/listen`, { method: "POST" }),
      ]);
      const stop = await listen(door, (why) => this.call === call && this.end(why));
      // Another page was shown in the meantime.
      if (this.call !== call) return void stop();
      this.stop = stop;
      this.tell("You hear the call. Nobody in it sees or hears you.");
    } catch (error) {
      if (this.call === call) this.end(error instanceof Error ? error.message : String(error));
    }
  }

  private tell(text: string): void {
    const heard = this.call !== undefined;
    setText(this.button, heard ? "Stop listening" : "Listen");
    this.button.setAttribute("aria-pressed", String(heard));
    setText(this.note, text);
  }
}
