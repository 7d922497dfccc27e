import { actor, contract, createNode, type NodeOptions } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';
import { until } from '../shared/until.ts';

const reports = contract('reports', {
  methods: { make: { input: z.object({ of: z.string() }) } },
});

const settings: NodeOptions = { backend: meetingPoint(), namespace: process.env['NAMESPACE'] ?? 'example-11' };
const nodes = await Promise.all(['one', 'two', 'three'].map((name) => createNode({ ...settings, name })));

// Every node serves the actor, and every node puts the schedule, as a service does that runs three times.
const made: { readonly of: string; readonly tick: number }[] = [];
const reporter = actor(reports, {
  make: ({ of }, { headers }) => void made.push({ of, tick: Number(headers['homeostat-tick']) }),
});
for (const node of nodes) {
  await node.serve(reporter);
  // Usually `0 9 * * 1-5` or the like; here nobody has that long: six fields begin with seconds.
  await node.schedules.put('sales', {
    ...{ cron: '* * * * * *', timeZone: 'Europe/Berlin' },
    ...{ contract: reports, method: 'make', input: { of: 'sales' } },
  });
}

// A function may run by the clock as well: on one of the nodes that have it.
const swept: number[] = [];
for (const node of nodes) await node.every(500, ({ at }) => swept.push(at), { singleton: true, name: 'sweep' });

const [first, second] = nodes;
const listed = (await first!.schedules.list()).map(({ name }) => name);
console.log(`schedules: ${listed.toSorted().join(', ')}`);

await until('three reports', () => made.length >= 3);
const ticks = made.slice(0, 3).map(({ tick }) => tick);
console.log(`reports of ${made[0]?.of}, at whole seconds: ${ticks.every((tick) => tick % 1_000 === 0)}`);
console.log(`runs of each tick: ${made.length / new Set(made.map(({ tick }) => tick)).size}`);

await until('some sweeps', () => swept.length >= 4);
const gaps = swept.slice(1).map((at, index) => at - (swept[index] ?? 0));
console.log(`sweeps keep their phase: ${gaps.every((gap) => gap % 500 === 0)}`);
console.log(`runs of each sweep: ${swept.length / new Set(swept).size}`);

// Whoever wants to ends it, for all.
console.log(`cancelled: ${await second!.schedules.cancel('sales')}, again: ${await first!.schedules.cancel('sales')}`);

for (const node of nodes) await node.close();
