/** Handlers of a mailbox fail too often. */
import { Gauge } from './gauge.ts';
import type { Signal } from './needs.ts';
import type { SourcesPolicy } from './options.ts';
import { Window } from './window.ts';
import type { WorkDone, WorkJudge } from './work.ts';

type ErrorRatePolicy = Exclude<SourcesPolicy['errorRate'], false>;

interface Watched {
  readonly window: Window;
  readonly gauge: Gauge;
}

export class ErrorRates implements WorkJudge {
  readonly #signal: Signal;
  readonly #policy: ErrorRatePolicy;
  readonly #lookMs: number;
  readonly #watched = new Map<string, Watched>();

  constructor(signal: Signal, policy: ErrorRatePolicy, lookMs: number) {
    this.#signal = signal;
    this.#policy = policy;
    this.#lookMs = lookMs;
  }

  judge({ mailbox, service, ended, failed }: WorkDone): void {
    const { window, gauge } = this.#watched.get(mailbox) ?? this.#watch(mailbox, service);
    window.add(ended, failed);
    gauge.sample(window.first < this.#policy.minCalls ? undefined : window.second / window.first);
  }

  close(): void {
    for (const { gauge } of this.#watched.values()) gauge.close();
  }

  #watch(mailbox: string, service: string): Watched {
    const window = new Window(this.#policy.windowMs, this.#lookMs);
    const gauge = new Gauge(this.#signal, {
      facts: { kind: 'error-rate', service, scope: mailbox },
      thresholds: this.#policy,
      say: (rate) => ({
        message: `${mailbox}: ${(rate * 100).toFixed(1)} % of ${window.first} messages failed`,
        metrics: { errorRate: rate, failed: window.second, ended: window.first },
      }),
    });
    const watched = { window, gauge };
    this.#watched.set(mailbox, watched);
    return watched;
  }
}
