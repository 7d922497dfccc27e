/** What the decisions are made of: two nodes on Redis, and a link to it without a node. */
import { actor, contract, createNode } from '../../packages/homeostat/dist/src/index.js';
import { redis } from '../../packages/redis/dist/src/index.js';

export const SERVICE = 'users';
/** More services than the one that is looked up, so that a lookup has something to choose from. */
const OTHER_SERVICES = 50;

/** @param {string} name */
export const serviceContract = (name) => contract(name, { methods: { get: { kind: 'query' } } });

/** No log at all. */
const nothing = () => {};
export const log = /** @type {any} */ ({
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: () => log,
});

/**
 * @typedef {object} House
 * @property {Awaited<ReturnType<typeof createNode>>} here
 * @property {Awaited<ReturnType<typeof createNode>>} there
 * @property {import('../../packages/core/dist/src/backend.js').Link} link
 * @property {string} id of the member that the link is
 * @property {() => Promise<void>} close
 *
 * @param {{ redisUrl: string, prefix: string }} env
 * @returns {Promise<House>}
 */
export async function openHouse({ redisUrl, prefix }) {
  const settings = { redis: redisUrl, namespace: prefix, signals: false, log };
  const [here, there] = [
    await createNode({ ...settings, name: 'here' }),
    await createNode({ ...settings, name: 'there' }),
  ];
  for (const node of [here, there]) await node.serve(actor(serviceContract(SERVICE), { get: () => undefined }));
  for (let n = 0; n < OTHER_SERVICES; n++)
    await there.serve(actor(serviceContract(`other-${n}`), { get: () => undefined }));
  const beat = { intervalMs: 1_000, ttlMs: 3_000, stallMs: 1_000, evictMs: 30_000 };
  const link = await redis(redisUrl).connect({ name: 'link', namespace: prefix, beat, log });
  const id = await link.membership.join(
    {
      report: () => ({ name: 'link', pid: process.pid, host: 'h', startedAt: 0, status: 'healthy', serves: {} }),
      vitals: () => ({
        ...{ inFlight: 0, load: 0, loopDelayMs: 0, memoryMb: 0 },
        ...{ actors: {}, serviceMs: {}, checks: {} },
      }),
    },
    { evicted: nothing, inbox: nothing, news: nothing, alerts: nothing, beaten: nothing },
  );
  return {
    here,
    there,
    link,
    id,
    async close() {
      await link.membership.leave();
      await link.close();
      await Promise.all([here.close(), there.close()]);
    },
  };
}
