import { actor, contract, createNode } from 'homeostat';
import { z } from 'zod';
import { until } from '../shared/until.ts';

const reminders = contract('reminders', {
  methods: {
    remind: { input: z.object({ text: z.string(), notBefore: z.number() }) }, // no output: it is told, not asked
  },
});

const node = await createNode({
  redis: process.env['REDIS_URL'], // none: the memory backend
  namespace: process.env['NAMESPACE'] ?? 'example-04',
});

const arrived: string[] = [];
let tooSoon = 0;
await node.serve(
  actor(reminders, {
    remind: ({ text, notBefore }) => {
      arrived.push(text);
      if (node.now() < notBefore) tooSoon += 1;
    },
  }),
);

const api = node.client(reminders);

// Each cast resolves when the backend has accepted it, long before it is due: with Redis, this process may end now.
const remindIn = (delayMs: number, text: string): Promise<void> =>
  api.remind.cast({ text, notBefore: node.now() + delayMs }, { delayMs });
await remindIn(600, 'take the tea out');
await remindIn(300, 'pour the water in');
await remindIn(0, 'put the kettle on');
console.log('three casts accepted');

await until('three reminders', () => arrived.length === 3);
for (const [index, text] of arrived.entries()) console.log(`${index + 1}. ${text}`);
console.log(`too soon: ${tooSoon}`);

await node.close();
