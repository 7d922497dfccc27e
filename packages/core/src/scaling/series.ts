import type { Point } from './trend.ts';

/** Most points that are kept. */
const MAX_POINTS = 240;

/**
 * What was measured in the last `windowMs`. It takes every measurement at first; when it is full it keeps every second one
 * and takes them half as often, so that it costs the same however long the window is.
 */
export class Series {
  readonly #windowMs: number;
  #points: Point[] = [];
  #everyMs = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  get points(): readonly Point[] {
    return this.#points;
  }

  add(at: number, value: number): void {
    const last = this.#points.at(-1);
    if (last !== undefined && at - last.at < this.#everyMs) return;
    this.#points.push({ at, value });
    const first = this.#points.findIndex((point) => point.at > at - this.#windowMs);
    if (first > 0) this.#points.splice(0, first);
    if (this.#points.length < MAX_POINTS) return;
    this.#points = this.#points.filter((_, index) => index % 2 === 1);
    this.#everyMs = (this.#points.at(-1)!.at - this.#points[0]!.at) / (this.#points.length - 1);
  }
}
