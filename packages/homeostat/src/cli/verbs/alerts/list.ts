import type { Alert } from '@homeostat/core';
import { UsageError } from '../../usage-error.ts';
import type { Action } from './action.ts';
import { describeAlerts } from './describe.ts';
import { DEFAULT_LIMIT } from './options.ts';
import { SEVERITIES, STATES } from './words.ts';

/** What one question answers at most. */
const MAX_LIMIT = 10_000;

export const list: Action = {
  name: 'list',
  synopses: ['alerts [list] [--severity|--service|--kind|--state|--since <value>] … [--limit <count>]'],
  takes: ['severity', 'service', 'kind', 'state', 'since', 'limit'],
  plan(given) {
    given.upTo();
    const severity = given.choice('severity', SEVERITIES);
    const [service, kind] = [given.text('service'), given.text('kind')];
    const state = given.choice('state', STATES) ?? 'active';
    const sinceMs = given.span('since');
    const limit = given.whole('limit') ?? DEFAULT_LIMIT;
    if (limit < 1 || limit > MAX_LIMIT) throw new UsageError(`--limit must be 1 to ${MAX_LIMIT}`);
    return async ({ node }) => {
      const now = node.now();
      const from = sinceMs === undefined ? undefined : now - sinceMs;
      // The worst may be the oldest: all are asked for.
      const all = await node.alerts.list({ severity, service, kind, state, from, limit: MAX_LIMIT });
      const alerts = all.toSorted(worstFirst).slice(0, limit);
      return { data: { total: all.length, alerts }, text: describe(alerts, all.length, now) };
    };
  },
};

/** By severity, then what nobody has taken; else as it was: the one raised last first. */
function worstFirst(one: Alert, other: Alert): number {
  const bySeverity = SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity);
  return bySeverity === 0 ? STATE_ORDER.indexOf(one.state) - STATE_ORDER.indexOf(other.state) : bySeverity;
}

const STATE_ORDER = ['open', 'cleared-unacked', 'acked', 'resolved'] as const satisfies readonly Alert['state'][];

function describe(alerts: readonly Alert[], total: number, now: number): string {
  if (total === 0) return 'there is no such alert';
  const rest = total - alerts.length;
  return `${describeAlerts(alerts, now)}${rest === 0 ? '' : `\nand ${rest} more: --limit ${total} shows them`}`;
}
