import { actor, contract, createNode, type ActorNode, type NodeOptions } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';
import { until } from '../shared/until.ts';

process.env['LOG_LEVEL'] ??= 'error'; // an opening breaker is a warning; here we print it ourselves

const stock = contract('stock', {
  methods: {
    check: { input: z.object({ article: z.number() }), output: z.object({ pieces: z.number() }), kind: 'query' },
  },
});
/** A breaker is of one method: another method of the same service may well work. */
const NAME = 'stock.check';

const common: NodeOptions = {
  backend: meetingPoint(),
  namespace: process.env['NAMESPACE'] ?? 'example-15',
  services: {
    stock: {
      // Opens after five failures in a row, as by default; the default stays open for 30 s, and closes step by step.
      breaker: { failureThreshold: 5, openMs: 1_500, successThreshold: 1, rampMs: 0 },
      retry: false, // so that each failure below is one call
    },
  },
};

const warehouse = await createNode({ ...common, name: 'warehouse' });
let broken = true;
let runs = 0;
await warehouse.serve(
  actor(stock, {
    check: () => {
      runs += 1;
      if (broken) throw new Error('the database is away');
      return { pieces: 7 };
    },
  }),
);

const shops = await Promise.all(['web-1', 'web-2', 'web-3'].map((name) => createNode({ ...common, name })));
const [first, second, third] = shops as [ActorNode, ActorNode, ActorNode];
const heard: string[] = [];
third.on('breaker', ({ from, to, state }) => heard.push(`  web-3 hears: ${from} -> ${to}, ${state.reason}`));
const phaseIs = async (phase: string): Promise<void> => {
  await until(`a breaker that is ${phase} on all nodes`, () =>
    shops.every((shop) => shop.breaker(NAME).state() === phase),
  );
  for (const line of heard.splice(0)) console.log(line);
};

const fail = async (shop: ActorNode, times: number): Promise<void> => {
  for (let call = 1; call <= times; call += 1) {
    const answer = await shop.client(stock).check.try({ article: call });
    console.log(`${shop.name}: ${answer.ok ? 'answered' : answer.error.code}`);
  }
};
await fail(first, 3);
await fail(second, 2);
await phaseIs('open');

// The third has not called yet. It decides by its own copy of what all of them share, so this costs no round trip.
const started = performance.now();
const refused = await third.client(stock).check.try({ article: 1 });
const tookMs = performance.now() - started;
if (!refused.ok) {
  const { code, outcome, retryAfterMs = 0 } = refused.error;
  console.log(`web-3: ${code}, ${outcome}, at once: ${tookMs < 50 ? 'yes' : 'no'}`);
  console.log(
    `web-3 may try again in ${Math.round(retryAfterMs)} ms, as openMs says: ${retryAfterMs <= 1_500 ? 'yes' : 'no'}`,
  );
}
console.log(`the handler ran ${runs} times`);

// Somebody believes that it is repaired, and does not wait for the time to pass. It is not.
await second.breaker(NAME).reset({ reason: 'the database was restarted', by: 'ada' });
await phaseIs('closed');
await fail(third, 5);
await phaseIs('open');

broken = false;
console.log('the database is back');
const tooSoon = await third.client(stock).check.try({ article: 1 });
if (!tooSoon.ok) console.log(`web-3, too soon: ${tooSoon.error.code}`);

// A call that has the time waits until the breaker may be tried. The first one after that is the probe: one caller of all
// nodes tries, and what it finds holds for all.
const patient = { retry: { attempts: 5, retryOn: ['CIRCUIT_OPEN'] } };
const { pieces } = await first.client(stock).check({ article: 1 }, patient);
await phaseIs('closed');
console.log(`web-1: ${pieces} pieces`);
console.log(`web-2: ${(await second.client(stock).check({ article: 1 })).pieces} pieces`);
console.log(`the handler ran ${runs} times`);

for (const node of [...shops, warehouse]) await node.close();
