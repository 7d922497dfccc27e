/** Hands news to everybody who lives by them, and has them read everything anew when some may have been missed. */
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { NewsItem } from '../ports/membership.ts';

/** Somebody who keeps a picture of what all nodes share. What is told twice, or late, must do no harm. */
export interface NewsReader {
  /** Takes one item; what it does not know it leaves alone. Must not throw. */
  apply(item: NewsItem): void;
  /** Reads everything anew from the backend. */
  resync(): Promise<void>;
}

export class Newsroom {
  readonly #readers: readonly NewsReader[];
  readonly #log: Log;
  /** The last item that was handed on; 0: none yet. */
  #seq = 0;
  /** What the backend said was the last one, the beat before. */
  #confirmed = 0;
  #stale = false;
  #reading = false;

  constructor(readers: readonly NewsReader[], log: Log) {
    this.#readers = readers;
    this.#log = log;
  }

  /** The node has joined, perhaps anew: numbers may begin again. Rejects when the backend is away. */
  async joined(): Promise<void> {
    this.#seq = 0;
    this.#confirmed = 0;
    await this.#readAll();
  }

  receive(items: readonly NewsItem[]): void {
    for (const item of items) {
      if (item.seq <= this.#seq) continue;
      if (this.#seq !== 0 && item.seq > this.#seq + 1) this.#missed();
      this.#seq = item.seq;
      for (const reader of this.#readers) reader.apply(item);
    }
  }

  /** A beat was answered. What was known then and has not come by now will not come. */
  beaten(seq: number): void {
    if (seq < this.#confirmed) {
      // The counter went back: the backend was emptied, or lost its tail.
      this.#seq = seq;
      this.#missed();
    } else if (this.#confirmed > this.#seq) {
      this.#seq = this.#confirmed;
      this.#missed();
    } else if (this.#stale) {
      this.#missed();
    }
    this.#confirmed = seq;
  }

  #missed(): void {
    this.#stale = true;
    if (this.#reading) return;
    this.#readAll().catch((thrown: unknown) =>
      this.#log.debug(
        { evt: 'resync_failed', reason: messageOf(thrown) },
        'what all share could not be read; the next beat tries again',
      ),
    );
  }

  async #readAll(): Promise<void> {
    this.#reading = true;
    this.#stale = false;
    try {
      await Promise.all(this.#readers.map((reader) => reader.resync()));
    } catch (thrown) {
      this.#stale = true;
      throw thrown;
    } finally {
      this.#reading = false;
    }
  }
}
