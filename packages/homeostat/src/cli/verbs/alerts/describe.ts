/** Alerts as people read them. */
import type { Alert } from '@homeostat/core';
import { describeMoment, describeSpan } from '../../duration.ts';
import { facts, table } from '../../print.ts';
import type { Answer } from '../../verb.ts';

export function answerOf(alert: Alert, now: number): Answer {
  return { data: alert, text: describeAlerts([alert], now) };
}

export function describeAlerts(alerts: readonly Alert[], now: number): string {
  return table(
    ['ID', 'SEVERITY', 'STATE', 'LEVEL', 'SINCE', 'COUNT', 'SERVICE', 'KIND', 'ROOT OF', 'ACKED BY', 'MESSAGE'],
    alerts.map((alert) => [
      alert.id,
      alert.severity,
      stateOf(alert),
      alert.level,
      describeSpan(now - alert.firstAt),
      alert.count,
      alert.source.service,
      alert.kind,
      alert.rootOf,
      alert.ackedBy,
      alert.message,
    ]),
  );
}

export function describeAlert(alert: Alert): string {
  return [
    facts({
      id: alert.id,
      severity: alert.severity,
      state: stateOf(alert),
      level: alert.level,
      kind: alert.kind,
      message: alert.message,
      service: alert.source.service,
      method: alert.source.method,
      'raised by': alert.reporters.join(' '),
      count: alert.count,
      first: describeMoment(alert.firstAt),
      last: describeMoment(alert.lastAt),
      ...given('metrics', alert.metrics, (metrics) => pairs(metrics)),
      ...given('impact', alert.impact, String),
      ...given('actions', alert.actions, (actions) => actions.join('; ')),
      ...given('tags', alert.tags, (tags) => tags.join(' ')),
      ...given('caused by', alert.causedBy, String),
      ...given('root of', alert.rootOf, String),
      ...given('acked by', alert.ackedBy, (by) => [by, alert.ackType, alert.ackNote].filter(Boolean).join(', ')),
      ...given('eta', alert.eta, describeMoment),
      ...given('resolved by', alert.resolvedBy, (by) => `${by}, ${alert.resolution}`),
      'held back': pairs(alert.attenuated),
      fingerprint: alert.fingerprint,
    }),
    table(
      ['AT', 'EVENT', 'BY', 'NOTE'],
      alert.history.map(({ at, event, by, note }) => [describeMoment(at), event, by, note]),
    ),
    ...(alert.notices.length === 0 ? [] : [describeNotices(alert)]),
  ].join('\n\n');
}

function describeNotices({ notices }: Alert): string {
  return table(
    ['NOTICE', 'AT', 'WHY', 'TO'],
    notices.map(({ n, at, why, to }) => [n, describeMoment(at), why, to.join(' ')]),
  );
}

/** `duplicate 5, silence 1`. */
export function pairs(counts: Readonly<Record<string, unknown>>): string {
  return Object.entries(counts)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}

/** What goes well is over at once; of what is open, also why nobody may have heard of it. */
function stateOf({ type, state, resolution, held, unrouted, hollow }: Alert): string {
  if (type === 'pleasure') return type;
  if (state === 'resolved') return resolution === undefined || resolution === state ? state : `${state}, ${resolution}`;
  return [state, hollow && 'hollow', held && `held by ${held.by}`, unrouted && 'unrouted'].filter(Boolean).join(', ');
}

function given<Value>(
  name: string,
  value: Value | undefined,
  says: (value: Value) => string,
): Readonly<Record<string, string>> {
  return value === undefined ? {} : { [name]: says(value) };
}
