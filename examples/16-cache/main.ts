import { actor, contract, createNode, type ActorNode } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';

const products = contract('products', {
  methods: {
    get: {
      input: z.object({ id: z.number() }),
      output: z.object({ id: z.number(), cents: z.number() }),
      kind: 'query', // only what has no effect is answered from the cache
      cache: { ttlMs: 60_000 },
      cacheKey: ({ id }: { id: number }) => `product:${id}`,
    },
  },
});

const common = { backend: meetingPoint(), namespace: process.env['NAMESPACE'] ?? 'example-16' };

const catalogue = await createNode({ ...common, name: 'catalogue' });
const cents = new Map([
  [1, 1_200],
  [2, 900],
]);
let runs = 0;
await catalogue.serve(
  actor(products, {
    get: async ({ id }) => {
      runs += 1;
      await new Promise((resolve) => setTimeout(resolve, 50)); // the database
      return { id, cents: cents.get(id) ?? 0 };
    },
  }),
);

const first = await createNode({ ...common, name: 'web-1' });
const second = await createNode({ ...common, name: 'web-2' });
const ask = async (node: ActorNode, id: number, how?: 'refresh'): Promise<void> => {
  const options = how === undefined ? {} : { cache: how };
  const product = await node.client(products).get({ id }, options);
  console.log(`${node.name}: product ${id} costs ${product.cents} (handler runs: ${runs})`);
};

await ask(first, 1);
await ask(second, 1); // another node, another process if you like: the answer is there already

// Many ask at once for what nobody knows: one of them asks the service, and the others wait for what it learns.
const crowd = [first, second].flatMap((node) => Array.from({ length: 25 }, () => node.client(products).get({ id: 2 })));
const answers = await Promise.all(crowd);
console.log(`${answers.length} at once for product 2 (handler runs: ${runs})`);

cents.set(1, 1_500);
cents.set(2, 800);
await ask(second, 1); // as it was
await ask(second, 1, 'refresh'); // asks the service in any case, and everybody has the new answer
await ask(first, 1);

// Whoever changes something says so by the name that the contract gave it.
console.log(`forgotten by key: ${await catalogue.cache.invalidate('products', 'product:2')}`);
await ask(first, 2);
await ask(second, 2);
console.log(`forgotten by prefix: ${await catalogue.cache.invalidate('products', { prefix: 'product:' })}`);
await ask(first, 1);
await ask(second, 2);

const { hits, misses, shared } = second.cache.stats;
console.log(`web-2: ${hits} from the cache, ${shared} with another of its callers, ${misses} from the service`);

for (const node of [first, second, catalogue]) await node.close();
