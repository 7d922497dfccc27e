/**
 * Asks the store how much is being told, over all nodes. What gathers while it is asked leaves as one question. As many
 * new conditions as make no storm draw from a window; how hard it blows is counted as they are written, by the node that
 * wrote them: five nodes that see the same are one.
 */
import type { Clock } from '../ground/clock.ts';
import type { AlertStore, PermitAsk } from '../ports/alerts.ts';
import type { AlertPolicy } from './policy.ts';
import { STORM } from './raise-schema.ts';

export interface Question {
  readonly permit?: PermitAsk | undefined;
  /** Fingerprint of a new condition: whether it makes a storm is asked too. */
  readonly fresh?: string | undefined;
}

export interface Answer {
  readonly permitted: boolean;
  /** It is one too many: a storm. */
  readonly stormy: boolean;
}

export interface AdmissionsNeeds {
  readonly store: AlertStore;
  readonly clock: Clock;
  readonly policy: () => AlertPolicy;
}

interface Asked extends Question {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

export class Admissions {
  readonly #needs: AdmissionsNeeds;
  #waiting: Asked[] = [];
  #asking = false;
  /** Written, and not counted yet. */
  #uncounted = 0;

  constructor(needs: AdmissionsNeeds) {
    this.#needs = needs;
  }

  /** Rejects as the store does. */
  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...question, resolve, reject });
      this.#start();
    });
  }

  /** New alerts in the last `storm.windowMs`. Rejects as the store does. */
  rate(): Promise<number> {
    const { store, clock, policy } = this.#needs;
    return store.rate(STORM, 0, policy().storm.windowMs, clock.now());
  }

  /** A new alert is written. */
  began(): void {
    this.#uncounted += 1;
    this.#start();
  }

  #start(): void {
    if (!this.#asking) void this.#askAll();
  }

  async #askAll(): Promise<void> {
    this.#asking = true;
    // What is written in this turn is counted at once.
    await Promise.resolve();
    while (this.#waiting.length > 0 || this.#uncounted > 0) {
      const asked = this.#waiting;
      const uncounted = this.#uncounted;
      this.#waiting = [];
      this.#uncounted = 0;
      try {
        await this.#answer(asked, uncounted);
      } catch (thrown) {
        for (const { reject } of asked) reject(thrown);
      }
    }
    this.#asking = false;
  }

  async #answer(asked: readonly Asked[], uncounted: number): Promise<void> {
    const { store, clock, policy } = this.#needs;
    const now = clock.now();
    const { enter, windowMs } = policy().storm;
    const storm = { name: STORM, limit: enter, windowMs };
    const permits = asked.flatMap(({ permit }) => permit ?? []);
    const draws = asked.flatMap(({ fresh }) => (fresh === undefined ? [] : { ...storm, key: fresh }));
    const [passed] = await Promise.all([
      asked.length > 0 ? store.permit([...permits, ...draws], now) : [],
      uncounted > 0 ? store.rate(STORM, uncounted, windowMs, now) : 0,
    ]);
    let nextPermit = 0;
    let nextDraw = permits.length;
    for (const { permit, fresh, resolve } of asked) {
      const permitted = permit === undefined || passed[nextPermit++] === true;
      resolve({ permitted, stormy: fresh !== undefined && passed[nextDraw++] !== true });
    }
  }
}
