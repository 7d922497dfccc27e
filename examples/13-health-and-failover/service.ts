import { setTimeout as sleep } from 'node:timers/promises';
import { actor, createNode } from 'homeostat';
import { connection } from './connection.ts';
import { orders } from './orders.contract.ts';

const name = process.argv[2] ?? 'service';
const node = await createNode({ ...connection, name });

// The check asks what the handlers need. Four failures in a row are enough here, a tenth of a second apart; by default it
// is three, with 30 s between two runs and 10 s after a failed one.
let databaseIsUp = true;
node.health.check(
  'database',
  () => {
    if (!databaseIsUp) throw new Error('connection refused');
  },
  { service: 'orders', intervalMs: 100, failureThreshold: 4 },
);

await node.serve(
  actor(
    orders,
    {
      place: async ({ order, workMs }) => {
        process.send?.(order);
        await sleep(workMs);
        return { by: name };
      },
    },
    { concurrency: 4 },
  ),
);

process.on('message', (message) => {
  databaseIsUp = message === 'database up';
});
process.once('disconnect', () => void node.close()); // it does not outlive the process that started it
process.send?.('ready');
