import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import type { ActorNode } from '../../node/node.ts';
import { numbers, rejection, until, type NodeStage, type Promised } from './stage.ts';

const jobs = contract('jobs', { methods: { run: { input: z.number(), errors: { NO: z.any() } } } });

/** A node whose handler refuses everything until it is told otherwise, with `count` dead letters. */
async function graveyard(
  stage: NodeStage,
  count: number,
): Promise<{ node: ActorNode; handled: number[]; attempts: number[]; heal(): void }> {
  const handled: number[] = [];
  const attempts: number[] = [];
  let ill = true;
  const node = await stage.serving(
    actor(jobs, {
      run: (n, ctx) => {
        if (ill) throw ctx.fail('NO', n);
        handled.push(n);
        attempts.push(ctx.attempt);
      },
    }),
  );
  const api = node.client(jobs);
  await Promise.all(numbers(count).map((n) => api.run.cast(n)));
  await until(
    'the dead letters',
    async () => (await node.deadLetters(jobs).list({ limit: count + 1 })).length === count,
  );
  return {
    node,
    handled,
    attempts,
    heal: () => {
      ill = false;
    },
  };
}

export function deadLetters(promised: Promised): void {
  promised('dead letters are listed page by page, oldest first, each once', async (t, stage) => {
    const { node } = await graveyard(stage, 25);
    const letters = node.deadLetters(jobs);
    const paged: unknown[] = [];
    for (let after: string | undefined; ;) {
      const page = await letters.list({ limit: 4, ...(after === undefined ? undefined : { after }) });
      t.true(page.length <= 4);
      paged.push(...page.map(({ input }) => input));
      after = page.at(-1)?.id;
      if (after === undefined) break;
    }
    const all: unknown[] = [];
    const moments: number[] = [];
    for await (const letter of letters.all()) {
      all.push(letter.input);
      moments.push(letter.at);
    }
    t.deepEqual(paged, all);
    t.deepEqual(
      (all as number[]).toSorted((a, b) => a - b),
      numbers(25),
    );
    t.deepEqual(
      moments,
      moments.toSorted((a, b) => a - b),
    );
    t.true((await node.depth(jobs)).dead > 0);
  });

  promised('a dead letter that is replayed is handled as if it were new (S4-34)', async (t, stage) => {
    const { node, handled, attempts, heal } = await graveyard(stage, 3);
    const letters = node.deadLetters(jobs);
    const [, second] = await letters.list();
    heal();
    t.is(await letters.replay(second!.id), true);
    await until('it to be handled', () => handled.length === 1);
    t.deepEqual(handled, [second?.input as number]);
    t.deepEqual(attempts, [1]);
    t.is((await letters.list()).length, 2);
    t.is(await letters.replay(second!.id), false);
    t.is(await letters.drop(second!.id), false);
  });

  promised('a dead letter that is dropped is gone', async (t, stage) => {
    const { node } = await graveyard(stage, 3);
    const letters = node.deadLetters(jobs);
    const [first] = await letters.list();
    t.is(await letters.drop(first!.id), true);
    t.is(await letters.drop(first!.id), false);
    t.is(await letters.replay(first!.id), false);
    t.is((await letters.list()).length, 2);
  });

  promised('all dead letters can be replayed at once', async (t, stage) => {
    const { node, handled, heal } = await graveyard(stage, 12);
    heal();
    t.is(await node.deadLetters(jobs).replayAll(), 12);
    await until('all to be handled', () => handled.length === 12);
    t.deepEqual(
      handled.toSorted((a, b) => a - b),
      numbers(12),
    );
    t.deepEqual(await node.deadLetters(jobs).list(), []);
    t.is(await node.deadLetters(jobs).replayAll(), 0);
  });

  promised('an id that is none is a mistake of the caller', async (t, stage) => {
    const node = await stage.node('caller');
    for (const id of ['', 'nonsense', '1-0.3.2']) {
      t.is((await rejection(Promise.resolve().then(() => node.deadLetters(jobs).replay(id)))).code, 'CONFIG');
    }
  });

  promised('of more dead letters than an actor keeps the oldest are dropped, which is told', async (t, stage) => {
    const books = contract('books', jobs);
    const refuse = (n: number, ctx: { fail(code: 'NO', details: unknown): Error }): never => {
      throw ctx.fail('NO', n);
    };
    const node = await stage.serving(actor(jobs, { run: refuse }, { maxDead: 3, concurrency: 1 }));
    await node.serve(actor(books, { run: refuse }, { maxDead: 4, keyed: { partitions: 2 } }));
    const dropped = new Map<string, number>();
    node.on('deadDropped', ({ mailbox, count }) => dropped.set(mailbox, (dropped.get(mailbox) ?? 0) + count));
    // Each is a letter of its own.
    for (const n of numbers(8)) {
      await node.client(jobs).run.cast(n);
      await node.client(books).run.cast(n, { key: 'ann' });
    }
    await until('the oldest to be dropped', () => dropped.get('jobs@1') === 5 && dropped.get('books@1') === 6);
    const left = async (of: typeof jobs): Promise<unknown[]> =>
      (await node.deadLetters(of).list()).map(({ input }) => input);
    t.deepEqual(await left(jobs), [5, 6, 7]);
    t.deepEqual(await left(books), [6, 7], 'each of two partitions keeps half');
  });
}
