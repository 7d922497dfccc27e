/**
 * Whether the view has everything that was told: news are counted, and each beat says how far the counter is. Pure.
 * What a beat confirmed must have been applied when the next one comes; so the view's age is bounded even when the stream
 * of news is blocked and says nothing.
 */
export class Sequence {
  #applied: number | undefined;
  #confirmed = -1;
  #confirmedAt = 0;
  #currentAt = -Infinity;

  /** Everything up to `seq` is in the view, as it was read at this moment. */
  start(seq: number, at: number): void {
    this.#applied = seq;
    this.#currentAt = at;
  }

  /** What to do with an item: `repeat`: nothing, it is in the view. `gap`: something was missed, read everything again. */
  next(seq: number): 'apply' | 'repeat' | 'gap' {
    if (this.#applied === undefined || seq > this.#applied + 1) return 'gap';
    if (seq !== this.#applied + 1) return 'repeat';
    this.#applied = seq;
    if (seq >= this.#confirmed) this.#currentAt = Math.max(this.#currentAt, this.#confirmedAt);
    return 'apply';
  }

  /** A beat said that `seq` is the last. Answers whether the view must be read again. */
  beaten(seq: number, at: number): boolean {
    const before = this.#confirmed;
    this.#confirmed = seq;
    this.#confirmedAt = at;
    if (this.#applied === undefined) return true;
    // The counter went back: the backend was emptied, or lost its tail.
    if (seq < before || this.#applied < before) return true;
    if (this.#applied >= seq) this.#currentAt = at;
    return false;
  }

  /** How long ago the view was surely current, ms. */
  age(now: number): number {
    return now - this.#currentAt;
  }
}
