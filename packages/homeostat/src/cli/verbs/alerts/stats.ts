import type { AlertStats } from '@homeostat/core';
import { describeMoment, describeSpan } from '../../duration.ts';
import { facts } from '../../print.ts';
import type { Action } from './action.ts';
import { describeAlerts, pairs } from './describe.ts';

export const stats: Action = {
  name: 'stats',
  synopses: ['alerts stats [--window <time>]'],
  takes: ['window'],
  plan(given) {
    given.words('stats');
    const windowMs = given.span('window');
    return async ({ node }) => {
      // What this node itself has done is no news.
      const { here, ...figures } = await node.alerts.stats(windowMs);
      return { data: figures, text: describe(figures) };
    };
  },
};

function describe(figures: AlertStats): string {
  const { from, to, hollow, meanAckMs, meanResolveMs } = figures;
  const said = facts({
    from: describeMoment(from),
    alerts: `${figures.total}, raised ${figures.raises} times`,
    types: pairs(figures.byType),
    severities: pairs(figures.bySeverity),
    open: String(figures.open),
    acked: String(figures.acked),
    resolved: String(figures.resolved),
    'mean time to ack': meanAckMs === undefined ? undefined : describeSpan(meanAckMs),
    'mean time to resolve': meanResolveMs === undefined ? undefined : describeSpan(meanResolveMs),
    escalated: share(figures.escalated, figures.escalationRate),
    'false alarms': share(figures.falseAlarms, figures.falsePositiveRate),
    hollow: share(hollow.length, figures.hollowRate),
    unrouted: String(figures.unrouted),
    'came back': `${figures.flaps} times`,
    'held back': pairs(some(figures.attenuated)),
  });
  return hollow.length === 0 ? said : `${said}\n\nacked, and nothing came of it:\n${describeAlerts(hollow, to)}`;
}

function share(count: number, rate: number): string {
  return `${count} (${Math.round(rate * 100)} %)`;
}

function some(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
