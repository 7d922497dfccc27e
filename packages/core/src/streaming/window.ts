/**
 * How much of a stream may be under way: both sides know it, and count for themselves. What was taken out by the reader makes
 * room; its word is believed as far as it can be true.
 */

/** Items that may have been sent and not yet taken by the reader. */
export const WINDOW_ITEMS = 2_048;
/** Bytes of their bodies after which nothing more is sent; the last item may go beyond. */
export const WINDOW_BYTES: number = 1024 * 1024;
/** A reader tells what it has taken at the latest after so many items, or so many bytes. */
export const CREDIT_ITEMS: number = WINDOW_ITEMS / 2;
export const CREDIT_BYTES: number = WINDOW_BYTES / 2;

/** The side that sends. */
export class SendWindow {
  /** Items that were sent. */
  sent = 0;
  #taken = 0;
  #bytes = 0;
  /** Bytes of what is under way, by number. */
  readonly #sizes: number[] = [];

  /** Whether one more may leave. */
  get open(): boolean {
    return this.sent - this.#taken < WINDOW_ITEMS && this.#bytes < WINDOW_BYTES;
  }

  add(bytes: number): void {
    this.#sizes[this.sent % WINDOW_ITEMS] = bytes;
    this.sent += 1;
    this.#bytes += bytes;
  }

  /** The reader says that it has taken that many in all. False: it cannot have. */
  credit(taken: number): boolean {
    if (taken > this.sent) return false;
    for (; this.#taken < taken; this.#taken += 1) this.#bytes -= this.#sizes[this.#taken % WINDOW_ITEMS]!;
    return true;
  }
}

/** What becomes of an item that has arrived. */
export type Arrival = 'next' | 'again' | 'gap' | 'beyond';

/** The side that reads. */
export class ReadWindow {
  /** Items that have arrived, in order. */
  received = 0;
  /** Items that the reader has taken. */
  taken = 0;
  #credited = 0;
  #receivedBytes = 0;
  #takenBytes = 0;
  #creditedBytes = 0;

  /** Judges the item of this number; `next` counts as received. */
  arrive(number: number, bytes: number): Arrival {
    if (number <= this.received) return 'again';
    if (number > this.received + 1) return 'gap';
    const full =
      this.received - this.#credited >= WINDOW_ITEMS || this.#receivedBytes - this.#creditedBytes >= WINDOW_BYTES;
    if (full) return 'beyond';
    this.received = number;
    this.#receivedBytes += bytes;
    return 'next';
  }

  /** The reader takes one. True: it is time to say so. */
  take(bytes: number): boolean {
    this.taken += 1;
    this.#takenBytes += bytes;
    const due = this.taken - this.#credited >= CREDIT_ITEMS || this.#takenBytes - this.#creditedBytes >= CREDIT_BYTES;
    if (!due) return false;
    this.#credited = this.taken;
    this.#creditedBytes = this.#takenBytes;
    return true;
  }
}
