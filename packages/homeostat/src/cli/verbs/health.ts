import type { HealthOverview, HealthRecord } from '@homeostat/core';
import { facts, table } from '../print.ts';
import type { Verb } from '../verb.ts';

export const health: Verb = {
  name: 'health',
  synopses: ['health [service] [--ping]'],
  summary: 'How services fare: all of them, or one with its instances',
  about: [
    'Without a service: all at a glance. With one: its record, instance by instance, with the reasons.',
    'Being unhealthy is an answer, not an error: look at isHealthy in the JSON.',
  ],
  options: {
    ping: { says: 'Asks the service through its mailbox, too, and fails where no answer comes' },
  },
  examples: ['health', 'health users', 'health users --ping --json'],
  plan(given) {
    const [, service] = given.upTo();
    const ping = given.flag('ping');
    return async ({ node }) => {
      if (service === undefined) {
        for (const one of node.registry.services()) node.registry.instances(one.service);
        await node.registry.refresh();
        if (ping) for (const one of node.registry.services()) await node.health.run(one.service);
        const overview = await node.health.overview();
        return { data: overview, text: describeAll(overview) };
      }
      await node.registry.discover(service, { status: 'any' });
      await node.registry.refresh();
      if (ping) await node.health.run(service);
      const record = await node.health.of(service);
      return { data: record, text: describe(record) };
    };
  },
};

function describeAll({ total, healthy, unhealthy, services }: HealthOverview): string {
  if (total === 0) return 'no service is served';
  const rows = services.map(({ service, status, score, responseMs }) => [service, status, score, responseMs]);
  return `${healthy} healthy, ${unhealthy} unhealthy\n\n${table(['SERVICE', 'STATUS', 'SCORE', 'MS'], rows)}`;
}

function describe({ service, status, score, responseMs, error, instances }: HealthRecord): string {
  const head = facts({ service, status, score, 'response, ms': responseMs, error });
  const rows = instances.map((one) => [one.nodeId, one.status, one.version, one.score, one.responseMs, one.reason]);
  return `${head}\n\n${table(['NODE', 'STATUS', 'VERSION', 'SCORE', 'MS', 'REASON'], rows)}`;
}
