import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { gate, numbers, rejection, until, type Promised } from './stage.ts';

const work = contract('work', { methods: { run: { input: z.string(), errors: { NO: z.any() } } } });

export function knowing(promised: Promised): void {
  promised('stats() counts what became of the messages', async (t, stage) => {
    const { opened, open } = gate();
    const server = await stage.serving(
      actor(
        work,
        {
          run: async (way, ctx) => {
            if (way === 'wait') await opened;
            if (way === 'refuse') throw ctx.fail('NO', null);
            if (way === 'once' && ctx.attempt === 1) throw new Error('once more');
          },
        },
        { redelivery: { delayMs: 10 } },
      ),
    );
    const node = await stage.node('caller');
    const api = node.client(work);
    t.deepEqual(node.stats(), {
      processed: 0,
      failed: 0,
      redelivered: 0,
      dead: 0,
      replied: 0,
      expired: 0,
      waitMs: 0,
      inFlight: 0,
      pendingCalls: 0,
      lateReplies: 0,
      lostSettlements: 0,
    });
    const waiting = api.run('wait');
    await until('it to run', () => server.stats().inFlight === 1);
    t.is(node.stats().pendingCalls, 1);
    open();
    await waiting;
    await rejection(api.run('refuse'));
    for (const way of ['refuse', 'once', 'fine']) await api.run.cast(way);
    await until('the mailbox to be empty', async () => (await node.depth(work)).messages === 0);
    await until('the answers to be settled', () => server.stats().replied === 2);
    const { waitMs, ...counts } = server.stats();
    t.true(waitMs > 0 && waitMs < 1_000);
    t.deepEqual(counts, {
      processed: 3,
      failed: 3,
      redelivered: 1,
      dead: 1,
      replied: 2,
      expired: 0,
      inFlight: 0,
      pendingCalls: 0,
      lateReplies: 0,
      lostSettlements: 0,
    });
    t.is(node.stats().pendingCalls, 0);
  });

  promised('depth() tells what waits, what is in hand and what is dead', async (t, stage) => {
    const { opened, open } = gate();
    const node = await stage.node('caller');
    const api = node.client(work);
    t.deepEqual(await node.depth(work), { messages: 0, bytes: 0, waiting: 0, pending: 0, dead: 0 });
    for (const n of numbers(3)) await api.run.cast(`job ${n}`);
    const queued = await node.depth(work);
    t.deepEqual([queued.messages, queued.waiting, queued.pending, queued.dead], [3, 3, 0, 0]);
    t.true(queued.bytes > 0);
    await stage.serving(
      actor(work, {
        run: async (_way, ctx) => {
          await opened;
          throw ctx.fail('NO', null);
        },
      }),
    );
    await until('all to be in hand', async () => (await node.depth(work)).pending === 3);
    t.is((await node.depth(work)).messages, 3);
    open();
    await until('all to be dead', async () => (await node.depth(work)).dead === 3);
    const { messages, bytes, waiting, pending } = await node.depth(work);
    t.deepEqual({ messages, bytes, waiting, pending }, { messages: 0, bytes: 0, waiting: 0, pending: 0 });
  });

  promised('link() says that the node is a member of a backend that answers', async (t, stage) => {
    const node = await stage.node('node');
    const { member, connected } = await node.link();
    t.is(member, true);
    t.is(connected, true);
    t.is(node.name, 'node');
    t.true(node.id.startsWith('node-'));
    t.true(Math.abs(node.now() - Date.now()) < 60_000);
  });
}
