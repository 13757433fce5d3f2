/** Rows of a table that is updated repeatedly: they stay in place, so that focus and scroll position stay. */

/** A row, and how it is updated to a newer state. */
export interface Row<T> {
  row: HTMLTableRowElement;
  update(item: T): void;
}

export class Rows<T> {
  private rows = new Map<string, Row<T>>();

  constructor(private readonly body: HTMLTableSectionElement, private readonly key: (item: T) => string, private readonly make: () => Row<T>) {}

  show(items: readonly T[]): void {
    const shown = new Map<string, Row<T>>();
    items.forEach((item, place) => {
      const key = this.key(item);
      const kept = this.rows.get(key) ?? this.make();
      kept.update(item);
      shown.set(key, kept);
      const there = this.body.rows[place];
      if (there !== kept.row) this.body.insertBefore(kept.row, there ?? null);
    });
    for (const [key, { row }] of this.rows) if (!shown.has(key)) row.remove();
    this.rows = shown;
  }
}
