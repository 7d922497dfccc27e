/** What became of the work of one instance: its score, how long it takes, and how much of it failed lately. */
import { afterOutcome, afterTime, FULL_MARKS, MIN_OUTCOMES, type OutcomeScore } from './score.ts';

/** Beats whose outcomes the error rate counts. */
const WINDOW_BEATS = 10;

export class Outcomes {
  /** Smoothed time that its handlers take, ms. */
  responseMs: number | undefined;
  #score: OutcomeScore = FULL_MARKS;
  readonly #ended = new Uint32Array(WINDOW_BEATS);
  readonly #failed = new Uint32Array(WINDOW_BEATS);
  #current = 0;

  get score(): number {
    return this.#score.score;
  }

  get routable(): boolean {
    return this.#score.routable;
  }

  /** Nothing ended in the window, and nothing is held against it. */
  get quiet(): boolean {
    return this.score === 1 && this.ended === 0;
  }

  /** Work that ended in the window. */
  get ended(): number {
    return sum(this.#ended);
  }

  /** Share of it that failed, 0 to 1; undefined while too little has ended to say. */
  get errorRate(): number | undefined {
    const { ended } = this;
    return ended < MIN_OUTCOMES ? undefined : sum(this.#failed) / ended;
  }

  add(ms: number, failed: boolean): void {
    this.responseMs = afterTime(this.responseMs, ms);
    this.#ended[this.#current]! += 1;
    if (failed) this.#failed[this.#current]! += 1;
    this.mark(failed);
  }

  /** An outcome that was no work: a probe. */
  mark(failed: boolean): void {
    this.#score = afterOutcome(this.#score, failed);
  }

  /** A beat has passed. */
  beat(): void {
    this.#current = (this.#current + 1) % WINDOW_BEATS;
    this.#ended[this.#current] = 0;
    this.#failed[this.#current] = 0;
  }
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
