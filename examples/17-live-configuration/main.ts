import { actor, contract, createNode, type NodeOptions } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';
import { until } from '../shared/until.ts';

const letters = contract('letters', {
  methods: { print: { input: z.object({ page: z.number() }) } },
});

const common: NodeOptions = {
  backend: meetingPoint(),
  namespace: process.env['NAMESPACE'] ?? 'example-17',
  config: new URL('../../17-live-configuration/services.toml', import.meta.url),
  services: { letters: { concurrency: 4 } }, // code overrules the file
};
const printer = await createNode({ ...common, name: 'printer' });
const desk = await createNode({ ...common, name: 'desk' });
// Two people look after it.
const ada = { by: 'ada' };
const bob = { by: 'bob' };

let running = 0;
let most = 0;
await printer.serve(
  actor(
    letters,
    {
      print: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 20));
        running -= 1;
      },
    },
    { concurrency: 1 }, // and the file overrules what the actor declares
  ),
);

const api = desk.client(letters);
const print = async (pages: number): Promise<void> => {
  most = 0;
  await Promise.all(Array.from({ length: pages }, (_, page) => api.print({ page })));
  console.log(`  ${pages} pages printed, at most ${most} at once`);
};
/** Prints what a change comes to: a revision, or why it was refused. */
const attempt = async (change: Promise<{ readonly revision: number }>): Promise<void> => {
  const [result] = await Promise.allSettled([change]);
  if (result.status === 'fulfilled') {
    const { revision } = result.value;
    await until('the news', () => printer.config.get('letters').revision >= revision);
    console.log(`revision ${revision}`);
  } else console.log(`refused: ${result.reason.code}, ${result.reason.message}`);
};

const { timeoutMs, concurrency } = printer.config.effective('letters');
console.log(`the file says timeoutMs ${timeoutMs}, the code says concurrency ${concurrency}`);
await print(40);

console.log('live overrules both, on every node');
await attempt(desk.config.set('letters', { concurrency: 8 }, ada));
await print(40);

console.log('what would not hold is refused, and nothing changes');
await attempt(desk.config.set('letters', { concurrency: 0 }, bob));
await attempt(desk.config.set('letters', { balance: 'fastest' }, bob));
await attempt(desk.config.set('letters', JSON.parse('{"maxLength":500}'), bob));

console.log('two people have read the same revision');
const { revision } = desk.config.get('letters');
await attempt(desk.config.set('letters', { concurrency: 3 }, { ...ada, expectedRevision: revision }));
await attempt(desk.config.set('letters', { concurrency: 6 }, { ...bob, expectedRevision: revision }));
await print(40);

console.log('switched off');
await attempt(desk.config.set('letters', { delivery: 'disabled', deliveryReason: 'the paper is out' }, bob));
const refused = await api.print.try({ page: 1 });
if (!refused.ok) console.log(`  ${refused.error.code}: ${refused.error.message}`);

console.log('null takes back what was set live: what lies below holds again');
await attempt(desk.config.set('letters', { delivery: null, deliveryReason: null, concurrency: null }, ada));
await print(40);

console.log('history');
for (const { revision, by, from, to } of await desk.config.history('letters'))
  console.log(`  ${revision} by ${by}: ${JSON.stringify(from ?? {})} -> ${JSON.stringify(to ?? {})}`);

await desk.close();
await printer.close();
