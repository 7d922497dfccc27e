/** What waits in a mailbox becomes more and more. */
import type { MailboxDepth } from '../../ports/broker.ts';
import { serviceOf } from '../../registry/instance.ts';
import { lagOf } from '../../scaling/lag.ts';
import type { MailboxNumbers } from '../../scaling/scaler.ts';
import { Series } from '../../scaling/series.ts';
import { trendOf, type Trend } from '../../scaling/trend.ts';
import { Gauge, MOST_OF_FOUR } from './gauge.ts';
import type { ServedMailbox, Signal } from './needs.ts';

/** Over which the trend is looked at where nobody scales by it, ms. */
const WINDOW_MS = 600_000;
/** Looks until there is one. */
const MIN_POINTS = 4;

export class LagGrowing {
  readonly #signal: Signal;
  readonly #minLag: number;
  readonly #gauges = new Map<string, Gauge>();
  readonly #series = new Map<string, Series>();

  /** @param minLag messages; what waits below that may grow as it likes. */
  constructor(signal: Signal, { minLag }: { readonly minLag: number }) {
    this.#signal = signal;
    this.#minLag = minLag;
  }

  /** A mailbox that this node serves was looked at, `at` on the monotonic clock, ms. */
  seen(
    { mailbox, frameSize }: ServedMailbox,
    depth: MailboxDepth,
    numbers: MailboxNumbers | undefined,
    at: number,
  ): void {
    const lag = numbers?.lag ?? lagOf(depth, frameSize);
    const trend = numbers?.trend ?? this.#trend(mailbox, lag, at);
    let gauge = this.#gauges.get(mailbox);
    if (gauge === undefined) this.#gauges.set(mailbox, (gauge = this.#gauge(mailbox)));
    gauge.sample(trend.direction === 'degrading' && lag >= this.#minLag ? lag : undefined);
  }

  /** Nobody has looked, because there was no reason to. */
  unseen(mailbox: string): void {
    this.#series.delete(mailbox);
    this.#gauges.get(mailbox)?.sample(undefined);
  }

  /** This node does not serve it any more. */
  gone(mailbox: string): void {
    this.#series.delete(mailbox);
    this.#gauges.get(mailbox)?.end();
    this.#gauges.delete(mailbox);
  }

  close(): void {
    for (const gauge of this.#gauges.values()) gauge.close();
  }

  #trend(mailbox: string, lag: number, at: number): Trend {
    let series = this.#series.get(mailbox);
    if (series === undefined) this.#series.set(mailbox, (series = new Series(WINDOW_MS)));
    series.add(at, lag);
    return trendOf(series.points, { worse: 'higher', windowMs: WINDOW_MS, minPoints: MIN_POINTS, scale: 1 });
  }

  #gauge(mailbox: string): Gauge {
    return new Gauge(this.#signal, {
      facts: { kind: 'lag-growing', service: serviceOf(mailbox), scope: mailbox },
      thresholds: { medium: this.#minLag },
      ...MOST_OF_FOUR,
      say: (lag) => ({
        message: `${mailbox}: ${lag} messages wait, and they become more`,
        metrics: { lag },
        actions: ['add nodes', 'let the concurrency follow the load: scale'],
      }),
    });
  }
}
