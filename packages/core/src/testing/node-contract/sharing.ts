import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { sleep } from '../../ground/loop.ts';
import { gate, numbers, until, type Promised } from './stage.ts';

const work = contract('work', {
  methods: { run: { input: z.number() }, ask: { input: z.number(), output: z.number() }, slow: {} },
});

type Work = typeof work.methods;

/** Counts what each node handled. */
function counting(counts: Map<string, number>, name: string, ms: number): Actor<Work> {
  const count = async (): Promise<void> => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    await sleep(ms);
  };
  return actor(
    work,
    { run: count, ask: async (n) => count().then(() => n), slow: () => undefined },
    { concurrency: 4 },
  );
}

export function sharing(promised: Promised): void {
  promised('no more handlers run at once than the concurrency allows', async (t, stage) => {
    let running = 0;
    let most = 0;
    let handled = 0;
    const bounded = actor(
      work,
      {
        run: async () => {
          running += 1;
          most = Math.max(most, running);
          await sleep(5);
          running -= 1;
          handled += 1;
        },
        ask: (n) => n,
        slow: () => undefined,
      },
      { concurrency: 3 },
    );
    await stage.serving(bounded);
    const api = (await stage.node('caller')).client(work);
    await Promise.all(numbers(60).map((n) => api.run.cast(n)));
    await until('all to be handled', () => handled === 60);
    t.is(most, 3);
  });

  promised('a slow handler does not hold up the fast ones of its mailbox', async (t, stage) => {
    const { opened, open } = gate();
    let slow = 0;
    await stage.serving(actor(work, { run: () => undefined, ask: (n) => n, slow: () => ((slow += 1), opened) }));
    const node = await stage.node('caller');
    const api = node.client(work);
    const held = [api.slow(), ...numbers(20).map((n) => api.ask(n)), api.slow()];
    t.deepEqual(await Promise.all(held.slice(1, 21)), numbers(20));
    await until('both slow ones to run', () => slow === 2);
    t.deepEqual(await Promise.all(numbers(50).map((n) => api.ask(n))), numbers(50));
    t.is(node.stats().pendingCalls, 2);
    open();
    await Promise.all(held);
  });

  promised('with two places and one of them held, the other answers at once (S0-05)', async (t, stage) => {
    const { opened, open } = gate();
    const two = actor(work, { run: () => undefined, ask: (n) => n, slow: () => opened }, { concurrency: 2 });
    await stage.serving(two);
    const api = (await stage.node('caller')).client(work);
    const held = api.slow();
    for (const n of numbers(5)) t.is(await api.ask(n), n);
    t.deepEqual(await Promise.all(numbers(20).map((n) => api.ask(n))), numbers(20));
    open();
    await held;
  });

  promised('a node has no more in hand than it can run, and a frame (S0-10)', async (t, stage) => {
    const node = await stage.node('caller');
    // Each is a frame of its own.
    for (const n of numbers(40)) await node.client(work).run.cast(n);
    const { opened, open } = gate();
    let begun = 0;
    const run = (): Promise<void> => ((begun += 1), opened);
    await stage.serving(actor(work, { run, ask: (n) => n, slow: () => undefined }, { concurrency: 2 }));
    await until('two to run', () => begun === 2);
    for (const _ of numbers(20)) {
      const { pending } = await node.depth(work);
      t.true(pending <= 3, `${pending} in hand`);
    }
    t.is(begun, 2);
    open();
    await until('all to be handled', () => begun === 40);
  });

  promised('two nodes share a burst', async (t, stage) => {
    const counts = new Map<string, number>();
    await stage.serving(counting(counts, 'a', 5), 'a');
    await stage.serving(counting(counts, 'b', 5), 'b');
    const api = (await stage.node('caller')).client(work);
    await Promise.all(numbers(200).map((n) => api.run.cast(n)));
    const total = (): number => [...counts.values()].reduce((sum, count) => sum + count, 0);
    await until('all to be handled', () => total() >= 200);
    t.is(total(), 200);
    for (const name of ['a', 'b'])
      t.true((counts.get(name) ?? 0) >= 30, `${name} handled ${counts.get(name) ?? 0} of 200`);
  });

  promised('three idle nodes take turns', async (t, stage) => {
    const counts = new Map<string, number>();
    for (const name of ['a', 'b', 'c']) await stage.serving(counting(counts, name, 0), name);
    const api = (await stage.node('caller')).client(work);
    for (const n of numbers(60)) t.is(await api.ask(n), n);
    for (const name of ['a', 'b', 'c'])
      t.true((counts.get(name) ?? 0) >= 3, `${name} handled ${counts.get(name) ?? 0} of 60`);
  });

  promised('a burst of ten thousand casts is handled, each once', async (t, stage) => {
    const handled = new Map<number, number>();
    const server = await stage.serving(
      actor(work, { run: (n) => void handled.set(n, (handled.get(n) ?? 0) + 1), ask: (n) => n, slow: () => undefined }),
    );
    const node = await stage.node('caller');
    const api = node.client(work, { timeoutMs: 60_000 });
    await Promise.all(numbers(10_000).map((n) => api.run.cast(n)));
    await until('all to be handled', () => handled.size === 10_000);
    await until('the mailbox to be empty', async () => (await node.depth(work)).messages === 0);
    t.true([...handled.values()].every((times) => times === 1));
    t.is(server.stats().processed, 10_000);
    t.is(server.stats().lostSettlements, 0);
  });

  promised('a slow node does not keep from a quick one what it cannot start', async (t, stage) => {
    const { opened, open } = gate();
    const handled: number[] = [];
    let stuck = 0;
    const stuckActor = actor(
      work,
      { run: () => ((stuck += 1), opened), ask: (n) => n, slow: () => undefined },
      { concurrency: 1 },
    );
    await stage.serving(stuckActor, 'stuck');
    const node = await stage.node('caller');
    await node.client(work).run.cast(-1);
    await until('the slow node to be busy', () => stuck === 1);
    await stage.serving(
      actor(work, { run: (n) => void handled.push(n), ask: (n) => n, slow: () => undefined }),
      'quick',
    );
    for (const n of numbers(100)) await node.client(work).run.cast(n);
    // What the slow one has asked for already when it gets busy is a frame at most.
    await until('nearly all to be handled by the quick one', () => handled.length >= 92);
    t.is(stuck, 1);
    open();
    await until('the rest', () => handled.length + stuck === 101);
  });
}
