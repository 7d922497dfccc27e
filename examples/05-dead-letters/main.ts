import { actor, contract, createNode } from 'homeostat';
import { z } from 'zod';
import { until } from '../shared/until.ts';

process.env['LOG_LEVEL'] ??= 'fatal'; // the runtime logs a dead letter as an error; here we print it ourselves

const invoices = contract('invoices', {
  methods: { send: { input: z.object({ number: z.number() }) } },
});

const node = await createNode({
  redis: process.env['REDIS_URL'], // none: the memory backend
  namespace: process.env['NAMESPACE'] ?? 'example-05',
});

let mailServerIsUp = false;
let sent = 0;
await node.serve(
  actor(
    invoices,
    {
      send: ({ number }, ctx) => {
        if (!mailServerIsUp) throw new Error('the mail server is down');
        console.log(`invoice ${number} sent, attempt ${ctx.attempt}`);
        sent += 1;
      },
    },
    { redelivery: { deliveries: 3, delayMs: 50 } }, // the defaults are 3 deliveries, 1 s apart and doubling
  ),
);

// Accepted is accepted: from here on it is handled, or kept as a dead letter. It is never silently lost.
await node.client(invoices).send.cast({ number: 42 });

const letters = node.deadLetters(invoices);
await until('the dead letter', async () => (await letters.list()).length === 1);
for (const letter of await letters.list()) {
  console.log(`dead letter: ${letter.method} ${JSON.stringify(letter.input)}, ${letter.deliveries} deliveries`);
  for (const { attempt, code, message } of letter.history) console.log(`  attempt ${attempt}: ${code}, ${message}`);
}

mailServerIsUp = true;
console.log('the mail server is up again');
const replayed = await letters.replayAll();
await until('the invoice', () => sent === 1);
console.log(`replayed: ${replayed}`);
console.log(`dead letters left: ${(await letters.list()).length}`);

await node.close();
