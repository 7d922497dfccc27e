/** The items of one stream that have arrived and were not taken yet: each once, in order, still encoded, and no more than the window holds. */
import { readBody, type Frame } from '../wire/frame.ts';
import type { Envelope } from '../wire/envelope.ts';
import { ReadWindow, WINDOW_BYTES, type Arrival } from './window.ts';

/** Where an item lies: first in what came, among whatever else came with it. */
interface Arrived {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Empty places at the front that are worth a copy. */
const COMPACT_AT = 1_024;
/** Bytes that what waits may keep in memory, its company included, before it is copied out of that. */
const MOST_KEPT: number = 4 * WINDOW_BYTES;

export class Arrivals {
  readonly #window = new ReadWindow();
  #waiting: Arrived[] = [];
  #head = 0;
  /** Bytes of the memory that what waits lies in; of what lies there together they count once. */
  #kept = 0;

  get empty(): boolean {
    return this.#head === this.#waiting.length;
  }

  /** Items that have arrived in all. */
  get received(): number {
    return this.#window.received;
  }

  /** Items that were taken in all. */
  get taken(): number {
    return this.#window.taken;
  }

  put({ bytes }: Frame, { number, bodyStart: start, bodyEnd: end }: Envelope): Arrival {
    const arrival = this.#window.arrive(number, end - start);
    if (arrival !== 'next') return arrival;
    if (this.empty || this.#waiting.at(-1)!.bytes.buffer !== bytes.buffer) this.#kept += bytes.buffer.byteLength;
    this.#waiting.push({ bytes, start, end });
    if (this.#kept > MOST_KEPT) this.#copy();
    return arrival;
  }

  /** The next item, there being one. `credit` is called when it is time to tell what was taken. @throws FrameInvalid */
  take(credit: () => void): unknown {
    const { bytes, start, end } = this.#waiting[this.#head]!;
    this.#head += 1;
    if (this.empty) this.drop();
    else {
      if (this.#waiting[this.#head]!.bytes.buffer !== bytes.buffer) this.#kept -= bytes.buffer.byteLength;
      if (this.#head >= COMPACT_AT) this.#compact();
    }
    if (this.#window.take(end - start)) credit();
    return readBody(bytes, start, end);
  }

  drop(): void {
    this.#waiting = [];
    this.#head = 0;
    this.#kept = 0;
  }

  #compact(): void {
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }

  /** Lets go of what came beside: a reader that takes its time keeps no more than the window. */
  #copy(): void {
    this.#compact();
    this.#kept = 0;
    for (const [at, { bytes, start, end }] of this.#waiting.entries()) {
      const own = new Uint8Array(bytes.subarray(start, end));
      this.#waiting[at] = { bytes: own, start: 0, end: own.length };
      this.#kept += own.length;
    }
  }
}
