/** Handlers that somebody waits for take too long. */
import { Gauge, MOST_OF_FOUR } from './gauge.ts';
import { MeanOfWork } from './mean-of-work.ts';
import type { Signal } from './needs.ts';
import type { SourcesPolicy, Thresholds } from './options.ts';
import type { WorkJudge } from './work.ts';

type ResponseTimePolicy = Exclude<SourcesPolicy['responseTime'], false>;

export function responseTimes(signal: Signal, policy: ResponseTimePolicy, lookMs: number): WorkJudge {
  return new MeanOfWork({
    ...{ windowMs: policy.windowMs, minCalls: policy.minCalls, lookMs },
    count: ({ calls, callMs }) => [calls, callMs],
    gauge: (mailbox, service, window) =>
      new Gauge(signal, {
        facts: { kind: 'response-time', service, scope: mailbox },
        thresholds: thresholdsOf(policy, service),
        ...MOST_OF_FOUR,
        say: (ms) => ({
          message: `${mailbox}: its handlers take ${Math.round(ms)} ms on average`,
          metrics: { responseMs: Math.round(ms), calls: window.first },
        }),
      }),
  });
}

/** `high` is the limit; a service that has one of its own has the others in proportion. */
function thresholdsOf({ medium, high, critical, services }: ResponseTimePolicy, service: string): Thresholds {
  const own = Object.hasOwn(services, service) ? services[service] : undefined;
  if (own === undefined || high === undefined) return { medium, high, critical };
  const times = own / high;
  return { medium: medium && medium * times, high: own, critical: critical && critical * times };
}
