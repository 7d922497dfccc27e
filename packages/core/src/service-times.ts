/** Weight of a new measurement. */
const WEIGHT = 0.1;

/** How long the methods of one actor take on this node: exponentially weighted moving averages, ms. */
export class ServiceTimes {
  readonly #times = new Map<string, number>();
  /** Over all methods, ms; unknown counts as long. */
  typical = 1;

  add(method: string, ms: number): void {
    const before = this.#times.get(method);
    this.#times.set(method, before === undefined ? ms : before + WEIGHT * (ms - before));
    this.typical += WEIGHT * (ms - this.typical);
  }

  entries(): IterableIterator<[string, number]> {
    return this.#times.entries();
  }
}
