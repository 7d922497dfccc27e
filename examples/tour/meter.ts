/** Counts one kind of request and measures how long each took. */
export class Meter {
  sent = 0;
  answered = 0;
  /** The first failure says enough; `failed` counts them. */
  failed = 0;
  firstFailure = '';
  readonly #tookMs: number[] = [];
  #sorted = false;

  /** Runs one request; answers undefined when it failed. */
  async measure<Value>(request: () => Promise<Value>): Promise<{ value: Value } | undefined> {
    const started = performance.now();
    this.sent += 1;
    try {
      const value = await request();
      this.#tookMs.push(performance.now() - started);
      this.#sorted = false;
      this.answered += 1;
      return { value };
    } catch (thrown) {
      this.failed += 1;
      this.firstFailure ||= String(thrown);
      return undefined;
    }
  }

  /** The time that `share` (0 to 1) of the answered requests did not exceed, ms; 0 when there are none. */
  percentile(share: number): number {
    if (!this.#sorted) this.#tookMs.sort((one, other) => one - other);
    this.#sorted = true;
    return this.#tookMs[Math.max(0, Math.ceil(share * this.#tookMs.length) - 1)] ?? 0;
  }
}
