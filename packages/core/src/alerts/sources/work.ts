/** What the handlers of each mailbox have done, counted where messages end: a few additions for each. */
import { serviceOf } from '../../registry/instance.ts';
import { Histogram } from './histogram.ts';
import type { Source } from './needs.ts';

/** Of one mailbox, since the last look. */
export interface WorkDone {
  readonly mailbox: string;
  readonly service: string;
  readonly ended: number;
  readonly failed: number;
  /** Calls, and the time that their handlers took, ms. */
  readonly calls: number;
  readonly callMs: number;
  /** Messages in a row, over all looks, that did not fail. */
  readonly row: number;
  /** Times of what succeeded, over all looks, ms; whoever reads it may clear it. Absent where nobody asked. */
  readonly times: Histogram | undefined;
}

export interface WorkJudge {
  /** A look at a mailbox that had work at some time. */
  judge(done: WorkDone): void;
  close?(): void;
}

class Tally {
  ended = 0;
  failed = 0;
  calls = 0;
  callMs = 0;
  row = 0;
  readonly mailbox: string;
  readonly service: string;
  readonly times: Histogram | undefined;

  constructor(mailbox: string, times: Histogram | undefined) {
    this.mailbox = mailbox;
    this.service = serviceOf(mailbox);
    this.times = times;
  }
}

export class Work implements Source {
  readonly #judges: readonly WorkJudge[];
  readonly #timed: boolean;
  readonly #tallies = new Map<string, Tally>();

  /** @param timed somebody wants the times. */
  constructor(judges: readonly WorkJudge[], timed: boolean) {
    this.#judges = judges;
    this.#timed = timed;
  }

  ended(mailbox: string, ms: number, failed: boolean, isCall: boolean): void {
    if (this.#judges.length === 0) return;
    const tally = this.#tallies.get(mailbox) ?? this.#add(mailbox);
    tally.ended += 1;
    if (isCall) {
      tally.calls += 1;
      tally.callMs += ms;
    }
    if (failed) {
      tally.failed += 1;
      tally.row = 0;
    } else {
      tally.row += 1;
      tally.times?.add(ms);
    }
  }

  tick(): void {
    for (const tally of this.#tallies.values()) {
      for (const judge of this.#judges) judge.judge(tally);
      tally.ended = 0;
      tally.failed = 0;
      tally.calls = 0;
      tally.callMs = 0;
    }
  }

  close(): void {
    for (const judge of this.#judges) judge.close?.();
  }

  #add(mailbox: string): Tally {
    const tally = new Tally(mailbox, this.#timed ? new Histogram() : undefined);
    this.#tallies.set(mailbox, tally);
    return tally;
  }
}
