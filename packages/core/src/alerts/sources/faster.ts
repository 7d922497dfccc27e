/** A joy: a mailbox answers faster than it used to. */
import type { Clock } from '../../ground/clock.ts';
import type { Signal } from './needs.ts';
import type { SourcesPolicy } from './options.ts';
import { withScope } from './pains.ts';
import type { WorkDone, WorkJudge } from './work.ts';

type FasterPolicy = Exclude<SourcesPolicy['faster'], false>;

const PERCENTILE = 0.99;
/** Weight of the newest window in what is usual. */
const NEWEST = 0.2;
/** Windows until it is known what is usual. */
const MIN_WINDOWS = 3;

interface Usual {
  /** When the window began, monotonic, ms. */
  since: number;
  windows: number;
  /** Smoothed 99th percentile of the windows before, ms. */
  p99: number;
}

export class Faster implements WorkJudge {
  readonly #signal: Signal;
  readonly #policy: FasterPolicy;
  readonly #clock: Clock;
  readonly #usual = new Map<string, Usual>();

  constructor(signal: Signal, policy: FasterPolicy, clock: Clock) {
    this.#signal = signal;
    this.#policy = policy;
    this.#clock = clock;
  }

  judge({ mailbox, service, times }: WorkDone): void {
    const now = this.#clock.elapsed();
    const usual = this.#usual.get(mailbox);
    if (usual === undefined) {
      this.#usual.set(mailbox, { since: now, windows: 0, p99: 0 });
      return;
    }
    if (times === undefined || now - usual.since < this.#policy.windowMs) return;
    usual.since = now;
    const p99 = times.quantile(PERCENTILE);
    const enough = times.size >= this.#policy.minSamples;
    times.clear();
    if (enough) this.#compare(mailbox, service, usual, p99);
  }

  #compare(mailbox: string, service: string, usual: Usual, p99: number): void {
    const before = usual.p99;
    const faster = usual.windows >= MIN_WINDOWS && p99 <= before * (1 - this.#policy.by);
    usual.p99 = usual.windows === 0 ? p99 : before + NEWEST * (p99 - before);
    usual.windows += 1;
    if (!faster) return;
    const percent = Math.round((1 - p99 / before) * 100);
    this.#signal.pleasure(
      withScope(
        { kind: 'faster', service, scope: mailbox },
        { message: `${mailbox}: 99 % end ${percent} % faster than usual`, metrics: { p99Ms: p99, usualMs: before } },
      ),
    );
  }
}
