import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { DEADLINE_MS, QUICK_BEAT, rejection, until, type Promised } from './stage.ts';
import { BLIND_BEAT, evict, LATE_BEAT } from './evicting.ts';

const feed = contract('feed', { methods: { items: { yields: z.number() }, tell: { input: z.number() } } });

/** Yields without end, as fast as it is read. */
function feeding(): { fed: Actor<typeof feed.methods>; begun: () => number; stopped: () => number } {
  let begun = 0;
  let stopped = 0;
  const fed = actor(feed, {
    async *items() {
      begun += 1;
      try {
        for (let n = 0; ; n += 1) yield n;
      } finally {
        stopped += 1;
      }
    },
    tell: () => undefined,
  });
  return { fed, begun: () => begun, stopped: () => stopped };
}

/** Reads until it fails. */
async function toTheEnd(stream: AsyncIterable<number>): Promise<never> {
  let last = -1;
  for await (const n of stream) {
    if (n !== last + 1) throw new Error(`${n} after ${last}`);
    last = n;
    // So that it goes on for as long as it is to.
    if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it ended');
}

export function streamDeaths(promised: Promised): void {
  promised('a producer that dies ends its stream with an error in time; nobody else begins it', async (t, stage) => {
    const { node: server, die } = await stage.mortal('server');
    const dying = feeding();
    await server.serve(dying.fed);
    const node = await stage.node('caller', { beat: QUICK_BEAT });
    const ended = rejection(toTheEnd(node.client(feed).items()));
    await until('the stream to begin', () => dying.begun() === 1);
    const heir = feeding();
    await stage.serving(heir.fed, 'heir', { beat: QUICK_BEAT });
    const diedAt = performance.now();
    await die();
    const error = await ended;
    t.deepEqual([error.code, error.outcome, error.retryable], ['STREAM_BROKEN', 'unknown', true]);
    t.true(performance.now() - diedAt < QUICK_BEAT.ttlMs + 1_000 + DEADLINE_MS / 5, 'in time');
    await until('nothing to be left over', async () => (await node.depth(feed)).messages === 0);
    t.is(heir.begun(), 0);
    t.is(node.stats().pendingCalls, 0);
  });

  promised('a call of a stream whose node died before anything came is answered, not begun again', async (t, stage) => {
    const { node: server, die } = await stage.mortal('server');
    let begun = 0;
    const silent = actor(feed, {
      async *items() {
        begun += 1;
        await new Promise(() => undefined);
        yield 1;
      },
      tell: () => undefined,
    });
    await server.serve(silent);
    const node = await stage.node('caller', { beat: QUICK_BEAT });
    const first = rejection(node.client(feed).items().next());
    await until('the stream to begin', () => begun === 1);
    const heir = feeding();
    await stage.serving(heir.fed, 'heir', { beat: QUICK_BEAT });
    await die();
    const error = await first;
    t.deepEqual([error.code, error.outcome], ['STREAM_BROKEN', 'unknown']);
    t.is(heir.begun(), 0);
  });

  promised('a reader that dies lets its generator go', async (t, stage) => {
    const { fed, begun, stopped } = feeding();
    const server = await stage.serving(fed, 'server', { beat: QUICK_BEAT });
    const { node, die } = await stage.mortal('reader');
    const stream = node.client(feed).items();
    await stream.next();
    t.is(begun(), 1);
    await die();
    await until('the generator to stop', () => stopped() === 1 && server.stats().inFlight === 0);
    await until('nothing to be left over', async () => (await server.depth(feed)).messages === 0);
  });

  promised('a producer that is evicted stops, and its reader is told', async (t, stage) => {
    const { fed, stopped } = feeding();
    const server = await stage.serving(fed, 'server', { beat: LATE_BEAT });
    const node = await stage.node('reader', { beat: BLIND_BEAT });
    const ended = rejection(toTheEnd(node.client(feed).items()));
    await evict(stage, server);
    t.is((await ended).code, 'STREAM_BROKEN');
    await until('the generator to stop', () => stopped() === 1);
    const again = node.client(feed).items();
    t.deepEqual(await again.next(), { done: false, value: 0 });
    await again.return();
    await until('the second to stop', () => stopped() === 2 && server.stats().inFlight === 0);
  });

  promised('a reader that is evicted is told, and its generator stops', async (t, stage) => {
    const { fed, stopped } = feeding();
    await stage.serving(fed, 'server', { beat: BLIND_BEAT });
    const node = await stage.node('reader', { beat: LATE_BEAT });
    const ended = rejection(toTheEnd(node.client(feed).items()));
    await evict(stage, node);
    t.is((await ended).code, 'NOT_MEMBER');
    await until('the generator to stop', () => stopped() === 1);
    t.is(node.stats().pendingCalls, 0);
  });
}
