import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { sleep } from '../../ground/loop.ts';
import { tally, Witness } from './keyed-witness.ts';
import { gate, numbers, rejection, until, type Promised } from './stage.ts';

export function keying(promised: Promised): void {
  promised('messages of one key run one at a time and in order over all nodes', async (t, stage) => {
    const witness = new Witness();
    const served = witness.actor(8, () => sleep(Math.random() * 2));
    for (const name of ['one', 'two', 'three']) await stage.serving(served, name);
    const api = (await stage.node('caller')).client(tally);
    const keys = numbers(20).map((key) => `key-${key}`);
    await Promise.all(numbers(30).flatMap((n) => keys.map((key) => api.add.cast(n, { key }))));
    await until('everything to be handled', () => witness.total === 600);
    for (const key of keys) t.deepEqual(witness.done.get(key), numbers(30), key);
    t.deepEqual(witness.overlaps, []);
  });

  promised('a call and a cast without a key are refused with KEY_REQUIRED', async (t, stage) => {
    await stage.serving(new Witness().actor(4));
    const node = await stage.node('caller');
    const api = node.client(tally);
    const error = await rejection(api.ask(1));
    t.is(error.code, 'KEY_REQUIRED');
    t.is(error.outcome, 'not-executed');
    t.is(error.retryable, false);
    t.is((await rejection(api.add.cast(1))).code, 'KEY_REQUIRED');
    t.is(await api.ask(1, { key: 'k' }), 1);
    t.is((await rejection(api.ask(1, { key: 'k', node: 'somebody' }))).code, 'CONFIG');
    t.is((await rejection(api.add.cast(1, { key: 'k', tags: ['a'] }))).code, 'CONFIG');
  });

  promised(
    'a message that fails is tried again before the next one of its key, and holds up no other',
    async (t, stage) => {
      const witness = new Witness();
      const fails = new Map([[3, 2]]);
      const server = await stage.serving(
        witness.actor(1, (n, key) => {
          const left = fails.get(n) ?? 0;
          if (key !== 'sick' || left === 0) return;
          fails.set(n, left - 1);
          throw new Error('not yet');
        }),
      );
      const api = server.client(tally);
      await Promise.all(numbers(8).flatMap((n) => ['sick', 'well'].map((key) => api.add.cast(n, { key }))));
      await until('everything to be handled', () => witness.total === 16);
      t.deepEqual(witness.done.get('sick'), numbers(8));
      t.deepEqual(witness.done.get('well'), numbers(8));
      t.is(server.stats().redelivered, 2);
    },
  );

  promised(
    'a message that never succeeds becomes a dead letter, and the next one of its key runs',
    async (t, stage) => {
      const witness = new Witness();
      const server = await stage.serving(
        witness.actor(4, (n) => {
          if (n === 1) throw new Error('never');
        }),
      );
      const api = server.client(tally);
      for (const n of numbers(3)) await api.add.cast(n, { key: 'k' });
      await until('the others to be handled', () => witness.total === 2);
      t.deepEqual(witness.done.get('k'), [0, 2]);
      const [letter, ...others] = await server.deadLetters(tally).list();
      t.deepEqual(others, []);
      t.is(letter?.key, 'k');
      t.is(letter?.deliveries, 4);
      t.deepEqual(
        letter?.history.map(({ attempt }) => attempt),
        [1, 2, 3, 4],
      );
      t.is((await server.depth(tally)).dead, 1);
      t.true(await server.deadLetters(tally).drop(letter!.id));
      t.deepEqual(await server.deadLetters(tally).list(), []);
    },
  );

  promised(
    'behind a key that is blocked thousands wait in the log, not in memory, and other keys go on',
    async (t, stage) => {
      const witness = new Witness();
      const { opened, open } = gate();
      const server = await stage.serving(
        witness.actor(1, (n, key) => (key === 'blocked' && n === 0 ? opened : undefined)),
      );
      const api = server.client(tally, { timeoutMs: 30_000 });
      await Promise.all(numbers(5_000).map((n) => api.add.cast(n, { key: 'blocked' })));
      await Promise.all(numbers(2_000).map((n) => api.add.cast(n, { key: `other-${n % 10}` })));
      await until('the other keys to be done', () => witness.total === 2_000);
      t.is(witness.done.get('blocked'), undefined);
      await until('the others to be settled', async () => (await server.depth(tally)).messages === 5_000);
      open();
      await until('the blocked key to be done', () => witness.total === 7_000);
      t.deepEqual(witness.done.get('blocked'), numbers(5_000));
      await until('nothing to be left', async () => (await server.depth(tally)).messages === 0);
    },
  );

  promised(
    'what waits for a keyed actor that nobody serves yet is handled in order once somebody does',
    async (t, stage) => {
      const witness = new Witness();
      const node = await stage.node('caller');
      const api = node.client(tally);
      // Nobody has split the mailbox yet.
      await Promise.all(numbers(20).map((n) => api.add.cast(n, { key: `k${n % 2}` })));
      const server = await stage.serving(witness.actor(4));
      await until('what waited to be handled', () => witness.total === 20);
      await server.unserve(tally);
      // And now it is split.
      await Promise.all(numbers(20).map((n) => api.add.cast(n + 20, { key: `k${n % 2}` })));
      await server.serve(witness.actor(4));
      await until('the rest to be handled', () => witness.total === 40);
      t.deepEqual(
        witness.done.get('k0'),
        numbers(20).map((n) => 2 * n),
      );
      t.deepEqual(
        witness.done.get('k1'),
        numbers(20).map((n) => 2 * n + 1),
      );
    },
  );

  promised('a delayed cast takes its place among those of its key when it is due', async (t, stage) => {
    const witness = new Witness();
    const server = await stage.serving(witness.actor(4));
    const api = server.client(tally);
    await api.add.cast(1, { key: 'k', delayMs: 300 });
    await api.add.cast(0, { key: 'k' });
    await until('both to be handled', () => witness.total === 2);
    t.deepEqual(witness.done.get('k'), [0, 1]);
  });

  promised('another number of partitions is refused where the mailbox is split already', async (t, stage) => {
    await stage.serving(new Witness().actor(4));
    const other = await stage.node('other');
    const error = await rejection(other.serve(new Witness().actor(8)));
    t.is(error.code, 'LAYOUT_MISMATCH');
    t.true(error.message.includes('partitions: 4'), error.message);
    await other.serve(new Witness().actor(4));
    t.is(await other.client(tally).ask(7, { key: 'x' }), 7);
  });

  promised('a call that comes back to the key that waits for it fails at once with CALL_CYCLE', async (t, stage) => {
    const first = contract('first', { methods: { ask: { input: z.string(), output: z.string() } } });
    const second = contract('second', { methods: { ask: { input: z.string(), output: z.string() } } });
    const node = await stage.node('server');
    await node.serve(
      actor(
        first,
        { ask: async (way, ctx) => (way === 'end' ? 'end' : await ctx.client(second, { retry: false }).ask(way)) },
        { keyed: { partitions: 2 } },
      ),
    );
    await node.serve(
      actor(second, {
        ask: (way, ctx) => ctx.client(first, { retry: false }).ask('end', { key: way }),
      }),
    );
    const api = node.client(first, { timeoutMs: 8_000, retry: false });
    t.is(await api.ask('other', { key: 'own' }), 'end');
    const startedAt = performance.now();
    const error = await rejection(api.ask('own', { key: 'own' }));
    t.is(error.code, 'CALL_CYCLE');
    t.true(performance.now() - startedAt < 4_000);
    t.is(await api.ask('end', { key: 'own' }), 'end');
  });

  promised('a call cycle is found out at once, whatever waits before it in its partition', async (t, stage) => {
    const { opened, open } = gate();
    const own = contract('own', {
      methods: { ask: { input: z.string(), output: z.string() }, fill: { input: z.number() } },
    });
    let running = false;
    const node = await stage.serving(
      actor(
        own,
        {
          ask: async (key, ctx) => {
            running = true;
            await opened;
            return await ctx.client(own).ask('', { key });
          },
          fill: () => {},
        },
        { keyed: { partitions: 1 }, concurrency: 1 },
      ),
    );
    const api = (await stage.node('caller')).client(own, { timeoutMs: 5_000, retry: false });
    const answer = rejection(api.ask('k', { key: 'k' }));
    await until('it to run', () => running);
    // More than are kept in memory, and nothing of it can run.
    await Promise.all(numbers(1_500).map((n) => api.fill.cast(n, { key: `other-${n}` })));
    open();
    t.is((await answer).code, 'CALL_CYCLE');
    await until('the others to be done', async () => (await node.depth(own)).messages === 0);
  });

  promised('a keyed actor answers pings and has its health checked like any other', async (t, stage) => {
    const server = await stage.serving(new Witness().actor(4));
    await until('the instance to be healthy', () => server.registry.instances('tally').length === 1);
    t.is(server.registry.instances('tally')[0]?.partitions, 4);
    await server.health.run('tally');
    t.is((await server.health.of('tally')).status, 'healthy');
  });
}
