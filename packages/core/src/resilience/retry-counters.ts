/** What retrying has come to, per service. Labels are bounded: codes and numbers of tries, never messages. */

/** Different codes counted for one service; what comes after is counted as `OTHER`. */
const MAX_CODES = 64;

export interface RetryStats {
  /** Tries in all, first ones included. */
  readonly attempts: number;
  /** Number of tries needed → calls that succeeded with it. */
  readonly successes: Readonly<Record<number, number>>;
  /** Code of the last error → calls that failed for good with it. */
  readonly failures: Readonly<Record<string, number>>;
}

/** The counters of one service. */
export class RetryTally {
  attempts = 0;
  /** Successes at the first try: the hot one. */
  firstTries = 0;
  readonly #successes = new Map<number, number>();
  readonly #failures = new Map<string, number>();

  succeeded(attempts: number): void {
    if (attempts === 1) this.firstTries += 1;
    else this.#successes.set(attempts, (this.#successes.get(attempts) ?? 0) + 1);
  }

  failed(code: string): void {
    const label = this.#failures.has(code) || this.#failures.size < MAX_CODES ? code : 'OTHER';
    this.#failures.set(label, (this.#failures.get(label) ?? 0) + 1);
  }

  stats(): RetryStats {
    const first: [number, number][] = this.firstTries === 0 ? [] : [[1, this.firstTries]];
    return {
      attempts: this.attempts,
      successes: Object.fromEntries([...first, ...this.#successes]),
      failures: Object.fromEntries(this.#failures),
    };
  }
}

/** The counters of a node. */
export class RetryCounters {
  readonly #services = new Map<string, RetryTally>();

  of(service: string): RetryTally {
    let tally = this.#services.get(service);
    if (tally === undefined) this.#services.set(service, (tally = new RetryTally()));
    return tally;
  }

  /** Service → what was counted. */
  stats(): Readonly<Record<string, RetryStats>> {
    return Object.fromEntries([...this.#services].map(([service, tally]) => [service, tally.stats()]));
  }
}
