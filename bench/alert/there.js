/**
 * The other node, in a process of its own: tells when its subscription was handed an alert, and serves what takes long
 * when it is told to.
 *
 * argv: where, as JSON.
 */
import { createNode } from '../../packages/homeostat/dist/src/index.js';
import { log } from '../decisions/house.js';
import { monotonicMs } from '../lib/stats.js';
import { waitingActor } from './slow.actor.js';

const { redisUrl, prefix } = JSON.parse(process.argv[2]);
const node = await createNode({
  ...{ redis: redisUrl, namespace: prefix, name: 'there', signals: false, log },
  alerts: { sources: false },
});
node.alerts.subscribe({ level: 's5' }, ({ kind }) => {
  const at = monotonicMs();
  process.send?.({ kind, at });
});

process.on('message', async () => {
  await node.serve(waitingActor);
  await node.serve(new URL('slow.actor.js', import.meta.url), { pool: 'threads', threads: 1 });
  process.send?.('served');
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
