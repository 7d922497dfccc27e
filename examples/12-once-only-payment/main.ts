import { setTimeout as sleep } from 'node:timers/promises';
import { actor, contract, createNode } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';
import { until } from '../shared/until.ts';

process.env['LOG_LEVEL'] ??= 'fatal'; // the runtime logs a letter that failed for good as an error

const Payment = z.object({ account: z.string(), cents: z.number() });

const payments = contract('payments', {
  methods: {
    pay: {
      input: Payment,
      output: z.object({ receipt: z.number() }),
      errors: { NO_FUNDS: z.object({ missing: z.number() }) },
      onceMs: 24 * 60 * 60 * 1_000, // for a day the same id gets the same answer; the default is an hour
    },
    // A letter that has gone out cannot be called back, and one that is lost does no harm.
    letter: { input: Payment, delivery: 'at-most-once' },
  },
});

const meet = { backend: meetingPoint(), namespace: process.env['NAMESPACE'] ?? 'example-12' };
const balances = new Map([['ann', 10_000]]);
let receipts = 0;
let letters = 0;

const serving = actor(payments, {
  pay: async ({ account, cents }, ctx) => {
    const balance = balances.get(account) ?? 0;
    if (balance < cents) throw ctx.fail('NO_FUNDS', { missing: cents - balance });
    await sleep(50); // a bank takes its time; it would be given ctx.id too
    balances.set(account, balance - cents);
    receipts += 1;
    return { receipt: receipts };
  },
  letter: () => {
    letters += 1;
    throw new Error('the printer jams');
  },
});
const servers = [await createNode({ ...meet, name: 'till-1' }), await createNode({ ...meet, name: 'till-2' })];
for (const server of servers) await server.serve(serving);

const shop = await createNode({ ...meet, name: 'shop' });
const api = shop.client(payments);

// A customer who is not sure clicks again and again; the shop asks in the name of the order.
const clicks = await Promise.all(
  Array.from({ length: 100 }, () => api.pay({ account: 'ann', cents: 2_500 }, { id: 'order-7' })),
);
console.log(`100 clicks, receipts: ${[...new Set(clicks.map(({ receipt }) => receipt))].join(', ')}`);
console.log(`ann has ${balances.get('ann')} cents`);

// Another order is another payment.
await api.pay({ account: 'ann', cents: 2_500 }, { id: 'order-8' });
console.log(`after order-8 she has ${balances.get('ann')} cents, ${receipts} receipts`);

// A refusal is an answer as well: the order was refused, whatever there is on the account by now.
for (const attempt of [1, 2]) {
  const refused = await api.pay.try({ account: 'ann', cents: 6_000 }, { id: 'order-9' });
  if (!refused.ok) console.log(`order-9, attempt ${attempt}: ${refused.error.code}`);
  balances.set('ann', 20_000);
}

// Whoever answers: the one that was asked first need not be there any more.
await servers[0]!.close();
const later = await api.pay({ account: 'ann', cents: 2_500 }, { id: 'order-7' });
console.log(`order-7 again: receipt ${later.receipt}, ${receipts} receipts in all`);

await api.letter.cast({ account: 'ann', cents: 2_500 });
await until('the letter', () => letters === 1);
const { messages, dead } = await shop.depth(payments);
console.log(`the letter was tried ${letters} time; ${messages} messages wait, ${dead} are dead`);

await shop.close();
await servers[1]!.close();
