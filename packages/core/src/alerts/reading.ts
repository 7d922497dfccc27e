/** What alerts there are and were: from the store, so that every node answers the same. */
import { z } from 'zod';
import type { Clock } from '../ground/clock.ts';
import { count, parseOptions } from '../ground/parse-options.ts';
import type { AlertStore } from '../ports/alerts.ts';
import type { Alert, AlertState, AlertType, Severity } from './alert.ts';
import { parseRecord } from './alert-schema.ts';
import { alertOf } from './delivery/alert-of.ts';
import type { AlertPolicy } from './policy.ts';
import { SEVERITIES } from './severity.ts';
import { statistics, type AlertStats } from './statistics.ts';
import type { AlertView } from './view.ts';

const DEFAULT_LIMIT = 100;
/** Most alerts that one question answers, and most of the archive that it looks through. */
const MAX_LIMIT = 10_000;

export interface AlertQuery {
  readonly severity?: Severity | readonly Severity[] | undefined;
  /** A service, or the id of the node that raised it first. */
  readonly source?: string | undefined;
  readonly service?: string | undefined;
  readonly kind?: string | undefined;
  readonly type?: AlertType | undefined;
  /** `active`: not resolved. Default `all`. */
  readonly state?: AlertState | 'active' | 'all' | undefined;
  /** Raised, for the first or a further time, in [`from`, `to`]: backend time, ms since the epoch. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Default 100, at most 10,000. */
  readonly limit?: number | undefined;
}

const word = z.string().min(1).max(1_024).optional();
const severity = z.enum(SEVERITIES);
const moment = z.number().min(0).optional();
const querySchema: z.ZodType<AlertQuery> = z.strictObject({
  severity: z.union([severity, z.array(severity)]).optional(),
  source: word,
  service: word,
  kind: word,
  type: z.enum(['pain', 'pleasure']).optional(),
  state: z.enum(['open', 'acked', 'cleared-unacked', 'resolved', 'active', 'all']).optional(),
  from: moment,
  to: moment,
  limit: count.max(MAX_LIMIT).optional(),
});

export interface ReadingNeeds {
  readonly store: AlertStore;
  readonly view: AlertView;
  readonly clock: Clock;
  readonly policy: () => AlertPolicy;
}

export class Reading {
  readonly #needs: ReadingNeeds;

  constructor(needs: ReadingNeeds) {
    this.#needs = needs;
  }

  async list(given: AlertQuery): Promise<readonly Alert[]> {
    const query = parseOptions(querySchema, given, 'alerts.list');
    const alerts = await this.#all(query.from ?? 0);
    return alerts.filter((alert) => fits(alert, query)).slice(0, query.limit ?? DEFAULT_LIMIT);
  }

  async get(reference: string): Promise<Alert | undefined> {
    const isMeant = ({ id, fingerprint }: Alert): boolean => id === reference || fingerprint === reference;
    const living = withConsequences(await this.#living());
    return living.find(isMeant) ?? (await this.#all(0)).find(isMeant);
  }

  async stats(windowMs: number): Promise<AlertStats> {
    const to = this.#needs.clock.now();
    const from = to - windowMs;
    return statistics(await this.#all(from), { from, to });
  }

  /** Every alert that lives, and those that ended since; the one that was raised last comes first. */
  async #all(from: number): Promise<readonly Alert[]> {
    const { store, clock, policy } = this.#needs;
    // In this order: what is archived in between is in both, and not in neither.
    const living = await this.#living();
    const now = clock.now();
    const kept = { from: Math.max(from, now - policy().retentionMs), to: now };
    const archived = await store.archived({ ...kept, limit: MAX_LIMIT });
    const alerts = new Map<string, Alert>();
    for (const record of archived.map((body) => parseRecord(body))) {
      if (record !== undefined) alerts.set(record.id, alertOf(record));
    }
    for (const alert of living) if (!alerts.has(alert.id)) alerts.set(alert.id, alert);
    return withConsequences([...alerts.values()].sort((one, other) => other.lastAt - one.lastAt));
  }

  async #living(): Promise<readonly Alert[]> {
    const { store, view } = this.#needs;
    const { slots } = await store.live();
    return slots.map((slot) => view.read(slot)).flatMap((record) => (record === undefined ? [] : alertOf(record)));
  }
}

function fits(alert: Alert, { severity, source, service, kind, type, state = 'all', from, to }: AlertQuery): boolean {
  const isOfState = state === 'all' || (state === 'active' ? alert.state !== 'resolved' : alert.state === state);
  const severities = severity === undefined || typeof severity === 'string' ? severity : new Set(severity);
  return (
    isOfState &&
    (severities === undefined || severities === alert.severity || isIn(severities, alert.severity)) &&
    (source === undefined || source === alert.source.service || source === alert.source.nodeId) &&
    (service === undefined || service === alert.source.service) &&
    (kind === undefined || kind === alert.kind) &&
    (type === undefined || type === alert.type) &&
    alert.lastAt >= (from ?? 0) &&
    alert.firstAt <= (to ?? Infinity)
  );
}

function isIn(severities: Severity | ReadonlySet<Severity>, severity: Severity): boolean {
  return typeof severities !== 'string' && severities.has(severity);
}

/** Each says how many of the others follow from it. */
function withConsequences(alerts: readonly Alert[]): readonly Alert[] {
  const counts = new Map<string, number>();
  for (const { causedBy } of alerts) if (causedBy !== undefined) counts.set(causedBy, (counts.get(causedBy) ?? 0) + 1);
  return alerts.map((alert) => {
    const rootOf = (counts.get(alert.id) ?? 0) + (counts.get(alert.fingerprint) ?? 0);
    return rootOf === 0 ? alert : { ...alert, rootOf };
  });
}
