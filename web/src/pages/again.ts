/** Repeats an action of a page, but only while the page is visible. A tab in the background requests nothing. */
export class Again {
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** It became due while the page was hidden. */
  private due = false;

  /** `seen` is called when the page becomes visible or hidden. */
  constructor(private readonly act: () => void, seen: (seen: boolean) => void = () => undefined) {
    document.addEventListener("visibilitychange", () => {
      seen(!document.hidden);
      if (document.hidden || !this.due) return;
      this.due = false;
      this.act();
    });
  }

  /** Acts once, in `ms` milliseconds, instead of whatever was due before. */
  after(ms: number): void {
    this.stop();
    this.timer = setTimeout(() => {
      if (document.hidden) this.due = true;
      else this.act();
    }, ms);
  }

  /** Cancels what is due. */
  stop(): void {
    clearTimeout(this.timer);
    this.due = false;
  }
}
