/** How an alert ends: the condition is over, or somebody says so. */
import type { AlertRecord } from '../alert.ts';
import type { Change, Moment } from '../judgement.ts';
import { resolved, withHistory, type End } from './record.ts';
import { withTimer } from './timer.ts';

/** An alert that came back so often is held open for a while. */
const HELD_FLAPS = 3;

/**
 * These nodes (ids) feel it no more. It is over when nobody is left who does; what is critical then stays until somebody
 * has seen it. Undefined: they did not feel it before.
 */
export function clear(before: AlertRecord, gone: readonly string[], moment: Moment): Change | undefined {
  if (before.state === 'resolved') return undefined;
  const active = before.active.filter((node) => !gone.includes(node));
  if (active.length === before.active.length) return undefined;
  const after: AlertRecord = { ...before, active };
  if (active.length > 0) return { record: after, event: 'changed' };
  if (before.severity === 'critical' && before.state === 'open') {
    return { record: withHistory({ ...after, state: 'cleared-unacked' }, 'cleared', moment), event: 'cleared' };
  }
  return ended(after, { by: moment.by, resolution: 'cleared' }, moment);
}

export interface ResolveFacts {
  /** There was nothing to it. */
  readonly falseAlarm?: boolean | undefined;
  readonly note?: string | undefined;
}

/** Undefined: it is over already. */
export function resolve(before: AlertRecord, facts: ResolveFacts, moment: Moment): Change | undefined {
  if (before.state === 'resolved') return undefined;
  const { falseAlarm = false, note } = facts;
  if (falseAlarm) return resolved(before, { by: moment.by, resolution: 'false_alarm', note }, moment);
  return ended(before, { by: moment.by, resolution: 'resolved', note }, moment);
}

function ended(before: AlertRecord, end: End, moment: Moment): Change {
  if (!isFlapping(before, moment)) return resolved(before, end, moment);
  const { by, resolution, note } = end;
  const held: AlertRecord = { ...before, active: [], endAfterHold: { by, resolution } };
  const noted = withHistory(held, 'changed', moment, `${note ?? resolution}; held open: it comes and goes`);
  return { record: withTimer(noted, moment), event: 'changed' };
}

/** What is critical is told each time that it comes back, so it need not be held. */
function isFlapping({ flaps, bypass, lastAt }: AlertRecord, { now, policy }: Moment): boolean {
  return flaps >= HELD_FLAPS && !bypass && now < lastAt + policy.flapHoldMs;
}
