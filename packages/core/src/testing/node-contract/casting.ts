import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { HandlerError } from '../../ground/errors.ts';
import { numbers, until, type Promised } from './stage.ts';

const jobs = contract('jobs', {
  methods: { run: { input: z.any(), errors: { POISON: z.object({ why: z.string() }) } } },
});

export function casting(promised: Promised): void {
  promised('a cast resolves once it is accepted, though nobody serves, and is handled later', async (t, stage) => {
    const node = await stage.node('caller');
    await node.client(jobs).run.cast('early');
    t.is((await node.depth(jobs)).messages, 1);
    const seen: unknown[] = [];
    await stage.serving(actor(jobs, { run: (value) => void seen.push(value) }));
    await until('the cast to be handled', () => seen.length === 1);
    t.deepEqual(seen, ['early']);
    await until('the mailbox to be empty', async () => (await node.depth(jobs)).messages === 0);
  });

  promised('what was cast outlives its sender', async (t, stage) => {
    const sender = await stage.node('sender');
    await sender.client(jobs).run.cast('legacy');
    await sender.close();
    const seen: unknown[] = [];
    await stage.serving(actor(jobs, { run: (value) => void seen.push(value) }));
    await until('the cast to be handled', () => seen.length === 1);
    t.deepEqual(seen, ['legacy']);
  });

  promised(
    'a failing cast is delivered three times with back-off, then kept with reason and history (S4-34)',
    async (t, stage) => {
      const attempts: { attempt: number; messageId: string; at: number }[] = [];
      const failing = actor(
        jobs,
        {
          run: (_input, ctx) => {
            attempts.push({ attempt: ctx.attempt, messageId: ctx.messageId, at: node.now() });
            throw new HandlerError(`attempt ${ctx.attempt} failed`);
          },
        },
        { redelivery: { delayMs: 100 } },
      );
      const node = await stage.serving(failing);
      await node.client(jobs).run.cast({ job: 1 }, { key: 'k', headers: { h: 'v' } });
      await until('the dead letter', async () => (await node.deadLetters(jobs).list()).length === 1);
      t.deepEqual(
        attempts.map(({ attempt }) => attempt),
        [1, 2, 3],
      );
      t.is(new Set(attempts.map(({ messageId }) => messageId)).size, 1);
      const [one, two, three] = attempts.map(({ at }) => at) as [number, number, number];
      t.true(two - one >= 98, `the first back-off took ${two - one} ms`);
      t.true(three - two >= 198, `the second back-off took ${three - two} ms`);
      const [letter] = await node.deadLetters(jobs).list();
      t.is(letter?.reason, 'HANDLER');
      t.is(letter?.deliveries, 3);
      t.deepEqual(letter?.input, { job: 1 });
      t.is(letter?.method, 'run');
      t.is(letter?.key, 'k');
      t.deepEqual(letter?.headers, { h: 'v' });
      t.is(letter?.messageId, attempts[0]?.messageId);
      t.deepEqual(
        letter?.history.map(({ attempt, code, message }) => ({ attempt, code, message })),
        [
          { attempt: 1, code: 'HANDLER', message: 'attempt 1 failed' },
          { attempt: 2, code: 'HANDLER', message: 'attempt 2 failed' },
          { attempt: 3, code: 'HANDLER', message: 'attempt 3 failed' },
        ],
      );
      for (const item of letter?.history ?? []) t.is(item.node, node.id);
      const stats = node.stats();
      t.deepEqual([stats.processed, stats.failed, stats.redelivered, stats.dead], [0, 3, 2, 1]);
      // An instance whose work failed proves itself by pings, and one may be on its way through the mailbox.
      await until('nothing to be left', async () => (await node.depth(jobs)).messages === 0);
    },
  );

  promised('a cast that fails once and then succeeds leaves nothing behind', async (t, stage) => {
    const attempts: number[] = [];
    const flaky = actor(
      jobs,
      {
        run: (_input, ctx) => {
          attempts.push(ctx.attempt);
          if (ctx.attempt === 1) throw new Error('not yet');
        },
      },
      { redelivery: { delayMs: 10 } },
    );
    const node = await stage.serving(flaky);
    await node.client(jobs).run.cast('x');
    await until('the mailbox to be empty', async () => (await node.depth(jobs)).messages === 0);
    t.deepEqual(attempts, [1, 2]);
    t.deepEqual(await node.deadLetters(jobs).list(), []);
  });

  promised('what can never succeed is dead at once', async (t, stage) => {
    let runs = 0;
    const poisoned = actor(jobs, {
      run: (way, ctx) => {
        runs += 1;
        if (way === 'declared') throw ctx.fail('POISON', { why: 'by design' });
        throw Object.assign(new Error('coded'), { code: 'NO_ROW' });
      },
    });
    const node = await stage.serving(poisoned);
    await node.client(jobs).run.cast('declared');
    await until('the first dead letter', async () => (await node.deadLetters(jobs).list()).length === 1);
    await node.client(jobs).run.cast('coded');
    await until('the second dead letter', async () => (await node.deadLetters(jobs).list()).length === 2);
    t.is(runs, 2);
    t.deepEqual(
      (await node.deadLetters(jobs).list()).map(({ reason, deliveries }) => [reason, deliveries]),
      [
        ['POISON', 1],
        ['NO_ROW', 1],
      ],
    );
  });

  promised('what the system refused is a passing fault, though it has a code', async (t, stage) => {
    const attempts: number[] = [];
    const unlucky = actor(
      jobs,
      {
        run: (_input, ctx) => {
          attempts.push(ctx.attempt);
          if (ctx.attempt === 1)
            throw Object.assign(new Error('connect ECONNREFUSED'), {
              code: 'ECONNREFUSED',
              errno: -111,
              syscall: 'connect',
            });
        },
      },
      { redelivery: { delayMs: 10 } },
    );
    const node = await stage.serving(unlucky);
    await node.client(jobs).run.cast('x');
    await until('the mailbox to be empty', async () => (await node.depth(jobs)).messages === 0);
    t.deepEqual(attempts, [1, 2]);
    t.deepEqual(await node.deadLetters(jobs).list(), []);
  });

  promised('of a burst that fails in part each message has its own ending', async (t, stage) => {
    const runs = new Map<number, number>();
    const mixed = actor(
      jobs,
      {
        run: async (n: number, ctx) => {
          runs.set(n, (runs.get(n) ?? 0) + 1);
          if (n % 2 === 0) await Promise.resolve();
          if (n % 10 === 3) throw new Error('always');
          if (n % 10 === 4 && ctx.attempt === 1) throw new Error('once');
          if (n % 10 === 5) throw ctx.fail('POISON', { why: 'x' });
        },
      },
      { redelivery: { delayMs: 20, deliveries: 2 } },
    );
    await stage.serving(mixed);
    const node = await stage.node('caller');
    const api = node.client(jobs);
    await Promise.all(numbers(100).map((n) => api.run.cast(n)));
    await until('the mailbox to be empty', async () => (await node.depth(jobs)).messages === 0);
    const dead = await node.deadLetters(jobs).list();
    t.deepEqual(
      dead.map(({ input }) => input as number).toSorted((a, b) => a - b),
      numbers(100).filter((n) => n % 10 === 3 || n % 10 === 5),
    );
    for (const letter of dead) t.is(letter.reason, (letter.input as number) % 10 === 3 ? 'HANDLER' : 'POISON');
    t.deepEqual(
      numbers(100).map((n) => runs.get(n)),
      numbers(100).map((n) => (n % 10 === 3 || n % 10 === 4 ? 2 : 1)),
    );
  });
}
