import { setTimeout as sleep } from 'node:timers/promises';
import { actor, contract, createNode } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';
import { until } from '../shared/until.ts';

const FEW = 8;
const MANY = 1_500;

const mails = contract('mails', {
  methods: { send: { input: z.object({ to: z.number() }) } },
});

const node = await createNode({
  backend: meetingPoint(),
  namespace: process.env['NAMESPACE'] ?? 'example-18',
  services: {
    mails: {
      concurrency: 2,
      // More as soon as ten wait for each handler, fewer after a second with room to spare; the load is looked at once a
      // second. The defaults move more slowly: 2 s up, 10 s down, 10 s between two changes.
      scale: { min: 2, max: 8, lagPerSlot: 10, upAfterMs: 0, downAfterMs: 1_000, coolDownMs: 500 },
    },
  },
});

// Concurrency ends where a process ends. More processes are for somebody else to start: here we are told how many.
const recommended: string[] = [];
node.on('scale', ({ desired, instances, reason }) => {
  if (desired > instances) recommended.push(reason.replace(/^\d+/, 'many'));
});

let sent = 0;
let running = 0;
let most = 0;
await node.serve(
  actor(mails, {
    send: async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(10); // the mail server
      running -= 1;
      sent += 1;
    },
  }),
);

const api = node.client(mails);
/** Resolves when all are sent, with how many were being sent at once. */
const send = async (count: number): Promise<number> => {
  most = 0;
  const goal = sent + count;
  await Promise.all(Array.from({ length: count }, (_, to) => api.send.cast({ to })));
  await until(`${count} mails`, () => sent === goal);
  return most;
};

console.log(`${FEW} mails: at most ${await send(FEW)} at once`);
console.log(`${MANY} mails: at most ${await send(MANY)} at once`);
console.log(`more instances recommended: ${recommended[0] ?? 'no'}`);

await until('the end of the cool-down', async () => {
  await sleep(200);
  return (await send(FEW)) === 2;
});
console.log('some seconds later: at most 2 at once');

await node.close();
