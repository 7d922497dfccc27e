import { pino } from 'pino';
import test from 'ava';
import { z } from 'zod';
import { memory } from '../../src/backends/memory.ts';
import { contract } from '../../src/contract/contract.ts';
import { createNode } from '../../src/node/create-node.ts';

const mill = contract('ranked-mill', {
  priorities: true,
  methods: { spin: { input: z.number(), output: z.number() } },
});

test('of two threads one is kept for what is urgent, however much low work there is', async (t) => {
  t.timeout(60_000);
  const node = await createNode({ backend: memory(), name: 'mill', log: pino({ level: 'silent' }), signals: false });
  t.teardown(() => node.close({ drainMs: 0 }));
  const module = new URL('../fixtures/ranked-mill.actor.js', import.meta.url);
  await node.serve(module, { pool: 'threads', threads: 2 });
  const api = node.client(mill, { timeoutMs: 30_000 });
  await api.spin(0);
  await Promise.all(Array.from({ length: 20 }, () => api.spin.cast(2_000, { priority: 'low' })));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const startedAt = performance.now();
  await api.spin(1, { priority: 'high' });
  const ms = performance.now() - startedAt;
  t.true(ms < 1_500, `a high call took ${ms} ms`);
  await node.health.run('ranked-mill');
});
