/**
 * When somebody has to look at an alert again. It follows from the alert alone, so that every transition only says what
 * is the case, and none can forget a clock.
 */
import type { AlertRecord, AlertTimer } from '../alert.ts';
import type { Moment } from '../judgement.ts';
import { highestOf, isLast } from '../levels.ts';
import { policyFor, type AlertPolicy } from '../policy.ts';

interface Due {
  readonly timer: AlertTimer;
  readonly dueAt: number;
}

/** With its timer; the clock of the level that was told last runs from `from`: by default, from when it was told. */
export function withTimer(record: AlertRecord, moment: Moment, from?: number): AlertRecord {
  const due = dueOf(record, moment.policy, from ?? record.notices.at(-1)?.at ?? moment.now);
  return { ...record, timer: due?.timer, dueAt: due?.dueAt };
}

function dueOf(record: AlertRecord, policy: AlertPolicy, from: number): Due | undefined {
  const { state, timer, dueAt, held, endAfterHold, lastAt } = record;
  if (state === 'resolved') return { timer: 'expire', dueAt: (record.resolvedAt ?? lastAt) + policy.reopenMs };
  // A storm has one clock, whoever has seen it.
  if (timer === 'digest' && dueAt !== undefined) return { timer, dueAt };
  const expiry = after('expire', lastAt, policyFor(record, policy).ttlMs);
  // It comes and goes, and is gone just now: its clock goes on when it comes again.
  if (endAfterHold !== undefined) return soonest(expiry, after('flap', lastAt, policy.flapHoldMs));
  return soonest(
    expiry,
    held?.until === undefined ? clockOf(record, policy, from) : { timer: 'hold', dueAt: held.until },
  );
}

/** Whose move it is, and until when. */
function clockOf(record: AlertRecord, policy: AlertPolicy, from: number): Due | undefined {
  const own = policyFor(record, policy);
  if (own.first.length === 0) return undefined;
  if (record.state === 'acked') {
    const { eta, ackedAt = from } = record;
    return eta === undefined ? after('resolve', ackedAt, own.resolveByMs) : { timer: 'resolve', dueAt: eta };
  }
  if (isLast(record.level)) {
    const isRepeated = own.maxRepeats === null || record.repeats < own.maxRepeats;
    return isRepeated ? after('ack', from, own.repeatMs) : undefined;
  }
  const isAlone = own.autonomyMs > 0 && record.level === highestOf(own.first);
  return isAlone ? after('autonomy', from, own.autonomyMs) : after('ack', from, own.ackByMs);
}

/** No time means no clock. */
function after(timer: AlertTimer, from: number, ms: number): Due | undefined {
  return ms === 0 ? undefined : { timer, dueAt: from + ms };
}

function soonest(...dues: readonly (Due | undefined)[]): Due | undefined {
  let first: Due | undefined;
  for (const due of dues) if (due !== undefined && (first === undefined || due.dueAt < first.dueAt)) first = due;
  return first;
}
