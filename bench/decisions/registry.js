/** Who serves it? From memory, and from Redis when nothing is known. */
import { Balancer } from '../../packages/core/dist/src/balance/balancer.js';
import { systemClock } from '../../packages/core/dist/src/ground/clock.js';
import { Emitter } from '../../packages/core/dist/src/node/events.js';
import { Registry } from '../../packages/core/dist/src/registry/registry.js';
import { log, SERVICE } from './house.js';

const MEMORY = /** @type {const} */ ({ bar: 'median', barMicros: 10, stated: '10 µs (memory)' });

/**
 * @param {import('./house.js').House} house
 * @returns {import('./measure.js').Decision[]}
 */
export function registryDecisions({ here, link, id }) {
  return [
    { name: 'registry.instances, from memory', now: () => here.registry.instances(SERVICE), ...MEMORY },
    { name: 'registry.discover, from memory', soon: () => here.registry.discover(SERVICE), ...MEMORY },
    {
      name: 'registry.discover, cold, from Redis',
      timed: () => cold(link, id),
      bar: 'median',
      barMicros: 1_000,
      stated: '0.1–0.5 ms (Redis); 10–15 ms (database, cold)',
    },
    {
      name: 'registry.pick, round_robin, 2 instances',
      now: () => here.registry.pick(SERVICE),
      ...MEMORY,
    },
    {
      name: 'registry.acquire and give back',
      now: () => here.registry.acquire(SERVICE).close(),
      bar: 'p99',
      barMicros: 100,
      stated: '0.1 ms (checkout)',
    },
    { name: 'Redis, one round trip', soon: () => link.ping(), stated: '1 ms' },
    {
      name: 'health check: a ping through the mailbox',
      soon: () => here.health.run('other-0'),
      stated: '50 ms',
    },
  ];
}

/**
 * A registry that knows nothing yet.
 *
 * @param {import('./house.js').House['link']} link
 * @param {string} id
 */
async function cold({ membership, records }, id) {
  const registry = new Registry({
    ...{ membership, records, log, beatMs: 1_000 },
    clock: systemClock,
    events: new Emitter(log),
    balancer: new Balancer(),
    selfId: () => id,
  });
  const startedAt = performance.now();
  const { length } = await registry.discover(SERVICE);
  const took = performance.now() - startedAt;
  registry.close();
  if (length !== 2) throw new Error(`${length} instances were found instead of 2`);
  return took;
}
