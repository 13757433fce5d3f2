/** Rows of a table that is shown again and again: kept where they are, so that focus and scroll stay. */

/** A row and how it takes a newer state of what it shows. */
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
