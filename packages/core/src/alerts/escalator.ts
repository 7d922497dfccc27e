/**
 * Carries out what is due. Every node does: each waits a little longer than the one whose turn it is before it, so that
 * usually one asks and acts, and when that one is dead the next does. Where nothing is due there is neither a timer nor a
 * command.
 */
import { exponential } from '../ground/backoff.ts';
import type { Timers } from '../ground/clock.ts';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { AlertStore } from '../ports/alerts.ts';
import type { AlertRecord } from './alert.ts';
import type { AlertView, ViewChange } from './view.ts';

/** How much longer each next node waits, ms. */
const STAGGER_MS = 100;
const MAX_STAGGER_MS = 5_000;
/** Between two looks when the first has changed nothing, and how far that grows, ms. */
const AGAIN_MS = 100;
const MAX_AGAIN_MS = 5_000;
/** Fingerprints asked for at once. */
const MAX_DUE = 1_000;

export interface EscalatorNeeds {
  readonly store: AlertStore;
  readonly view: AlertView;
  readonly timers: Timers;
  readonly log: Log;
  /** How many living nodes are before this one when it comes to the fingerprint. */
  rank(fingerprint: string): number;
  /** Carries out what is due of this one; answers whether that changed anything. */
  fire(fingerprint: string): Promise<boolean>;
}

export class Escalator {
  readonly #needs: EscalatorNeeds;
  readonly #off: () => void;
  /** Backend time at which the timer rings, ms. */
  #armedAt = Infinity;
  #cancel: (() => void) | undefined;
  #looking = false;
  /** Looks in a row that changed nothing, or failed. */
  #vain = 0;
  #failed = false;
  #closed = false;

  constructor(needs: EscalatorNeeds) {
    this.#needs = needs;
    this.#off = needs.view.onChange((change) => this.#changed(change));
  }

  /** The backend answers: what failed is tried again now. */
  beaten(): void {
    if (this.#failed) this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#off();
  }

  #changed({ after }: ViewChange): void {
    if (after?.dueAt !== undefined && !this.#looking) this.#arm(after.dueAt);
  }

  #arm(at: number): void {
    if (this.#closed || at >= this.#armedAt) return;
    const { timers } = this.#needs;
    this.#cancel?.();
    this.#armedAt = at;
    this.#cancel = timers.setTimer(Math.max(1, at - timers.clock.now()), () => this.#look());
  }

  #look(): void {
    if (this.#closed || this.#looking) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedAt = Infinity;
    if (!this.#isAnyMine()) return this.#armNext(0);
    this.#looking = true;
    void this.#carryOut().then((changed) => {
      this.#looking = false;
      this.#vain = changed ? 0 : this.#vain + 1;
      this.#armNext(this.#vain === 0 ? 0 : exponential(this.#vain, AGAIN_MS, MAX_AGAIN_MS));
    });
  }

  /** Answers whether anything has changed. Never rejects. */
  async #carryOut(): Promise<boolean> {
    const { store, view, timers, log, fire } = this.#needs;
    try {
      const now = timers.clock.now();
      const { fingerprints } = await store.due(now, MAX_DUE);
      const mine = fingerprints.filter((fingerprint) => {
        const record = view.get(fingerprint)?.record;
        return record !== undefined && this.#turnOf(record) <= now;
      });
      const outcomes = await Promise.allSettled(mine.map((fingerprint) => fire(fingerprint)));
      const failure = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failure !== undefined) throw failure.reason;
      this.#failed = false;
      return outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value);
    } catch (thrown) {
      this.#failed = true;
      log.debug({ evt: 'alert_sweep_failed', reason: messageOf(thrown) }, 'tried again soon');
      return false;
    }
  }

  #isAnyMine(): boolean {
    const now = this.#needs.timers.clock.now();
    for (const record of this.#needs.view.all())
      if (this.#isDue(record, now) && this.#turnOf(record) <= now) return true;
    return false;
  }

  /** @param restMs to wait at least. */
  #armNext(restMs: number): void {
    const now = this.#needs.timers.clock.now();
    let next = Infinity;
    for (const record of this.#needs.view.all()) {
      if (record.dueAt === undefined) continue;
      next = Math.min(next, this.#isDue(record, now) ? this.#turnOf(record) : record.dueAt);
    }
    if (next < Infinity) this.#arm(Math.max(next, now + restMs));
  }

  #isDue({ dueAt }: AlertRecord, now: number): boolean {
    return dueAt !== undefined && dueAt <= now;
  }

  /** When this node may carry it out: backend time, ms. */
  #turnOf({ fingerprint, dueAt = Infinity }: AlertRecord): number {
    return dueAt + Math.min(MAX_STAGGER_MS, this.#needs.rank(fingerprint) * STAGGER_MS);
  }
}
