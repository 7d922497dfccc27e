import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import type { Client } from '../../calling/client.ts';
import { contract } from '../../contract/contract.ts';
import type { ActorNode } from '../../node/node.ts';
import { gate, numbers, rejection, until, type NodeStage, type Promised } from './stage.ts';

const input = z.object({ id: z.number(), note: z.string().optional() });
const shop = contract('shop', {
  methods: {
    product: {
      input,
      output: z.string(),
      kind: 'query',
      cache: { ttlMs: 60_000 },
      cacheKey: ({ id }: { id: number }) => `product:${id}`,
    },
    listed: { input, output: z.string(), kind: 'query', cache: { ttlMs: 60_000, varyOn: ['id'] }, retry: false },
    sell: { input, output: z.string() },
  },
});

type Api = Client<typeof shop.methods>;

interface Shop {
  readonly nodes: readonly [ActorNode, ActorNode];
  /** What it answers with. */
  price: number;
  fails: boolean;
  runs: number;
  /** Handlers wait for it. */
  opened: Promise<void>;
}

async function open(stage: NodeStage): Promise<Shop> {
  const made = { price: 1, fails: false, runs: 0, opened: Promise.resolve() };
  const run = async ({ id }: { id: number }): Promise<string> => {
    made.runs += 1;
    await made.opened;
    if (made.fails) throw new Error('sold out');
    return `${id} for ${made.price}`;
  };
  await stage.serving(actor(shop, { product: run, listed: run, sell: run }));
  return Object.assign(made, { nodes: [await stage.node('one'), await stage.node('two')] as const });
}

export function caching(promised: Promised): void {
  promised('an answer is kept for all nodes, by what tells answers apart (S1-43)', async (t, stage) => {
    const state = await open(stage);
    const [one, two] = state.nodes.map((node) => node.client(shop)) as [Api, Api];
    t.is(await one.product({ id: 7 }), '7 for 1');
    const second = await two.product.try({ id: 7 });
    t.deepEqual([second.ok && second.value, second.degraded, second.attempts], ['7 for 1', 'cache', 0]);
    t.is(state.runs, 1, 'another node has it from the cache');
    t.is(await one.listed({ id: 7, note: 'a' }), '7 for 1');
    t.is(await two.listed({ id: 7, note: 'b' }), '7 for 1');
    t.is(state.runs, 2, 'the note does not tell them apart, the method does');
    t.is(await two.listed({ id: 8, note: 'b' }), '8 for 1');
    t.is(state.runs, 3);
    for (const api of [one, two]) await api.sell({ id: 7 }, { cache: true });
    t.is(state.runs, 5, 'a command is never answered from a cache');
  });

  promised(
    'what has changed outside is seen on refresh and after invalidating, no sooner (S1-44)',
    async (t, stage) => {
      const state = await open(stage);
      const [one, two] = state.nodes.map((node) => node.client(shop)) as [Api, Api];
      for (const id of [123, 1234, 9]) await one.product({ id });
      state.price = 2;
      t.is(await two.product({ id: 123 }), '123 for 1');
      t.is(await two.product({ id: 123 }, { cache: 'refresh' }), '123 for 2');
      t.is(await one.product({ id: 123 }), '123 for 2', 'what was refreshed is kept');
      state.price = 3;
      t.is(await state.nodes[1].cache.invalidate('shop', 'product:123'), 1);
      t.is(await one.product({ id: 123 }), '123 for 3');
      t.is(await one.product({ id: 1234 }), '1234 for 1', 'other keys stay');
      t.is(await state.nodes[0].cache.invalidate('shop', { prefix: 'product:12' }), 2);
      t.is(await one.product({ id: 9 }), '9 for 1');
      for (const what of [undefined, {}, { prefix: 7 }] as unknown as string[])
        t.is((await rejection(state.nodes[0].cache.invalidate('shop', what))).code, 'CONFIG');
      t.is(await state.nodes[0].cache.invalidate('shop', { prefix: 'product:*' }), 0, 'a star is a star');
      t.is(await two.product({ id: 1234 }), '1234 for 3');
    },
  );

  promised(
    'a hundred misses at once run the handler once, and its failure is kept only where a time is set (S1-43, S4-25)',
    async (t, stage) => {
      const state = await open(stage);
      const [one, two] = state.nodes;
      const { opened, open: release } = gate();
      state.opened = opened;
      const apis = state.nodes.map((node) => node.client(shop)) as [Api, Api];
      const answers = Promise.all(numbers(100).map((n) => apis[n % 2]!.product({ id: 7 })));
      await until('it to run', () => state.runs > 0);
      release();
      t.deepEqual(new Set(await answers), new Set(['7 for 1']));
      t.is(state.runs, 1);
      state.fails = true;
      for (const api of apis) t.is((await rejection(api.listed({ id: 7 }))).code, 'HANDLER');
      t.is(state.runs, 3);
      const keeping = { cache: { errorsTtlMs: 60_000 } };
      t.is((await rejection(one.client(shop, keeping).listed({ id: 8 }))).code, 'HANDLER');
      state.fails = false;
      t.is((await rejection(two.client(shop, keeping).listed({ id: 8 }))).code, 'HANDLER');
      t.is(state.runs, 4);
      t.is(await two.client(shop, keeping).listed({ id: 8 }, { cache: 'refresh' }), '8 for 1');
      t.is(await one.client(shop).listed({ id: 8 }, { cache: false }), '8 for 1');
      t.is(state.runs, 6);
    },
  );
}
