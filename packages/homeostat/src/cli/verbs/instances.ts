import type { Instance } from '@homeostat/core';
import { table } from '../print.ts';
import type { Verb } from '../verb.ts';

export const instances: Verb = {
  name: 'instances',
  synopses: ['instances <service>'],
  summary: 'Who serves a service, and how each fares',
  about: [
    'Lists every instance, whatever its state: version, load (in flight ÷ concurrency), score (0 to 1),',
    'smoothed response time in ms, messages in flight, weight, tags, and why it is not healthy.',
    'The figures are at most a beat old.',
  ],
  examples: ['instances users', 'instances users --json'],
  plan(given) {
    const [service] = given.words('service');
    return async ({ node }) => {
      await node.registry.discover(service, { status: 'any' });
      await node.registry.refresh();
      const all = await node.registry.discover(service, { status: 'any' });
      return { data: { service, instances: all }, text: describe(all) };
    };
  },
};

function describe(all: readonly Instance[]): string {
  return table(
    ['NODE', 'STATUS', 'VERSION', 'LOAD', 'SCORE', 'MS', 'IN FLIGHT', 'WEIGHT', 'TAGS', 'HOST', 'PID', 'REASON'],
    all.map((one) => [
      one.nodeId,
      one.status,
      one.version,
      one.load,
      one.score,
      one.responseMs,
      one.inFlight,
      one.weight,
      one.tags.join(' '),
      one.host,
      one.pid,
      one.reason,
    ]),
  );
}
