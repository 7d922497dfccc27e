/** Live settings were refused on this node: it runs by others than the rest may. */
import type { Source, SourcesNeeds } from './needs.ts';
import { Pains } from './pains.ts';

/** Names come from whoever can write to the backend, characters. */
const MAX_NAME = 64;

export function configRejectedSource(needs: SourcesNeeds): Source {
  const { events } = needs;
  const pains = new Pains(needs);
  const offs = [
    events.on('configRefused', ({ service: given, reason }) => {
      const service = given.slice(0, MAX_NAME);
      pains.hurts(service, { kind: 'config-rejected', service }, () => ({
        severity: 'medium',
        message: `${service}: its live settings cannot be used on node ${needs.selfId()}: ${reason}`,
        impact: 'what held before still holds there',
      }));
    }),
    events.on('config', ({ service }) => void pains.over(service)),
  ];
  return {
    close: () => {
      for (const off of offs) off();
      pains.close();
    },
  };
}
