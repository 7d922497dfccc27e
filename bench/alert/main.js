/**
 * The process in which alerts are measured: one node raises here, another one hears in a process of its own.
 *
 * argv: where and how, as JSON. Tells its parent the figures, or what went wrong.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createNode } from '../../packages/homeostat/dist/src/index.js';
import { redis } from '../../packages/redis/dist/src/index.js';
import { log } from '../decisions/house.js';
import { measure } from '../decisions/measure.js';
import { pump } from '../lib/pump.js';
import { raiseCosts } from './cost.js';
import { telling } from './telling.js';
import { computing, waiting, waitingActor } from './slow.actor.js';

const { redisUrl, prefix, rounds, ms } = JSON.parse(process.argv[2]);
const THERE = fileURLToPath(new URL('there.js', import.meta.url));
/** Messages that wait while alerts pass them. */
const QUEUED = 100_000;
/** Casts awaiting acceptance at once. */
const WINDOW = 2_048;
const BAR_MICROS = 20_000;

process.on('disconnect', () => process.exit(0));
try {
  const there = fork(THERE, [process.argv[2]], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await once(there, 'message');
  const settings = { redis: redisUrl, namespace: prefix, signals: false, log };
  const here = await createNode({ ...settings, name: 'here', alerts: { sources: false } });
  const beat = { intervalMs: 1_000, ttlMs: 3_000, stallMs: 1_000, evictMs: 30_000 };
  const link = await redis(redisUrl).connect({ name: 'link', namespace: prefix, beat, log });
  const floor = (/** @type {string} */ how) => ({ name: `Redis, one round trip, ${how}`, soon: () => link.ping() });
  const alert = (/** @type {string} */ how) => ({
    ...{ name: `a critical alert, ${how}`, timed: telling(here, there) },
    ...{ bar: /** @type {const} */ ('p99'), barMicros: BAR_MICROS },
  });

  const figures = await measure([alert('nothing else to do'), floor('nothing else to do')], { rounds, ms });
  const costs = await raiseCosts(here, redisUrl, prefix, rounds);

  await here.serve(waitingActor);
  there.send('serve');
  await once(there, 'message');
  for (const contract of [waiting, computing]) {
    const api = here.client(contract);
    await pump(QUEUED / 2, WINDOW, () => api.work.cast());
  }
  const crowded = `${QUEUED.toLocaleString('en-US')} messages wait, pools full`;
  figures.push(...(await measure([alert(crowded), floor(crowded)], { rounds, ms })), ...costs);

  const waits = await Promise.all([waiting, computing].map((contract) => here.depth(contract)));
  const left = waits.reduce((sum, { messages }) => sum + messages, 0);
  if (left < QUEUED / 2) throw new Error(`only ${left} of ${QUEUED} messages waited to the end`);
  await link.close();
  there.kill('SIGKILL');
  await here.close({ drainMs: 0 });
  process.send?.({ figures }, () => process.disconnect());
} catch (error) {
  process.send?.({ error: error instanceof Error ? error.stack : String(error) }, () => process.exit(1));
}
