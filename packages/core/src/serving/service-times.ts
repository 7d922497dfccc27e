/** Weight of a new measurement. */
const WEIGHT = 0.1;
/** What a method of which nothing is known may take, ms: too long to claim ahead. */
const UNKNOWN_MS = 100;

/** How long the methods of one actor take on this node: exponentially weighted moving averages, ms. */
export class ServiceTimes {
  readonly #times = new Map<string, number>();
  /** Over all methods, ms; it starts high, and so errs on the side of claiming less ahead. */
  typical: number = UNKNOWN_MS;
  /** Over all methods, ms; undefined before the first measurement. */
  average: number | undefined = undefined;
  /** Called when a method has been measured for the first time. */
  onFirst: (() => void) | undefined = undefined;

  add(method: string, ms: number): void {
    const before = this.#times.get(method);
    this.#times.set(method, before === undefined ? ms : before + WEIGHT * (ms - before));
    this.typical += WEIGHT * (ms - this.typical);
    this.average = this.average === undefined ? ms : this.average + WEIGHT * (ms - this.average);
    if (before === undefined) this.onFirst?.();
  }

  entries(): IterableIterator<[string, number]> {
    return this.#times.entries();
  }
}
