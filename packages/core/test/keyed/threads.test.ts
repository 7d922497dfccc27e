import test from 'ava';
import { z } from 'zod';
import { contract } from '../../src/contract/contract.ts';
import { createTestNode } from '../../src/testing/test-node.ts';

const Turn = z.object({ key: z.string(), thread: z.number(), from: z.number(), to: z.number() });
const turns = contract('turns', { methods: { take: { input: z.number(), output: Turn } } });

test('handlers of a key run one at a time in threads, too, and different keys beside each other', async (t) => {
  t.timeout(60_000);
  const node = await createTestNode({ timeoutMs: 20_000 });
  t.teardown(() => node.close());
  await node.serve(new URL('../fixtures/turns.actor.js', import.meta.url), { pool: 'threads', threads: 2 });
  const api = node.client(turns);
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => api.take(3, { key: `k${n % 4}` })));
  for (const key of ['k0', 'k1', 'k2', 'k3']) {
    const own = answers.filter((answer) => answer.key === key);
    t.is(own.length, 10);
    // Clocks of threads differ by less than what a turn takes.
    own.reduce((before, now) => {
      t.true(now.from > before.to - 1, `${key}: one began ${before.to - now.from} ms before the one before had ended`);
      return now;
    });
  }
});

test('state by key is not to be had in threads', async (t) => {
  const node = await createTestNode();
  t.teardown(() => node.close());
  const error = await t.throwsAsync(
    node.serve(new URL('../fixtures/account.actor.js', import.meta.url), { pool: 'threads', threads: 1 }),
  );
  t.regex(error.message, /pool 'async'/);
});
