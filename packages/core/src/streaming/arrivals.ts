/** The items of one stream that have arrived and were not taken yet: each once, in order, still encoded, and no more than the window holds. */
import { readBody, type Frame } from '../wire/frame.ts';
import type { Envelope } from '../wire/envelope.ts';
import { ReadWindow, type Arrival } from './window.ts';

interface Arrived {
  readonly frame: Frame;
  readonly envelope: Envelope;
}

/** Empty places at the front that are worth a copy. */
const COMPACT_AT = 1_024;

export class Arrivals {
  readonly #window = new ReadWindow();
  #waiting: Arrived[] = [];
  #head = 0;

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

  put(frame: Frame, envelope: Envelope): Arrival {
    const arrival = this.#window.arrive(envelope.number, envelope.bodyEnd - envelope.bodyStart);
    if (arrival === 'next') this.#waiting.push({ frame, envelope });
    return arrival;
  }

  /** The next item, there being one. `credit` is called when it is time to tell what was taken. @throws FrameInvalid */
  take(credit: () => void): unknown {
    const { frame, envelope } = this.#waiting[this.#head]!;
    this.#head += 1;
    if (this.empty) this.drop();
    else if (this.#head >= COMPACT_AT) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    if (this.#window.take(envelope.bodyEnd - envelope.bodyStart)) credit();
    return readBody(frame.bytes, envelope.bodyStart, envelope.bodyEnd);
  }

  drop(): void {
    this.#waiting = [];
    this.#head = 0;
  }
}
