/** Streams over a backend that loses answers, falls asleep, and is written to by strangers. */
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { z } from 'zod';
import { actor } from '../../src/contract/actor.ts';
import type { Backend, Link } from '../../src/backend.ts';
import { memory } from '../../src/backends/memory.ts';
import { contract } from '../../src/contract/contract.ts';
import type { HomeostatError } from '../../src/ground/errors.ts';
import { createNode } from '../../src/node/create-node.ts';
import type { ActorNode } from '../../src/node/node.ts';
import { WINDOW_ITEMS } from '../../src/streaming/window.ts';
import { faulty, type FaultyBackend } from '../../src/testing/faulty.ts';
import { jumpingClock, withClock } from '../../src/testing/jumping-clock.ts';
import { waitFor } from '../../src/testing/wait-for.ts';
import { FrameWriter } from '../../src/wire/frame.ts';

const feed = contract('feed', {
  methods: { numbers: { input: z.number(), yields: z.number() }, wait: { output: z.string() } },
});
const log = pino({ level: 'silent' });

interface Scene {
  readonly backend: FaultyBackend;
  readonly server: ActorNode;
  readonly caller: ActorNode;
  pulled: number;
  stopped: number;
  begun: number;
}

/** @param world where its nodes meet. */
async function scene(t: ExecutionContext, world: Backend = memory()): Promise<Scene> {
  t.timeout(30_000);
  const backend = faulty(world);
  const node = (name: string): Promise<ActorNode> =>
    createNode({ backend, name, log, signals: false, beat: { intervalMs: 50, ttlMs: 60_000 } });
  const [server, caller] = await Promise.all([node('server'), node('caller')]);
  const made: Scene = { backend, server, caller, pulled: 0, stopped: 0, begun: 0 };
  await server.serve(
    actor(feed, {
      async *numbers(count) {
        made.begun += 1;
        try {
          for (let n = 0; n < count; n += 1) {
            made.pulled += 1;
            yield n;
          }
        } finally {
          made.stopped += 1;
        }
      },
      wait: (_input, { signal }) =>
        new Promise((resolve) => {
          made.begun += 1;
          signal.addEventListener('abort', () => {
            made.stopped += 1;
            resolve('told');
          });
        }),
    }),
  );
  await until('the server to be known', () => caller.registry.instances('feed').length === 1);
  t.teardown(async () => {
    backend.wake();
    await Promise.all([server.close({ drainMs: 50 }), caller.close()]);
  });
  return made;
}

const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { withinMs: 10_000, what });

/** Reads all of it; `every` is called after so many items. */
async function whole(stream: AsyncIterable<number>, every: number, act: () => void): Promise<number> {
  let count = 0;
  for await (const n of stream) {
    if (n !== count) throw new Error(`${n} in place of ${count}`);
    count += 1;
    if (count % every === 0) act();
  }
  return count;
}

test.serial('whatever answers of appends to an inbox are lost, a stream is whole', async (t) => {
  const { backend, caller } = await scene(t);
  const count = await whole(caller.client(feed).numbers(20_000), 777, () => backend.dropNextReply('reply'));
  t.is(count, 20_000);
});

test.serial('connections that break under a stream do not break it', async (t) => {
  const { backend, caller } = await scene(t);
  const count = await whole(caller.client(feed).numbers(10_000), 1_500, () => backend.cut());
  t.is(count, 10_000);
});

test.serial('a backend that is away for a while holds a stream up, no more', async (t) => {
  const { backend, caller } = await scene(t);
  const count = await whole(caller.client(feed).numbers(10_000), 2_500, () => {
    backend.sleep();
    setTimeout(() => backend.wake(), 50);
  });
  t.is(count, 10_000);
});

test.serial('a delivery that comes again when its stream is over begins it for nobody, and is stopped', async (t) => {
  const made = await scene(t);
  made.backend.deliverTwice();
  t.is(await whole(made.caller.client(feed).numbers(10), 100, () => undefined), 10);
  await until('the second to end', () => made.begun === 2 && made.stopped === 2);
  await until('its end to come too late', () => made.caller.stats().lateReplies > 0);
  t.deepEqual([made.server.stats().inFlight, made.caller.stats().lateReplies], [0, 1]);
});

