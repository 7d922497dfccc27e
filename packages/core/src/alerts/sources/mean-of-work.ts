/** A mean over the work of each mailbox in a rolling window, and the gauge that watches it. */
import type { Gauge } from './gauge.ts';
import { Window } from './window.ts';
import type { WorkDone, WorkJudge } from './work.ts';

export interface MeanNeeds {
  readonly windowMs: number;
  /** Between two looks, ms. */
  readonly lookMs: number;
  /** With less in the window nothing is said. */
  readonly minCalls: number;
  /** How many there were since the last look, and the sum of what is looked at. */
  count(done: WorkDone): readonly [count: number, sum: number];
  gauge(mailbox: string, service: string, window: Window): Gauge;
}

interface Watched {
  readonly window: Window;
  readonly gauge: Gauge;
}

export class MeanOfWork implements WorkJudge {
  readonly #needs: MeanNeeds;
  /** By mailbox. */
  readonly #watched = new Map<string, Watched>();

  constructor(needs: MeanNeeds) {
    this.#needs = needs;
  }

  judge(done: WorkDone): void {
    const { window, gauge } = this.#watched.get(done.mailbox) ?? this.#watch(done);
    window.add(...this.#needs.count(done));
    gauge.sample(window.first < this.#needs.minCalls ? undefined : window.second / window.first);
  }

  close(): void {
    for (const { gauge } of this.#watched.values()) gauge.close();
  }

  #watch({ mailbox, service }: WorkDone): Watched {
    const window = new Window(this.#needs.windowMs, this.#needs.lookMs);
    const watched = { window, gauge: this.#needs.gauge(mailbox, service, window) };
    this.#watched.set(mailbox, watched);
    return watched;
  }
}
