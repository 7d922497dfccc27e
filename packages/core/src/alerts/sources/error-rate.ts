/** Handlers of a mailbox fail too often. */
import { Gauge } from './gauge.ts';
import { MeanOfWork } from './mean-of-work.ts';
import type { Signal } from './needs.ts';
import type { SourcesPolicy } from './options.ts';
import type { WorkJudge } from './work.ts';

type ErrorRatePolicy = Exclude<SourcesPolicy['errorRate'], false>;

export function errorRates(signal: Signal, policy: ErrorRatePolicy, lookMs: number): WorkJudge {
  return new MeanOfWork({
    ...{ windowMs: policy.windowMs, minCalls: policy.minCalls, lookMs },
    count: ({ ended, failed }) => [ended, failed],
    gauge: (mailbox, service, window) =>
      new Gauge(signal, {
        facts: { kind: 'error-rate', service, scope: mailbox },
        thresholds: policy,
        say: (rate) => ({
          message: `${mailbox}: ${(rate * 100).toFixed(1)} % of ${window.first} messages failed`,
          metrics: { errorRate: rate, failed: window.second, ended: window.first },
        }),
      }),
  });
}