test.serial('a cancellation that is missed by a node that was deaf comes in time all the same', async (t) => {
  const { backend, caller, server } = await scene(t);
  const controller = new AbortController();
  const asked = caller.client(feed).wait(undefined, { signal: controller.signal });
  await until('the handler to run', () => server.stats().inFlight === 1);
  backend.sleep();
  controller.abort();
  await t.throwsAsync(asked, { code: 'ABORTED' });
  backend.wake();
  await until('the handler to be told', () => server.stats().inFlight === 0);
});

test.serial('credits and cancellations of strangers, and those that lie, change nothing', async (t) => {
  const made = await scene(t);
  const { backend, server, caller } = made;
  const stream = caller.client(feed).numbers(1e9);
  await stream.next();
  await until('the window to fill', () => made.pulled === WINDOW_ITEMS);
  const asked = caller.client(feed).wait();
  await until('the handler to run', () => made.begun === 2);
  const link = await strange(backend);
  t.teardown(() => link.close());
  const send = (from: string, write: (writer: FrameWriter) => void): Promise<unknown> => {
    const writer = new FrameWriter(1_000);
    writer.open(1_000);
    write(writer);
    return link.broker.reply(server.id, writer.finish(from, 1, null));
  };
  for (const correlation of [1, 2, 3, 2 ** 40]) {
    await send('stranger-1', (writer) => {
      writer.addCredit(correlation, 1_000);
      writer.addCancel(correlation);
    });
    await send(caller.id, (writer) => {
      writer.addCredit(correlation, WINDOW_ITEMS + 1);
      writer.addCredit(correlation, 2 ** 53 - 1);
    });
  }
  // It has read them all when it has read this, which is right.
  await send(caller.id, (writer) => writer.addCancel(2));
  t.is(await asked, 'told');
  t.deepEqual([made.pulled, made.stopped], [WINDOW_ITEMS, 1]);
  await stream.return();
  await until('the generator to stop', () => made.stopped === 2);
});

test.serial('a cast of a method that yields is no stream, nor is a call with an id: neither is begun', async (t) => {
  const made = await scene(t);
  const { backend, server } = made;
  const link = await strange(backend);
  t.teardown(() => link.close());
  const writer = new FrameWriter(1_000);
  writer.open(1_000);
  writer.addCast('numbers', 3, 0);
  writer.addCall('numbers', 3, 1, 0, { id: 'once' });
  await link.broker.append({ mailbox: feed.mailbox, number: 1, frame: writer.finish('hand-1', 1, 'hand-1'), count: 2 });
  await until('one to be dead, the other to be answered', async () => {
    const { dead, messages } = await server.depth(feed);
    return dead === 1 && messages === 0;
  });
  t.is(made.begun, 0);
});

test.serial('a stream stays whole when hundreds of others are answered while its reader takes its time', async (t) => {
  const made = await scene(t, farAway(memory()));
  const { backend, caller, server } = made;
  const stream = caller.client(feed).numbers(3_000);
  t.is((await stream.next()).value, 0);
  await until('the window to fill', () => made.pulled === WINDOW_ITEMS);
  // What is answered after all that has filled it says that it has left.
  t.is(await whole(caller.client(feed).numbers(1), 1, () => undefined), 1);
  const link = await strange(backend);
  t.teardown(() => link.close());
  for (let number = 1; number <= 300; number += 1) {
    const writer = new FrameWriter(1_000);
    writer.open(1_000);
    writer.addCall('unknown', 1, 1, 0);
    const frame = writer.finish(`hand-${number}`, number, `hand-${number}`);
    await link.broker.append({ mailbox: feed.mailbox, number, frame, count: 1 });
  }
  await until('all of them to be answered', async () => (await server.depth(feed)).messages === 1);
  let count = 1;
  for await (const n of stream) if (n === count) count += 1;
  t.is(count, 3_000);
});

/** A backend to whose answers it is a way: what is appended to an inbox is answered a turn later. */
function farAway(inner: Backend): Backend {
  const connect: Backend['connect'] = async (identity) => {
    const link = await inner.connect(identity);
    const reply = link.broker.reply.bind(link.broker);
    link.broker.reply = async (inbox, frame) => {
      const answer = await reply(inbox, frame);
      await new Promise((resolve) => setImmediate(resolve));
      return answer;
    };
    return link;
  };
  return { name: inner.name, connect };
}

