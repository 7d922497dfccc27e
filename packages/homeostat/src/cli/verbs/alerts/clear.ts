import { AlertNotFound, type Alert } from '@homeostat/core';
import type { Action } from './action.ts';
import { describeAlerts } from './describe.ts';

export const clear: Action = {
  name: 'clear',
  synopses: ['alerts clear <kind> [--service <service>]'],
  takes: ['service'],
  plan(given) {
    const [, kind] = given.words('clear', 'kind');
    const service = given.text('service');
    return async ({ node }) => {
      const active = await node.alerts.list({ kind, service, type: 'pain', state: 'active' });
      const meant = active.filter(({ source }) => source.service === service);
      if (meant.length === 0) throw new AlertNotFound(kind);
      for (const { fingerprint } of meant) await node.alerts.clear({ kind, fingerprint });
      const alerts = await Promise.all(meant.map(async (before) => (await node.alerts.get(before.id)) ?? before));
      return { data: { alerts }, text: describe(alerts, node.now()) };
    };
  },
};

function describe(alerts: readonly Alert[], now: number): string {
  const going = alerts.some(({ state }) => state === 'open' || state === 'acked');
  return `${describeAlerts(alerts, now)}${going ? `\n${STILL}` : ''}`;
}

const STILL =
  'what is open is still felt by a node that is there, or comes and goes; `alerts resolve` ends it all the same';
