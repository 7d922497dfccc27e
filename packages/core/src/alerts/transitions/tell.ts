/** Tells the levels whose turn it is, or holds that back. */
import type { AlertLevel, AlertRecord, NoticeWhy } from '../alert.ts';
import type { Admission, Moment } from '../judgement.ts';
import { isLast, levelAbove } from '../levels.ts';
import { policyFor } from '../policy.ts';
import { withAttenuated, withHistory, withNotice } from './record.ts';

/** What is to be told to whom. */
export interface Telling {
  readonly to: readonly AlertLevel[];
  readonly why: NoticeWhy;
}

/** Only a silence that was forced holds back what passes everything. */
export function isHeld(record: AlertRecord, admission: Admission): admission is Admission & { kind: 'held' } {
  return admission.kind === 'held' && (!record.bypass || admission.by === 'silence');
}

/** Where it begins: whoever the policy names, and the level that knows of it already. */
export function toFirst(record: AlertRecord, why: NoticeWhy, { policy }: Moment): Telling {
  const { first } = policyFor(record, policy);
  const known = record.reached[record.level] === undefined || first.length === 0 ? [] : [record.level];
  return { to: [...new Set([...first, ...known])], why };
}

/** The next level; the last one again, where there is none. */
export function toNext(record: AlertRecord, why: NoticeWhy): Telling {
  return { to: [isLast(record.level) ? record.level : levelAbove(record.level)], why };
}

/** Gives the notice, or keeps it back and counts that. The timer is for the caller to set. */
export function tellOrHold(record: AlertRecord, telling: Telling, admission: Admission, moment: Moment): AlertRecord {
  if (!isHeld(record, admission))
    return withNotice({ ...record, held: undefined }, telling.to, telling.why, moment.now);
  const { by, root } = admission;
  const isNew = record.held?.by !== by;
  const counted = isNew ? withHistory(withAttenuated(record, by, 1), 'held', moment, by) : record;
  const attached = root === undefined ? counted : { ...counted, causedBy: root };
  // What is told to nobody has nothing to wait for.
  if (telling.to.length === 0) return attached;
  return { ...attached, held: { by, until: Math.max(admission.until, moment.now + 1) } };
}
