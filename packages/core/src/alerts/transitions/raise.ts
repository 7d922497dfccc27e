/** Something hurts, or goes well: a new alert, or more of one that is known. */
import type { AlertRecord, Raised } from '../alert.ts';
import { MAX_ACTIVE, MAX_REPORTERS, MAX_TOKENS } from '../bounds.ts';
import type { Admission, Change, Moment } from '../judgement.ts';
import { isWorse } from '../severity.ts';
import { begun } from './begin.ts';
import { isIgnored, occasionOf, type Occasion } from './occasion.ts';
import { archived, withAttenuated, withHistory, withoutAck } from './record.ts';
import { tellOrHold, toFirst } from './tell.ts';
import { withTimer } from './timer.ts';

/**
 * Takes a raise into its slot. One that was told already leaves the record as it is, and so does pleasure where there is
 * pain.
 * @param id of the alert that begins here, if one does.
 */
export function raise(
  before: AlertRecord | undefined,
  raised: Raised,
  admission: Admission,
  moment: Moment,
  id: string,
): Change {
  if (before === undefined) return { record: begun(raised, admission, moment, id), event: 'raised' };
  if (isIgnored(before, raised)) return { record: before, event: 'repeated' };
  const occasion = occasionOf(before, raised, moment);
  switch (occasion) {
    case 'begins':
      return { record: begun(raised, admission, moment, id), event: 'raised', archived: archived(before, moment) };
    case 'returns':
    case 'flaps':
      return { record: reopened(before, raised, admission, moment, occasion), event: 'reopened' };
    case 'worsens':
      return { record: worsened(before, raised, admission, moment), event: 'worse' };
    case 'resumes':
      return { record: resumed(before, raised, moment), event: 'reopened' };
    case 'repeats':
      return { record: repeated(before, raised, moment), event: 'repeated' };
  }
}

function repeated(before: AlertRecord, raised: Raised, moment: Moment): AlertRecord {
  return rearmed(before, withAttenuated(counted(before, raised), 'duplicate', raised.count), moment);
}

function resumed(before: AlertRecord, raised: Raised, moment: Moment): AlertRecord {
  const isFlap = before.endAfterHold !== undefined;
  const open: AlertRecord = {
    ...counted(before, raised),
    state: before.state === 'cleared-unacked' ? 'open' : before.state,
    flaps: before.flaps + (isFlap ? 1 : 0),
    endAfterHold: undefined,
  };
  const noted = withHistory(open, 'reopened', { ...moment, by: raised.reporter });
  return rearmed(before, withAttenuated(noted, isFlap ? 'flap' : 'duplicate', raised.count), moment);
}

function reopened(
  before: AlertRecord,
  raised: Raised,
  admission: Admission,
  moment: Moment,
  occasion: Extract<Occasion, 'returns' | 'flaps'>,
): AlertRecord {
  const { severity, bypass, causedBy } = raised;
  const open: AlertRecord = {
    ...withoutAck(counted(before, raised)),
    state: 'open',
    severity,
    bypass,
    causedBy,
    flaps: before.flaps + 1,
    repeats: 0,
    resolvedBy: undefined,
    resolvedAt: undefined,
    resolution: undefined,
  };
  const noted = withHistory(open, 'reopened', { ...moment, by: raised.reporter });
  if (occasion === 'flaps') return withTimer(withAttenuated(noted, 'flap', 1), moment, moment.now);
  const anew: AlertRecord = { ...noted, level: 's1', reached: {} };
  return withTimer(tellOrHold(anew, toFirst(anew, 'reopened', moment), admission, moment), moment);
}

/** Whoever acked it did not ack this. */
function worsened(before: AlertRecord, raised: Raised, admission: Admission, moment: Moment): AlertRecord {
  const worse: AlertRecord = {
    ...withoutAck(counted(before, raised)),
    state: 'open',
    severity: isWorse(raised.severity, before.severity) ? raised.severity : before.severity,
    bypass: before.bypass || raised.bypass,
    repeats: 0,
    held: undefined,
    endAfterHold: undefined,
  };
  const note = `${before.severity} → ${worse.severity}${worse.bypass && !before.bypass ? ', passes everything' : ''}`;
  const noted = withHistory(worse, 'worse', { ...moment, by: raised.reporter }, note);
  return withTimer(tellOrHold(noted, toFirst(noted, 'worse', moment), admission, moment), moment);
}

/** One raise more: who, when and how often, and what was said last. */
function counted(before: AlertRecord, raised: Raised): AlertRecord {
  const { at, lastAt = at, count, token, reporter } = raised;
  const isActive = before.type === 'pain';
  return {
    ...before,
    ...(lastAt >= before.lastAt ? latestWords(raised) : {}),
    count: before.count + count,
    firstAt: Math.min(before.firstAt, at),
    lastAt: Math.max(before.lastAt, lastAt),
    reporters: withMember(before.reporters, reporter, MAX_REPORTERS),
    active: isActive ? withMember(before.active, reporter, MAX_ACTIVE) : before.active,
    tokens: [...before.tokens, token].slice(-MAX_TOKENS),
  };
}

function latestWords({ message, metrics, impact, actions, tags }: Raised): Partial<AlertRecord> {
  return {
    message,
    ...(metrics === undefined ? {} : { metrics }),
    ...(impact === undefined ? {} : { impact }),
    ...(actions === undefined ? {} : { actions }),
    ...(tags === undefined ? {} : { tags }),
  };
}

function withMember(members: readonly string[], member: string, max: number): readonly string[] {
  return members.includes(member) || members.length >= max ? members : [...members, member];
}

/** A repeat moves no clock but those that run from the last raise. */
function rearmed(before: AlertRecord, after: AlertRecord, moment: Moment): AlertRecord {
  const armed = withTimer(after, moment);
  const isSameClock = armed.timer === before.timer && before.timer !== 'expire' && before.timer !== 'flap';
  return isSameClock ? { ...armed, dueAt: before.dueAt } : armed;
}
