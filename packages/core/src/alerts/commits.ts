/**
 * Carries out what is judged: by the slot as this node knows it, and where that was not the newest, once more by the
 * slot as the store answers it. What gathers while commits are under way leaves with the next one.
 */
import type { Timers } from '../ground/clock.ts';
import { fullJitter } from '../ground/backoff.ts';
import { TransportError } from '../ground/errors.ts';
import type { AlertStore, CommitResult, SlotChange } from '../ports/alerts.ts';
import type { AlertEvent, AlertRecord } from './alert.ts';
import type { Change } from './judgement.ts';
import type { AlertView, ViewEntry } from './view.ts';

/** What is to become of one slot. There is one at a time for a fingerprint. */
export interface Act {
  readonly fingerprint: string;
  /** Does not wait for commits that are under way. */
  readonly urgent: boolean;
  /** The slot as it was just read; absent: as the view shows it. */
  readonly read?: ViewEntry | undefined;
  /** May be asked several times. Undefined: there is nothing to change. `ask`: something has to be found out first. */
  judge(before: AlertRecord | undefined): Change | 'ask' | undefined;
}

/** The record as it is after that; and what happened to it, if anything did. */
export type Outcome =
  | { readonly kind: 'done'; readonly record: AlertRecord | undefined; readonly event: AlertEvent | undefined }
  | { readonly kind: 'ask' };

export interface CommitsNeeds {
  readonly store: AlertStore;
  readonly view: AlertView;
  readonly timers: Timers;
  /** How long what ends is kept in the archive, ms. */
  readonly keepMs: () => number;
  /** Last words on a change before it is sent. */
  readonly finish: (change: Change, before: AlertRecord | undefined) => Change;
  readonly committed: (change: Change, before: AlertRecord | undefined) => void;
}

/** Commits under way at once, unless what comes is urgent. */
const MAX_FLIGHTS = 4;
const MAX_URGENT_FLIGHTS = 64;
/** Slots in one commit. */
const MAX_SLOTS = 64;
/** A slot that others change meanwhile is judged so often. */
const MAX_TRIES = 32;
/** So many of these follow each other at once. */
const PROMPT_TRIES = 4;
const JITTER_MS = 5;
const MAX_JITTER_MS = 200;

interface Base {
  readonly record: AlertRecord | undefined;
  readonly revision: number;
  /** What is newer than this is known better by the view. */
  readonly floor: number;
}

interface Job {
  readonly act: Act;
  base: Base | undefined;
  tries: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (reason: unknown) => void;
}

interface Sent {
  readonly job: Job;
  readonly base: Base;
  readonly change: Change;
}

export class Commits {
  readonly #needs: CommitsNeeds;
  #waiting: Job[] = [];
  #flights = 0;

  constructor(needs: CommitsNeeds) {
    this.#needs = needs;
  }

  /** Where nothing is in the way it is sent before this returns. Rejects as the store does. */
  carryOut(act: Act): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const { read } = act;
      const base = read && { ...read, floor: read.revision };
      this.#waiting.push({ act, base, tries: 0, resolve, reject });
      this.#depart();
    });
  }

  #depart(): void {
    while (this.#waiting.length > 0 && this.#flights < MAX_URGENT_FLIGHTS) {
      const crowded = this.#flights >= MAX_FLIGHTS;
      const boards = (job: Job): boolean => !crowded || job.act.urgent;
      const boarding = this.#waiting.filter(boards).slice(0, MAX_SLOTS);
      if (boarding.length === 0) return;
      const taken = new Set(boarding);
      this.#waiting = this.#waiting.filter((job) => !taken.has(job));
      const sent = boarding.flatMap((job) => this.#judged(job) ?? []);
      if (sent.length > 0) this.#fly(sent);
    }
  }

  #judged(job: Job): Sent | undefined {
    try {
      const base = this.#baseOf(job);
      const change = job.act.judge(base.record);
      if (change === 'ask') job.resolve({ kind: 'ask' });
      else if (change === undefined) job.resolve({ kind: 'done', record: base.record, event: undefined });
      else return { job, base, change: this.#needs.finish(change, base.record) };
    } catch (thrown) {
      job.reject(thrown);
    }
    return undefined;
  }

  #baseOf({ act, base }: Job): Base {
    const held = this.#needs.view.get(act.fingerprint);
    if (held !== undefined && held.revision > (base?.floor ?? 0)) return { ...held, floor: held.revision };
    return base ?? { record: undefined, revision: 0, floor: 0 };
  }

  #fly(sent: readonly Sent[]): void {
    const { view } = this.#needs;
    this.#flights += 1;
    for (const { job } of sent) view.sent(job.act.fingerprint);
    const changes = sent.map((one) => this.#slotChange(one));
    void this.#commit(changes)
      .then(
        (results) => sent.forEach((one, index) => this.#land(one, results[index])),
        (thrown: unknown) => sent.forEach((one) => this.#fail(one.job, thrown)),
      )
      .finally(() => {
        this.#flights -= 1;
        this.#depart();
      });
  }

  /** What it throws, it rejects with. */
  async #commit(changes: readonly SlotChange[]): Promise<readonly CommitResult[]> {
    return await this.#needs.store.commit(changes);
  }

  #slotChange({ job, base, change }: Sent): SlotChange {
    const { record, archived, event } = change;
    return {
      fingerprint: job.act.fingerprint,
      expected: base.revision,
      body: record,
      alertId: record?.id ?? base.record?.id ?? '',
      ...(record?.dueAt === undefined ? undefined : { dueAt: record.dueAt }),
      event,
      ...(archived === undefined
        ? undefined
        : { archive: { body: archived, keepMs: this.#needs.keepMs(), at: archived.resolvedAt } }),
    };
  }

  #land({ job, base, change }: Sent, result: CommitResult | undefined): void {
    const { view, committed } = this.#needs;
    const { fingerprint } = job.act;
    if (result === undefined) return this.#fail(job, new TransportError(`alert ${fingerprint}: no answer to a commit`));
    if (result.kind === 'conflict') return this.#conflict(job, base, result);
    view.committed(fingerprint, result.revision, change.record, change.event);
    committed(change, base.record);
    job.resolve({ kind: 'done', record: change.record, event: change.event });
  }

  #conflict(job: Job, base: Base, { slot }: CommitResult & { readonly kind: 'conflict' }): void {
    const { view, timers } = this.#needs;
    const { fingerprint } = job.act;
    view.dropped(fingerprint);
    job.tries += 1;
    if (job.tries >= MAX_TRIES) {
      const message = `alert ${fingerprint}: others have changed it ${MAX_TRIES} times while this node tried to`;
      return job.reject(new TransportError(message, { outcome: 'not-executed' }));
    }
    job.base =
      slot === undefined
        ? { record: undefined, revision: 0, floor: base.floor }
        : { record: view.read(slot), revision: slot.revision, floor: slot.revision };
    const again = (): void => {
      this.#waiting.unshift(job);
      this.#depart();
    };
    if (job.tries <= PROMPT_TRIES) again();
    else timers.setTimer(fullJitter(job.tries - PROMPT_TRIES, JITTER_MS, MAX_JITTER_MS), again);
  }

  #fail(job: Job, thrown: unknown): void {
    this.#needs.view.dropped(job.act.fingerprint);
    job.reject(thrown);
  }
}
