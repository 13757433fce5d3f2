/** The conversation as a list: one node per line, updated in place, kept scrolled to the end unless scrolled up. */

import { h, setText } from "./dom.js";
import type { Strings } from "./strings.js";
import type { Line, Transcript } from "./transcript.js";

/** Distance from the end, in pixels, within which the list still follows new lines. */
const NEAR_END = 48;

interface Row {
  item: HTMLLIElement;
  speaker: HTMLSpanElement;
  text: HTMLSpanElement;
}

export class LogView {
  /**
   * Not a live region: the words are being spoken aloud, and a screen reader that also read them would talk
   * over the agent. It can be read at any time, and can be focused for scrolling.
   */
  readonly region = h("div", { class: "log", role: "log", "aria-live": "off", tabindex: "0" });
  private readonly list = h("ol");
  private readonly rows = new Map<string, Row>();
  private shown: Transcript = [];

  private follow = true;

  constructor() {
    this.region.append(this.list);
    this.region.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.region;
      this.follow = scrollHeight - scrollTop - clientHeight < NEAR_END;
    });
    // The list shrinks when the device settings open; its end stays visible.
    new ResizeObserver(() => this.toEnd()).observe(this.region);
  }

  private toEnd(): void {
    if (this.follow) this.region.scrollTop = this.region.scrollHeight;
  }

  update(transcript: Transcript, s: Strings): void {
    this.region.setAttribute("aria-label", s.transcript);
    if (transcript === this.shown) return;
    const keys = new Set(transcript.map(key));
    for (const [k, row] of this.rows) {
      if (keys.has(k)) continue;
      row.item.remove();
      this.rows.delete(k);
    }
    for (const line of transcript) this.show(line, s);
    this.shown = transcript;
    this.toEnd();
  }

  private show(line: Line, s: Strings): void {
    let row = this.rows.get(key(line));
    if (!row) {
      const [speaker, text] = [h("span", { class: "unseen" }), h("span", { dir: "auto" })];
      row = { item: h("li", {}, speaker, text), speaker, text };
      this.rows.set(key(line), row);
      this.list.append(row.item);
    }
    row.item.className = `${line.who}${line.final ? "" : " interim"}`;
    setText(row.speaker, `${line.who === "caller" ? s.you : s.agent}: `);
    setText(row.text, line.text);
  }
}

function key(line: Line): string {
  return `${line.who}:${line.id}`;
}
