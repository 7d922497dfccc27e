/**
 * Far more alerts than anybody can read are one alert: the storm. While it is on, what is not critical is held back and
 * told in digests, until it is calm again.
 */
import type { AlertRecord } from './alert.ts';
import { digestOf } from './digest.ts';
import type { Change, Moment } from './judgement.ts';
import { STORM } from './raise-schema.ts';
import { archived, resolved, withHistory, withNotice, withoutAck } from './transitions/record.ts';

/** Who has seen the storm, and how hard it blows. */
export interface StormSighting {
  /** Id of the node. */
  readonly reporter: string;
  /** New alerts in the last `storm.windowMs`, over all nodes. */
  readonly rate: number;
  readonly token: string;
}

/** What was written elsewhere may not be known here yet: the last digest but one waits so long for it, ms. */
const SETTLE_MS = 1_000;

export function isStorming(storm: AlertRecord | undefined): boolean {
  return storm?.timer === 'digest' && storm.state !== 'resolved';
}

/**
 * The storm breaks out. Undefined: it is on already, or this is none.
 * @param id of the storm that begins here, if one does.
 */
export function stormRaise(
  before: AlertRecord | undefined,
  { reporter, rate, token }: StormSighting,
  moment: Moment,
  id: string,
): Change | undefined {
  const { now, policy } = moment;
  if (rate <= policy.storm.enter || isStorming(before)) return undefined;
  const isBack = before !== undefined && now - (before.resolvedAt ?? before.lastAt) < policy.reopenMs;
  const event = isBack ? 'reopened' : 'raised';
  const base = isBack ? backAgain(before) : fresh(id, reporter, now);
  const storm: AlertRecord = {
    ...base,
    message: `storm: ${rate} new alerts in ${policy.storm.windowMs / 1_000} s`,
    metrics: metricsOf({
      ...totalsOf(base),
      rate,
      peak: Math.max(totalsOf(base).peak, rate),
      through: Math.max(totalsOf(base).through, now - policy.storm.windowMs),
    }),
    lastAt: now,
    reporters: base.reporters.includes(reporter) ? base.reporters : [...base.reporters, reporter].slice(-MAX_SEERS),
    tokens: [token],
    timer: 'digest',
    dueAt: now + policy.storm.digestMs,
  };
  const told = withNotice(storm, policy.severities.critical.first, event, now);
  const record = withHistory(told, event, { ...moment, by: reporter }, `${rate} new alerts`);
  if (before === undefined || isBack) return { record, event };
  return { record, event, archived: archived(before, moment) };
}

/**
 * The time has come for a digest, or for the end. Undefined: it has not.
 * @param live every alert there is.
 * @param rate new alerts in the last `storm.windowMs`.
 */
export function stormFire(
  before: AlertRecord,
  live: Iterable<AlertRecord>,
  rate: number,
  moment: Moment,
): Change | undefined {
  const { now, policy } = moment;
  if (!isStorming(before) || before.dueAt === undefined || before.dueAt > now) return undefined;
  const { enter, calmMs, digestMs } = policy.storm;
  const lastAt = rate >= enter / 2 ? now : before.lastAt;
  const isOver = now - lastAt >= calmMs;
  const known = totalsOf(before);
  const to = Math.max(known.through, isOver ? now : now - SETTLE_MS);
  const { came, cameHeld, held } = sortedOut(live, known.through, to);
  const totals: StormTotals = {
    rate,
    peak: Math.max(known.peak, rate),
    alerts: known.alerts + came,
    held: known.held + cameHeld,
    digests: known.digests + (held.length > 0 ? 1 : 0),
    through: to,
  };
  const dueAt = before.dueAt + digestMs > now ? before.dueAt + digestMs : now + digestMs;
  const counted: AlertRecord = { ...before, lastAt, count: before.count + came, metrics: metricsOf(totals), dueAt };
  const told = withDigest(counted, held, known.through, to, moment);
  if (!isOver) return { record: told, event: held.length > 0 ? 'digested' : 'changed' };
  const note = `${totals.alerts} alerts, ${totals.held} of them told in digests`;
  const over: AlertRecord = { ...told, message: `storm: ${note}` };
  return resolved(over, { by: moment.by, resolution: 'cleared', note }, moment);
}

const MAX_SEERS = 64;

interface StormTotals {
  readonly rate: number;
  readonly peak: number;
  /** New ones, from a little before it broke out. */
  readonly alerts: number;
  /** Of those: held back, and told in a digest. */
  readonly held: number;
  readonly digests: number;
  /** What came until then is counted (backend time, ms). */
  readonly through: number;
}

const NO_TOTALS: StormTotals = { rate: 0, peak: 0, alerts: 0, held: 0, digests: 0, through: 0 };

/** They are kept where everybody can read them. */
function totalsOf({ metrics = {} }: AlertRecord): StormTotals {
  const known = Object.keys(NO_TOTALS).map((name) => [name, Number(metrics[name] ?? 0) || 0] as const);
  return { ...NO_TOTALS, ...Object.fromEntries(known) };
}

function metricsOf(totals: StormTotals): Readonly<Record<string, number>> {
  return { ...totals };
}

function fresh(id: string, reporter: string, now: number): AlertRecord {
  return {
    id,
    type: 'pain',
    severity: 'high',
    source: { nodeId: reporter },
    kind: STORM,
    message: STORM,
    fingerprint: STORM,
    state: 'open',
    level: 's1',
    count: 1,
    flaps: 0,
    firstAt: now,
    lastAt: now,
    reporters: [],
    attenuated: {},
    notices: [],
    history: [],
    reached: {},
    noticed: 0,
    repeats: 0,
    // It ends by itself, not when somebody says so.
    active: [],
    tokens: [],
    bypass: true,
  };
}

function backAgain(before: AlertRecord): AlertRecord {
  return {
    ...withoutAck(before),
    state: 'open',
    flaps: before.flaps + 1,
    resolvedBy: undefined,
    resolvedAt: undefined,
    resolution: undefined,
  };
}

/** What came, and what was held back, after `from` and not after `to`. */
function sortedOut(
  live: Iterable<AlertRecord>,
  from: number,
  to: number,
): { readonly came: number; readonly cameHeld: number; readonly held: readonly AlertRecord[] } {
  const isWithin = (at: number): boolean => at > from && at <= to;
  const held: AlertRecord[] = [];
  let came = 0;
  let cameHeld = 0;
  for (const alert of live) {
    if (alert.fingerprint === STORM) continue;
    const isHeld = alert.history.some(({ event, note, at }) => event === 'held' && note === STORM && isWithin(at));
    if (isHeld) held.push(alert);
    if (!alert.history.some(({ event, at }) => event === 'raised' && isWithin(at))) continue;
    came += 1;
    if (isHeld) cameHeld += 1;
  }
  return { came, cameHeld, held };
}

function withDigest(
  storm: AlertRecord,
  held: readonly AlertRecord[],
  from: number,
  to: number,
  moment: Moment,
): AlertRecord {
  if (held.length === 0) return storm;
  const levels = moment.policy.severities.critical.first;
  const told = withNotice(storm, levels, 'digest', moment.now, digestOf(held, from, to));
  return withHistory(told, 'digested', moment, `${held.length} alerts`);
}
