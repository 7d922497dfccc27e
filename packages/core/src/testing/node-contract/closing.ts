import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { topic } from '../../contract/topic.ts';
import { sleep } from '../../ground/loop.ts';
import { gate, numbers, rejection, until, type Promised } from './stage.ts';

const work = contract('work', {
  methods: { run: { input: z.number() }, ask: { input: z.number(), output: z.number() } },
});

export function closing(promised: Promised): void {
  promised('closing lets what runs finish, and its caller gets the answer', async (t, stage) => {
    const { opened, open } = gate();
    let running = 0;
    const server = await stage.serving(
      actor(work, { run: () => undefined, ask: (n) => ((running += 1), opened.then(() => n)) }),
    );
    const api = (await stage.node('caller')).client(work);
    const answers = Promise.all(numbers(5).map((n) => api.ask(n)));
    await until('all to run', () => running === 5);
    const closed = server.close({ drainMs: 10_000 });
    await sleep(20);
    open();
    t.deepEqual(await answers, numbers(5));
    await closed;
    t.is(running, 5);
  });

  promised('closing hands back what has not started, and another node handles it once', async (t, stage) => {
    const { opened, open } = gate();
    const ran: number[] = [];
    const leaving = await stage.serving(
      actor(work, { run: (n) => (ran.push(n), opened), ask: (n) => n }, { concurrency: 1 }),
      'leaving',
    );
    const node = await stage.node('caller');
    await Promise.all(numbers(40).map((n) => node.client(work).run.cast(n)));
    await until('the first to run', () => ran.length === 1);
    const closed = leaving.close({ drainMs: 10_000 });
    await stage.serving(actor(work, { run: (n) => void ran.push(n), ask: (n) => n }), 'staying');
    open();
    await closed;
    await until('all to be handled', () => ran.length >= 40);
    await until('the mailbox to be empty', async () => (await node.depth(work)).messages === 0);
    t.deepEqual(
      ran.toSorted((a, b) => a - b),
      numbers(40),
    );
  });

  promised('what still runs at the end of the drain is told to stop and handed back', async (t, stage) => {
    const reasons: string[] = [];
    let started = 0;
    const stubborn = actor(work, {
      run: (_n, ctx) => {
        started += 1;
        ctx.signal.addEventListener('abort', () => reasons.push((ctx.signal.reason as { code: string }).code));
        return new Promise<void>(() => undefined);
      },
      ask: (n) => n,
    });
    const leaving = await stage.serving(stubborn, 'leaving');
    const node = await stage.node('caller');
    await node.client(work).run.cast(1);
    await until('it to run', () => started === 1);
    await leaving.close({ drainMs: 50 });
    t.deepEqual(reasons, ['NODE_CLOSED']);
    const attempts: number[] = [];
    await stage.serving(actor(work, { run: (_n, ctx) => void attempts.push(ctx.attempt), ask: (n) => n }), 'heir');
    await until('the heir to run it', () => attempts.length === 1);
    t.deepEqual(attempts, [1], 'handing back charges no delivery');
  });

  promised('closing twice is closing once, and so is the end of a scope', async (t, stage) => {
    const node = await stage.node('node');
    const [first, second] = [node.close(), node.close()];
    t.true(first === second);
    await first;
    await node.close();
    await node[Symbol.asyncDispose]();
  });

  promised('a wrong time to finish is refused with its path, and everything goes on', async (t, stage) => {
    const served = actor(work, { run: () => undefined, ask: (n) => n });
    const node = await stage.serving(served);
    const subscription = await node.subscribe(topic('closing.told', z.string()), () => undefined);
    const wrong = { drainMs: -1 };
    const refused: [Promise<unknown>, string][] = [
      [node.close(wrong), 'close.drainMs'],
      [node.close({ drainMS: 5 } as object), 'drainMS'],
      [node.unserve(work, wrong), 'unserve.drainMs'],
      [subscription.close(wrong), 'closing.told: close.drainMs'],
    ];
    for (const [closing, path] of refused) {
      const error = await rejection(closing);
      t.is(error.code, 'CONFIG');
      t.true(error.message.includes(path), `${error.message} should name ${path}`);
    }
    t.is(await node.client(work).ask(1), 1);
  });

  promised('a closed node refuses calls, casts and actors', async (t, stage) => {
    const node = await stage.node('node');
    const api = node.client(work);
    await node.close();
    for (const request of [
      api.ask(1),
      api.run.cast(1),
      node.serve(actor(work, { run: () => undefined, ask: (n) => n })),
      node.every(1_000, () => undefined),
      node.cron('* * * * *', () => undefined, { singleton: true, name: 'late' }),
      node.schedules.put('late', { every: 1_000, contract: work, method: 'run', input: 1 }),
      node.schedules.cancel('late'),
      node.registry.waitFor(['nobody']),
    ]) {
      const error = await rejection(request);
      t.is(error.code, 'NODE_CLOSED');
      t.is(error.outcome, 'not-executed');
    }
    t.is((await node.link()).member, false);
  });

  promised('calls that wait when their node closes fail; it is not known whether they ran', async (t, stage) => {
    const node = await stage.node('node');
    const asked = rejection(node.client(work).ask(1));
    await until('it to be in the mailbox', async () => (await node.depth(work)).messages === 1);
    await node.close();
    const error = await asked;
    t.is(error.code, 'NODE_CLOSED');
    t.is(error.outcome, 'unknown');
    t.is(node.stats().pendingCalls, 0);
  });

  promised(
    'a node that has nothing to do closes quickly, also after a message that could not be sent',
    async (t, stage) => {
      const node = await stage.serving(actor(work, { run: () => undefined, ask: (n) => n }));
      t.is(await node.client(work).ask(1), 1);
      const unsendable = contract('other', { methods: { tell: { input: z.any() } } });
      t.is((await rejection(node.client(unsendable).tell.cast(() => 1))).code, 'SERIALIZATION');
      const startedAt = performance.now();
      await node.close();
      t.true(performance.now() - startedAt < 3_000, `it took ${performance.now() - startedAt} ms`);
    },
  );

  promised('a cast that is accepted just before closing is handled', async (t, stage) => {
    const seen: number[] = [];
    const sender = await stage.node('sender');
    const told = Promise.all(numbers(300).map((n) => sender.client(work).run.cast(n)));
    const closed = sender.close();
    await told;
    await closed;
    await stage.serving(actor(work, { run: (n) => void seen.push(n), ask: (n) => n }));
    await until('all to be handled', () => seen.length >= 300);
    t.deepEqual(
      seen.toSorted((a, b) => a - b),
      numbers(300),
    );
  });
}
