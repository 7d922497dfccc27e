import test from 'ava';
import { pino } from 'pino';
import type { Backend, Link } from '../src/backend.ts';
import { memory } from '../src/backends/memory.ts';
import { actor } from '../src/contract/actor.ts';
import { contract } from '../src/contract/contract.ts';
import { createNode } from '../src/node/create-node.ts';
import { waitFor } from '../src/testing/wait-for.ts';

const METHODS = ['one', 'two', 'three', 'four', 'five'] as const;
const work = contract('work', { methods: { one: {}, two: {}, three: {}, four: {}, five: {} } });

/** A memory backend that writes down what senders are told. */
function overheard(told: string[]): Backend {
  const inner = memory();
  return {
    name: inner.name,
    connect: async (identity): Promise<Link> => {
      const link = await inner.connect(identity);
      const hint = link.broker.hint.bind(link.broker);
      link.broker.hint = (mailbox, hints) => {
        told.push(hints);
        return hint(mailbox, hints);
      };
      return link;
    },
  };
}

test('senders learn how to pack a method soon after it was run for the first time, not a second later', async (t) => {
  const told: string[] = [];
  const node = await createNode({ backend: overheard(told), log: pino({ level: 'silent' }), signals: false });
  t.teardown(() => node.close());
  const nothing = (): void => undefined;
  await node.serve(actor(work, { one: nothing, two: nothing, three: nothing, four: nothing, five: nothing }));
  const client = node.client(work);
  const startedAt = performance.now();
  for (const method of METHODS) {
    await client[method].cast(undefined);
    await waitFor(() => told.at(-1)?.includes(`${method}:128`) === true, {
      withinMs: 4_000,
      what: `word of ${method}`,
    });
  }
  const tookMs = performance.now() - startedAt;
  t.true(tookMs < 3_000, `${tookMs.toFixed()} ms for five methods; once a second it would be four seconds at least`);
});
