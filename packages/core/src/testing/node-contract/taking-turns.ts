import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract, type Contract } from '../../contract/contract.ts';
import type { ActorNode } from '../../node/node.ts';
import { gate, numbers, until, type Gate, type Promised } from './stage.ts';

const methods = { run: { input: z.string() } } as const;
type Methods = typeof methods;
const byKey = contract('reports', { fair: 'key', methods });
const byTenant = contract('reports-by-tenant', { fair: { header: 'tenant' }, methods });
const ranked = contract('ranked-reports', { priorities: true, fair: { header: 'tenant' }, methods });

function inOrder(of: Contract<Methods>, seen: string[], at?: Gate, concurrency = 4): Actor<Methods> {
  return actor(
    of,
    {
      run: async (text) => {
        seen.push(text);
        if (text.startsWith('wait')) await at?.opened;
        else await new Promise((resolve) => setTimeout(resolve, 1));
      },
    },
    { concurrency },
  );
}

async function flood(node: ActorNode, count: number): Promise<void> {
  const api = node.client(byTenant);
  await Promise.all(numbers(count).map((n) => api.run.cast(`a ${n}`, { headers: { tenant: 'a' } })));
}

export function takingTurns(promised: Promised): void {
  promised('one message of a tenant does not wait for 10,000 of another', async (t, stage) => {
    const seen: string[] = [];
    await stage.serving(inOrder(byTenant, seen), 'first');
    await stage.serving(inOrder(byTenant, seen), 'second');
    const caller = await stage.node('caller');
    await flood(caller, 10_000);
    await until('some to run', () => seen.length > 100);
    const before = seen.length;
    await caller.client(byTenant).run('b', { headers: { tenant: 'b' } });
    const turns = seen.indexOf('b') - before;
    t.true(turns < 1_000, `it had turn ${turns}`);
    t.true((await caller.depth(byTenant)).messages > 1_000, 'much of the other waits still');
  });

  promised(
    'what is in hand starts in turns, also of those that share a line',
    async (t, stage) => {
      const seen: string[] = [];
      const held = gate();
      const node = await stage.serving(inOrder(byKey, seen, held, 1));
      const api = node.client(byKey);
      await api.run.cast('wait');
      await until('the only place to be taken', () => seen.length === 1);
      // More keys than there are lines: some share one.
      const keys = numbers(20);
      await Promise.all(numbers(10).map((n) => api.run.cast(`big ${n}`, { key: 'big' })));
      await Promise.all(keys.map((key) => api.run.cast(`small ${key}`, { key: `small-${key}` })));
      await api.run.cast("nobody's");
      held.open();
      await until('all', () => seen.length === 32);
      t.true(seen.indexOf('big 9') > seen.length - 10, `the last of many had turn ${seen.indexOf('big 9')}`);
      t.deepEqual(
        seen.filter((text) => text.startsWith('big')),
        numbers(10).map((n) => `big ${n}`),
        'those of one key stay in their order',
      );
    },
    'alone',
  );

  promised('turns are taken within a priority', async (t, stage) => {
    const seen: string[] = [];
    const held = gate();
    const node = await stage.serving(inOrder(ranked, seen, held, 1));
    const api = node.client(ranked);
    const send = (text: string, tenant: string, priority: 'high' | 'normal' | 'low'): Promise<void> =>
      api.run.cast(text, { priority, headers: { tenant } });
    await api.run.cast('wait');
    await until('the only place to be taken', () => seen.length === 1);
    await Promise.all([
      ...numbers(30).map((n) => send(`low a ${n}`, 'a', 'low')),
      send('low b', 'b', 'low'),
      ...numbers(30).map((n) => send(`high a ${n}`, 'a', 'high')),
      send('high b', 'b', 'high'),
    ]);
    held.open();
    await until('all', () => seen.length === 63);
    t.true(seen.indexOf('high b') < 20, `high b had turn ${seen.indexOf('high b')}`);
    t.true(seen.indexOf('low b') < 55, `low b had turn ${seen.indexOf('low b')}`);
    t.true(seen.indexOf('low b') > seen.indexOf('high b'));
  });

  promised('what a busy node has brought and cannot start goes to one that has room', async (t, stage) => {
    const seen: string[] = [];
    const elsewhere: string[] = [];
    const held = gate();
    const busy = await stage.serving(inOrder(byTenant, seen, held, 1), 'busy');
    const api = busy.client(byTenant);
    await Promise.all(numbers(40).map((n) => api.run.cast(`wait ${n}`, { headers: { tenant: `t${n}` } })));
    await until('the only place to be taken', () => seen.length === 1);
    await stage.serving(inOrder(byTenant, elsewhere, undefined, 64), 'idle');
    await until('nearly all to run elsewhere', () => elsewhere.length >= 30);
    held.open();
    await until('all', () => elsewhere.length + seen.length === 40);
    t.is(new Set([...seen, ...elsewhere]).size, 40);
  });
}
