/** Handlers that somebody waits for take too long. */
import { Gauge, MOST_OF_FOUR } from './gauge.ts';
import type { Signal } from './needs.ts';
import type { SourcesPolicy, Thresholds } from './options.ts';
import { Window } from './window.ts';
import type { WorkDone, WorkJudge } from './work.ts';

type ResponseTimePolicy = Exclude<SourcesPolicy['responseTime'], false>;

interface Watched {
  readonly window: Window;
  readonly gauge: Gauge;
}

export class ResponseTimes implements WorkJudge {
  readonly #signal: Signal;
  readonly #policy: ResponseTimePolicy;
  readonly #lookMs: number;
  readonly #watched = new Map<string, Watched>();

  constructor(signal: Signal, policy: ResponseTimePolicy, lookMs: number) {
    this.#signal = signal;
    this.#policy = policy;
    this.#lookMs = lookMs;
  }

  judge({ mailbox, service, calls, callMs }: WorkDone): void {
    const { window, gauge } = this.#watched.get(mailbox) ?? this.#watch(mailbox, service);
    window.add(calls, callMs);
    gauge.sample(window.first < this.#policy.minCalls ? undefined : window.second / window.first);
  }

  close(): void {
    for (const { gauge } of this.#watched.values()) gauge.close();
  }

  #watch(mailbox: string, service: string): Watched {
    const window = new Window(this.#policy.windowMs, this.#lookMs);
    const gauge = new Gauge(this.#signal, {
      facts: { kind: 'response-time', service, scope: mailbox },
      thresholds: thresholdsOf(this.#policy, service),
      ...MOST_OF_FOUR,
      say: (ms) => ({
        message: `${mailbox}: its handlers take ${Math.round(ms)} ms on average`,
        metrics: { responseMs: Math.round(ms), calls: window.first },
      }),
    });
    const watched = { window, gauge };
    this.#watched.set(mailbox, watched);
    return watched;
  }
}

/** `high` is the limit; a service that has one of its own has the others in proportion. */
function thresholdsOf({ medium, high, critical, services }: ResponseTimePolicy, service: string): Thresholds {
  const own = Object.hasOwn(services, service) ? services[service] : undefined;
  if (own === undefined || high === undefined) return { medium, high, critical };
  const times = own / high;
  return { medium: medium && medium * times, high: own, critical: critical && critical * times };
}
