/** Somebody says that they saw it. That is not the end of it: a clock runs until it is resolved. */
import type { AckType, AlertRecord } from '../alert.ts';
import { MAX_NOTE, MAX_WORD, cut } from '../bounds.ts';
import type { Change, Moment } from '../judgement.ts';
import { resolved, withHistory } from './record.ts';
import { withTimer } from './timer.ts';

export interface AckFacts {
  /** Default `received`. */
  readonly type?: AckType | undefined;
  readonly note?: string | undefined;
  /** When it is expected to be over (backend time, ms); one that has passed already is none. */
  readonly eta?: number | undefined;
}

/** Undefined: it is over already. */
export function ack(before: AlertRecord, facts: AckFacts, moment: Moment): Change | undefined {
  if (before.state === 'resolved') return undefined;
  const { type = 'received', note, eta } = facts;
  const acked: AlertRecord = {
    ...before,
    ackedBy: cut(moment.by, MAX_WORD),
    ackedAt: moment.now,
    ackType: type,
    ackNote: note === undefined ? undefined : cut(note, MAX_NOTE),
    eta: eta !== undefined && eta > moment.now ? eta : undefined,
    held: undefined,
    repeats: 0,
  };
  const noted = withHistory(acked, 'acked', moment, note === undefined ? type : `${type}: ${note}`);
  if (before.state === 'cleared-unacked') return resolved(noted, { by: moment.by, resolution: 'cleared' }, moment);
  return { record: withTimer({ ...noted, state: 'acked' }, moment), event: 'acked' };
}