/** A hold on the backend without a node. */
async function strange(backend: FaultyBackend): Promise<Link> {
  const beat = { intervalMs: 50, ttlMs: 60_000, stallMs: 1_000, evictMs: 30_000 };
  const link = await backend.connect({ name: 'hand', namespace: 'homeostat', beat, log });
  await link.membership.join(
    {
      report: () => ({ name: 'hand', pid: 1, host: 'nowhere', startedAt: 1, status: 'healthy', serves: {} }),
      vitals: () => ({ inFlight: 0, load: 0, loopDelayMs: 0, memoryMb: 0, actors: {}, serviceMs: {}, checks: {} }),
    },
    {
      evicted: () => undefined,
      inbox: () => undefined,
      news: () => undefined,
      alerts: () => undefined,
      beaten: () => undefined,
    },
  );
  return link;
}

test.serial('a generator that ignores its end gives its place back after a grace', async (t) => {
  t.timeout(30_000);
  const stuck = contract('stuck', { methods: { stay: { yields: z.number() } } });
  const node = await createNode({ backend: memory(), log, signals: false });
  t.teardown(() => node.close({ drainMs: 50 }));
  await node.serve(
    actor(stuck, {
      async *stay() {
        yield 1;
        await new Promise(() => undefined);
      },
    }),
  );
  for await (const _ of node.client(stuck).stay()) break;
  t.is(node.stats().inFlight, 1);
  await until('its place to be free', () => node.stats().inFlight === 0);
  await until('nothing to be left over', async () => (await node.depth(stuck)).messages === 0);
});

test.serial('what a handler opens after its place was given away is closed all the same', async (t) => {
  const clock = jumpingClock();
  const slow = contract('slow', { methods: { list: { yields: z.number() } } });
  const node = await createNode({ backend: withClock(memory(), clock), log, signals: false });
  t.teardown(() => node.close({ drainMs: 50 }));
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  let closed = 0;
  const cursor: AsyncIterator<number> = {
    next: () => Promise.resolve({ done: false, value: 1 }),
    return: () => {
      closed += 1;
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  const list = (): Promise<AsyncIterable<number>> => opened.then(() => ({ [Symbol.asyncIterator]: () => cursor }));
  await node.serve(actor(slow, { list }));
  await until('it to be known', () => node.registry.instances('slow').length === 1);
  const stream = node.client(slow).list();
  const first = stream.next();
  await until('the handler to run', () => node.stats().inFlight === 1);
  await stream.return();
  t.deepEqual(await first, { done: true, value: undefined });
  await until('its place to be free', async () => {
    await clock.jump(2_000);
    return node.stats().inFlight === 0;
  });
  open();
  await until('the cursor to be closed', () => closed === 1);
  t.is(node.stats().pendingCalls, 0);
});

test.serial('a stream that does not begin counts for the breaker, one that breaks off later does not', async (t) => {
  t.timeout(30_000);
  const shaky = contract('shaky', { methods: { list: { input: z.boolean(), yields: z.number() } } });
  const node = await createNode({ backend: memory(), log, signals: false });
  t.teardown(() => node.close({ drainMs: 50 }));
  await node.serve(
    actor(shaky, {
      async *list(begins) {
        if (begins) yield 1;
        throw new Error('torn');
      },
    }),
  );
  const codes = async (begins: boolean): Promise<string[]> => {
    const seen: string[] = [];
    for (let time = 0; time < 6; time += 1) {
      try {
        for await (const n of node.client(shaky, { retry: false }).list(begins)) seen.push(String(n));
      } catch (thrown) {
        seen.push((thrown as HomeostatError).code);
      }
    }
    return seen;
  };
  t.deepEqual(new Set(await codes(true)), new Set(['1', 'HANDLER']));
  t.deepEqual(await codes(false), ['HANDLER', 'HANDLER', 'HANDLER', 'HANDLER', 'HANDLER', 'CIRCUIT_OPEN']);
});
