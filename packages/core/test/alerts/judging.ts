/** An alert that is judged by hand: what happens to it when, and what its clock does in between. */
import type { AlertRecord, Raised, Severity } from '../../src/alerts/alert.ts';
import type { Admission, Change, Moment } from '../../src/alerts/judgement.ts';
import { DEFAULT_ALERT_POLICY, type AlertPolicy } from '../../src/alerts/policy.ts';
import {
  ack,
  clear,
  escalate,
  fire,
  raise,
  resolve,
  type AckFacts,
  type ResolveFacts,
} from '../../src/alerts/transitions.ts';

export const SECOND: number = 1_000;
export const MINUTE: number = 60 * SECOND;
export const HOUR: number = 60 * MINUTE;
/** When the tests begin (backend time, ms). */
export const START = 1_700_000_000_000;

export const NOTIFY: Admission = { kind: 'notify' };

let tokens = 0;

export function raisedOf(severity: Severity, more: Partial<Raised> = {}): Raised {
  tokens += 1;
  const { reporter = 'n1' } = more;
  return {
    type: 'pain',
    severity,
    kind: 'disk-full',
    message: 'no room left',
    source: { service: 'store', nodeId: reporter },
    fingerprint: 'f1',
    bypass: severity === 'critical',
    at: START,
    count: 1,
    token: `t${tokens}`,
    reporter,
    ...more,
  };
}

export function momentAt(afterMs: number, by = 'n1', policy: AlertPolicy = DEFAULT_ALERT_POLICY): Moment {
  return { now: START + afterMs, policy, by };
}

/** The record that a change leaves in the slot. */
export function kept(change: Change | undefined): AlertRecord {
  if (change?.record === undefined) throw new Error(`nothing is left: ${change?.event ?? 'nothing happened'}`);
  return change.record;
}

/** A new alert, raised at the beginning. */
export function begun(severity: Severity, more: Partial<Raised> = {}, admission: Admission = NOTIFY): AlertRecord {
  return kept(raise(undefined, raisedOf(severity, more), admission, momentAt(0), 'a1'));
}

/** Who was told what, and when: `300 s escalated → s4`. */
export function toldBy({ notices }: AlertRecord): readonly string[] {
  return notices.map(({ at, why, to }) => `${(at - START) / SECOND} s ${why} → ${to.join(' ')}`);
}

/** One slot, whose clock is carried out at the very moment that it is due. */
export class Slot {
  record: AlertRecord | undefined;
  readonly archive: AlertRecord[] = [];
  readonly told: string[] = [];
  readonly #policy: AlertPolicy;
  #afterMs = 0;
  #ids = 0;

  constructor(policy: AlertPolicy = DEFAULT_ALERT_POLICY) {
    this.#policy = policy;
  }

  get now(): number {
    return START + this.#afterMs;
  }

  /** Lets the clock run until so long after the beginning, ms. */
  runTo(afterMs: number, admission: Admission = NOTIFY): this {
    for (let turns = 0; turns < 10_000; turns += 1) {
      const dueAt = this.record?.dueAt;
      if (this.record === undefined || dueAt === undefined || dueAt > START + afterMs) break;
      this.#afterMs = Math.max(this.#afterMs, dueAt - START);
      const change = fire(this.record, this.#moment('clock'), admission);
      if (change === undefined) throw new Error(`${this.record.timer} is due, and nothing comes of it`);
      this.#take(change);
    }
    this.#afterMs = afterMs;
    return this;
  }

  raise(severity: Severity, more: Partial<Raised> = {}, admission: Admission = NOTIFY): this {
    const raised = raisedOf(severity, { at: this.now, ...more });
    this.#ids += 1;
    return this.#take(raise(this.record, raised, admission, this.#moment(raised.reporter), `a${this.#ids}`));
  }

  clear(...gone: readonly string[]): this {
    return this.#take(this.record && clear(this.record, gone, this.#moment(gone[0] ?? 'n1')));
  }

  ack(facts: AckFacts = {}, by = 'ada'): this {
    return this.#take(this.record && ack(this.record, facts, this.#moment(by)));
  }

  resolve(facts: ResolveFacts = {}, by = 'ada'): this {
    return this.#take(this.record && resolve(this.record, facts, this.#moment(by)));
  }

  escalate(reason: string, by = 'ada'): this {
    return this.#take(this.record && escalate(this.record, reason, this.#moment(by)));
  }

  #moment(by: string): Moment {
    return { now: this.now, policy: this.#policy, by };
  }

  #take(change: Change | undefined): this {
    if (change === undefined) return this;
    const { record, archived } = change;
    const known = record?.id === this.record?.id ? (this.record?.noticed ?? 0) : 0;
    const fresh = record?.notices.filter(({ n }) => n > known) ?? [];
    for (const { at, why, to } of fresh) this.told.push(`${(at - START) / SECOND} s ${why} → ${to.join(' ')}`);
    if (archived !== undefined) this.archive.push(archived);
    this.record = record;
    return this;
  }
}
