/** What comes to one member: in order, handed over in batches on a later turn of the event loop. */
export class Feed<Item> {
  readonly #sink: (items: readonly Item[]) => void;
  #items: Item[] = [];
  #scheduled = false;
  #closed = false;

  constructor(sink: (items: readonly Item[]) => void) {
    this.#sink = sink;
  }

  push(item: Item): void {
    if (this.#closed) return;
    this.#items.push(item);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#closed) return;
      const items = this.#items;
      this.#items = [];
      this.#sink(items);
    });
  }

  /** Nobody reads any more. What was not handed over is dropped. */
  close(): void {
    this.#closed = true;
    this.#items = [];
  }
}
