/** The parts of an alert that every transition writes: what is told, what is noted, what is counted. */
import type {
  AlertDigest,
  AlertEvent,
  AlertLevel,
  AlertRecord,
  AttenuatedBy,
  NoticeWhy,
  Resolution,
} from '../alert.ts';
import { MAX_HISTORY, MAX_NOTE, MAX_NOTICES, MAX_WORD, cut } from '../bounds.ts';
import type { Change, Moment } from '../judgement.ts';
import { highestOf } from '../levels.ts';
import { withTimer } from './timer.ts';

/** Adds a notice; where there is nobody to tell there is none. */
export function withNotice(
  record: AlertRecord,
  to: readonly AlertLevel[],
  why: NoticeWhy,
  at: number,
  digest?: AlertDigest,
): AlertRecord {
  if (to.length === 0) return record;
  const n = record.noticed + 1;
  const notice = { n, at, to, why, ...(digest === undefined ? {} : { digest }) };
  return {
    ...record,
    noticed: n,
    // A digest is large, and a later one is told in its place.
    notices: [...record.notices.map(({ digest: _told, ...kept }) => kept), notice].slice(-MAX_NOTICES),
    reached: { ...record.reached, ...Object.fromEntries(to.map((level) => [level, n])) },
    level: highestOf([record.level, ...to]),
  };
}

export function withHistory(record: AlertRecord, event: AlertEvent, moment: Moment, note?: string): AlertRecord {
  const entry = {
    at: moment.now,
    event,
    by: cut(moment.by, MAX_WORD),
    ...(note === undefined ? {} : { note: cut(note, MAX_NOTE) }),
  };
  return { ...record, history: [...record.history, entry].slice(-MAX_HISTORY) };
}

export function withAttenuated(record: AlertRecord, by: AttenuatedBy, count: number): AlertRecord {
  if (count === 0) return record;
  return { ...record, attenuated: { ...record.attenuated, [by]: (record.attenuated[by] ?? 0) + count } };
}

/** Nobody is on it any more. */
export function withoutAck(record: AlertRecord): AlertRecord {
  return {
    ...record,
    ackedBy: undefined,
    ackedAt: undefined,
    ackType: undefined,
    ackNote: undefined,
    eta: undefined,
  };
}

export interface End {
  readonly by: string;
  readonly resolution: Resolution;
  readonly note?: string | undefined;
}

/** It is over. The slot is kept for a while: what comes back soon is the same alert. */
export function resolved(before: AlertRecord, end: End, moment: Moment): Change {
  const { by, resolution, note } = end;
  const over: AlertRecord = {
    ...before,
    state: 'resolved',
    resolvedBy: cut(by, MAX_WORD),
    resolvedAt: moment.now,
    resolution,
    held: undefined,
    endAfterHold: undefined,
    active: [],
  };
  const why = resolution === 'resolved' ? note : [resolution, note].filter((part) => part !== undefined).join(': ');
  const noted = withHistory(over, 'resolved', { ...moment, by }, why);
  return { record: withTimer(noted, moment), event: 'resolved' };
}

/** It leaves the slot. What was still open is taken for over by itself. */
export function archived(before: AlertRecord, moment: Moment): AlertRecord {
  const ended: AlertRecord =
    before.state === 'resolved'
      ? before
      : { ...before, state: 'resolved', resolution: 'expired', resolvedBy: moment.by, resolvedAt: moment.now };
  const { timer: _timer, dueAt: _dueAt, held: _held, ...kept } = ended;
  return withHistory(kept, 'archived', moment);
}

/** Nobody anywhere hears the levels that were to be told. */
export function unrouted(record: AlertRecord): AlertRecord {
  return { ...record, unrouted: true };
}
