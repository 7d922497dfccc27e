import { actor, contract, createNode } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';
import { until } from '../shared/until.ts';

const amount = z.number().int().positive();

// One account per key. `state` is what is kept under each.
const accounts = contract('accounts', {
  state: z.object({ balance: z.number().int(), entries: z.number().int() }),
  methods: {
    deposit: { input: amount, output: z.number() },
    receive: { input: amount },
    transfer: {
      input: z.object({ to: z.string(), amount }),
      output: z.number(),
      errors: { TOO_LITTLE: z.object({ balance: z.number() }) },
    },
    look: { output: z.object({ balance: z.number(), entries: z.number() }), kind: 'query' },
  },
});

const EMPTY = { balance: 0, entries: 0 };

const serving = actor(
  accounts,
  {
    deposit: (amount, ctx) => {
      // Nobody else handles a message of this account now, on any node: read, then write.
      const { balance, entries } = ctx.state.get() ?? EMPTY;
      ctx.state.set({ balance: balance + amount, entries: entries + 1 });
      return balance + amount;
    },
    receive: (amount, ctx) => {
      const { balance, entries } = ctx.state.get() ?? EMPTY;
      ctx.state.set({ balance: balance + amount, entries: entries + 1 });
    },
    transfer: async ({ to, amount }, ctx) => {
      const { balance, entries } = ctx.state.get() ?? EMPTY;
      if (balance < amount) throw ctx.fail('TOO_LITTLE', { balance });
      ctx.state.set({ balance: balance - amount, entries: entries + 1 });
      // Leaves with the new balance, in one step, or not at all; and arrives once.
      await ctx.client(accounts).receive.cast(amount, { key: to });
      return balance - amount;
    },
    look: (_input, ctx) => ctx.state.get() ?? EMPTY,
  },
  { keyed: { partitions: 8 } },
);

const where = { backend: meetingPoint(), namespace: process.env['NAMESPACE'] ?? 'example-07' };
const first = await createNode({ ...where, name: 'bank-1' });
const second = await createNode({ ...where, name: 'bank-2' });
for (const node of [first, second]) await node.serve(serving);

const till = await createNode({ ...where, name: 'till' });
const api = till.client(accounts);

await Promise.all(Array.from({ length: 100 }, () => api.deposit(10, { key: 'ann' })));
const ann = await api.look(undefined, { key: 'ann' });
console.log(`100 deposits of 10 at once: ${ann.balance}, in ${ann.entries} entries`);

const refused = await api.transfer.try({ to: 'bob', amount: 5_000 }, { key: 'ann' });
console.log(`a transfer of 5000: ${refused.ok ? 'done' : refused.error.code}`);

await Promise.all(Array.from({ length: 50 }, () => api.transfer({ to: 'bob', amount: 7 }, { key: 'ann' })));
await until('all that was sent to have come', async () => (await api.look(undefined, { key: 'bob' })).entries === 50);
console.log(`50 transfers of 7: ann has ${(await api.look(undefined, { key: 'ann' })).balance}`);

await first.close(); // what it owned goes to the other one, when nothing of it is in hand
console.log(`on the other node: bob has ${(await api.look(undefined, { key: 'bob' })).balance}`);

const nobody = await api.deposit.try(1);
console.log(`a deposit to nobody: ${nobody.ok ? 'done' : nobody.error.code}`);

await second.close();
await till.close();
