import type { ServiceSummary } from '@homeostat/core';
import { table } from '../print.ts';
import type { Verb } from '../verb.ts';

export const services: Verb = {
  name: 'services',
  synopses: ['services'],
  summary: 'Every service that is served, with its versions and states',
  about: ['Lists what is served in the namespace: instances, how many of each version, how many in each state.'],
  examples: ['services', 'services --json'],
  plan(given) {
    given.words();
    return async ({ node }) => {
      const all = node.registry.services().toSorted((one, other) => (one.service < other.service ? -1 : 1));
      return { data: { services: all }, text: all.length === 0 ? 'no service is served' : describe(all) };
    };
  },
};

function describe(all: readonly ServiceSummary[]): string {
  return table(
    ['SERVICE', 'INSTANCES', 'VERSIONS', 'STATES'],
    all.map(({ service, instances, versions, statuses }) => [service, instances, counts(versions), counts(statuses)]),
  );
}

function counts(by: Readonly<Record<string, number>>): string {
  return Object.entries(by)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
