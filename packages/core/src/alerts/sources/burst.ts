/** Whether something happened so often in so short a time. */
export class Burst {
  readonly #windowMs: number;
  /** The last moments, as a ring; monotonic, ms. */
  readonly #moments: number[];
  #next = 0;

  /** `count` times within `windowMs` are a burst. */
  constructor(count: number, windowMs: number) {
    this.#windowMs = windowMs;
    this.#moments = Array.from({ length: count }, () => -Infinity);
  }

  /** It has happened again, at `now`. Answers whether that makes a burst. */
  add(now: number): boolean {
    this.#moments[this.#next] = now;
    this.#next = (this.#next + 1) % this.#moments.length;
    return now - this.#moments[this.#next]! < this.#windowMs;
  }
}
