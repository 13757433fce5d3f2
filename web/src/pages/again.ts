/** What a page does again and again: only while somebody looks at it. A tab in the background asks for nothing. */
export class Again {
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** It was due while nobody looked. */
  private due = false;

  /** `seen` is told when somebody looks again, or no longer. */
  constructor(private readonly act: () => void, seen: (seen: boolean) => void = () => undefined) {
    document.addEventListener("visibilitychange", () => {
      seen(!document.hidden);
      if (document.hidden || !this.due) return;
      this.due = false;
      this.act();
    });
  }

  /** Acts once, in `ms` milliseconds, in place of what was due before. */
  after(ms: number): void {
    this.stop();
    this.timer = setTimeout(() => {
      if (document.hidden) this.due = true;
      else this.act();
    }, ms);
  }

  /** Nothing is due any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.due = false;
  }
}
