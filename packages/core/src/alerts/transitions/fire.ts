/** What the clock does to an alert, and who says that it must not wait for the clock. */
import type { AlertRecord } from '../alert.ts';
import type { Admission, Change, Moment } from '../judgement.ts';
import { isLast } from '../levels.ts';
import { policyFor } from '../policy.ts';
import { archived, resolved, withHistory, withoutAck } from './record.ts';
import { isHeld, tellOrHold, toFirst, toNext, type Telling } from './tell.ts';
import { withTimer } from './timer.ts';

/** A clock that is late by no more of its period goes on from when it was due: so repeats do not drift. */
const ON_TIME = 0.2;

const TELLING_TIMERS: ReadonlySet<string | undefined> = new Set(['autonomy', 'ack', 'resolve', 'hold']);

/**
 * Whether carrying out what is due would give a notice, and so has to be asked for. `known`: one that was held back;
 * `told`: a further one, which no limit holds back.
 */
export function fireWantsAdmission(before: AlertRecord, moment: Moment): 'known' | 'told' | undefined {
  if (!isDue(before, moment) || !TELLING_TIMERS.has(before.timer)) return undefined;
  return before.timer === 'hold' ? 'known' : 'told';
}

/** Carries out what is due; undefined: nothing is. Storms have a clock of their own: see `storm.ts`. */
export function fire(before: AlertRecord, moment: Moment, admission: Admission): Change | undefined {
  if (!isDue(before, moment)) return undefined;
  switch (before.timer) {
    case 'autonomy':
    case 'ack':
      return toldFurther(before, toNext(before, isLast(before.level) ? 'repeated' : 'escalated'), moment, admission);
    case 'resolve':
      return toldFurther(hollow(before), toNext(before, 'hollow'), moment, admission);
    case 'hold':
      return release(before, moment, admission);
    case 'flap':
      return before.endAfterHold === undefined ? undefined : resolved(before, before.endAfterHold, moment);
    case 'expire':
      return { record: undefined, event: 'archived', archived: archived(before, moment) };
    case 'digest':
    case undefined:
      return undefined;
  }
}

/** What held it back is over, sooner than was thought, or is asked about again. Undefined: nothing held it back. */
export function release(before: AlertRecord, moment: Moment, admission: Admission): Change | undefined {
  if (before.held === undefined || before.state === 'resolved') return undefined;
  const { first } = policyFor(before, moment.policy);
  const isKnown = first.every((level) => before.reached[level] !== undefined);
  const telling = isKnown ? toNext(before, 'released') : toFirst(before, 'released', moment);
  return toldFurther(before, telling, moment, admission);
}

/** Somebody says that it is for the next level, now. Undefined: it is over. */
export function escalate(before: AlertRecord, reason: string, moment: Moment): Change | undefined {
  if (before.state === 'resolved') return undefined;
  const open = before.state === 'acked' ? { ...withoutAck(before), state: 'open' as const } : before;
  const told = tellOrHold(open, toNext(open, 'escalated'), { kind: 'notify' }, moment);
  return { record: withTimer(withHistory(told, 'escalated', moment, reason), moment), event: 'escalated' };
}

function isDue({ dueAt }: AlertRecord, { now }: Moment): boolean {
  return dueAt !== undefined && dueAt <= now;
}

/** An ack is no resolution. Who gave it stays to be seen. */
function hollow(before: AlertRecord): AlertRecord {
  return { ...before, state: 'open', hollow: true };
}

function toldFurther(before: AlertRecord, telling: Telling, moment: Moment, admission: Admission): Change {
  const told = tellOrHold(before, telling, admission, moment);
  if (isHeld(before, admission)) return { record: withTimer(told, moment), event: 'held' };
  const isRepeat = telling.why !== 'hollow' && isLast(before.level);
  const counted: AlertRecord = { ...told, repeats: before.repeats + (isRepeat ? 1 : 0) };
  const event = telling.why === 'released' ? 'released' : told.level === before.level ? 'renotified' : 'escalated';
  const note = telling.why === 'hollow' ? `${before.ackedBy} acked it, and nothing came of it` : undefined;
  return { record: inTime(before, withHistory(counted, event, moment, note), moment), event };
}

function inTime({ dueAt = 0 }: AlertRecord, after: AlertRecord, moment: Moment): AlertRecord {
  const onTime = withTimer(after, moment, dueAt);
  const late = moment.now - dueAt;
  const isOnTime = onTime.dueAt !== undefined && late >= 0 && late <= ON_TIME * (onTime.dueAt - dueAt);
  return isOnTime ? onTime : withTimer(after, moment, moment.now);
}
