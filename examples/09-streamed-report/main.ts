import { actor, contract, createNode, HomeostatError } from 'homeostat';
import { z } from 'zod';
import { meetingPoint } from '../shared/meeting-point.ts';
import { until } from '../shared/until.ts';

const reports = contract('reports', {
  methods: {
    sales: {
      input: z.object({ months: z.number() }),
      yields: z.object({ month: z.number(), total: z.number() }), // one item; `output` would be one answer
      errors: { NOT_CLOSED: z.object({ month: z.number() }) },
    },
  },
});

const backend = meetingPoint();
const namespace = process.env['NAMESPACE'] ?? 'example-09';
const server = await createNode({ backend, namespace, name: 'server' });
const reader = await createNode({ backend, namespace, name: 'reader' });

let computed = 0;
let closed = 0;
await server.serve(
  actor(reports, {
    async *sales({ months }, ctx) {
      try {
        for (let month = 1; month <= months; month += 1) {
          if (month === 13 && months === 13) throw ctx.fail('NOT_CLOSED', { month });
          computed += 1;
          yield { month, total: 100 * month }; // waits here while the reader has enough
        }
      } finally {
        closed += 1; // whichever way it ends: a cursor would be closed here
      }
    },
  }),
);

const api = reader.client(reports);

let sum = 0;
for await (const { total } of api.sales({ months: 12 })) sum += total;
console.log(`a year: ${sum}`);

// An error comes after the items before it.
const months: number[] = [];
try {
  for await (const { month } of api.sales({ months: 13 })) months.push(month);
} catch (error) {
  console.log(`${months.length} months, then ${error instanceof HomeostatError ? error.code : 'something else'}`);
}

// A reader that takes its time holds the generator back: a window of 2,048 small items is all there is under way.
computed = 0;
const all = api.sales({ months: 10_000 });
await all.next();
await until('the window to fill', () => computed === 2_048);
console.log(`one item taken, ${computed} computed`);
let rest = 0;
for await (const _ of all) rest += 1;
console.log(`the other ${rest} taken, ${computed} computed`);

// Whoever leaves the loop stops the generator.
for await (const { month } of api.sales({ months: 1_000_000 })) if (month === 3) break;
await until('all generators to end', () => closed === 4);
console.log(`${closed} generators, all of them ended`);

await reader.close();
await server.close();
