import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { lineFinder } from '../../contract/lines.ts';
import type { HomeostatError } from '../../ground/errors.ts';
import { WINDOW_ITEMS } from '../../streaming/window.ts';
import { gate, numbers, rejection, until, type Promised } from './stage.ts';

const Row = z.object({ n: z.number(), text: z.string().default('row') });

const report = contract('report', {
  methods: {
    rows: {
      input: z.object({ count: z.number().max(1e9) }),
      yields: Row,
      errors: { DRY: z.object({ at: z.number() }) },
    },
    flaky: { input: z.string(), yields: z.string(), kind: 'query', retry: { attempts: 3, delayMs: 1 } },
    blobs: { yields: z.custom<Uint8Array>((value) => value instanceof Uint8Array) },
  },
});

/** Rows without an end that matters; what its generators did is written down. */
function printing(): {
  printed: Actor<typeof report.methods>;
  pulled: () => number;
  ended: () => number;
  aborted: () => number;
} {
  let pulled = 0;
  let ended = 0;
  let aborted = 0;
  const printed = actor(report, {
    async *rows({ count }, ctx) {
      ctx.signal.addEventListener('abort', () => (aborted += 1));
      try {
        for (let n = 0; n < count; n += 1) {
          pulled += 1;
          yield { n };
        }
      } finally {
        ended += 1;
      }
    },
    async *flaky(text) {
      yield text;
    },
    async *blobs() {
      try {
        for (let n = 0; n < 100; n += 1) {
          pulled += 1;
          yield Buffer.alloc(100_000, n);
        }
      } finally {
        ended += 1;
      }
    },
  });
  return { printed, pulled: () => pulled, ended: () => ended, aborted: () => aborted };
}

/** Everything until the end, and what it ended with. */
async function read<Item>(stream: AsyncIterable<Item>): Promise<{ items: Item[]; error?: HomeostatError }> {
  const items: Item[] = [];
  try {
    for await (const item of stream) items.push(item);
  } catch (thrown) {
    return { items, error: thrown as HomeostatError };
  }
  return { items };
}

export function streaming(promised: Promised): void {
  promised('a stream of 10,000 items arrives whole and in order, each parsed in the node (S3-35)', async (t, stage) => {
    const { printed, pulled, ended } = printing();
    const server = await stage.serving(printed);
    const node = await stage.node('caller');
    const { items, error } = await read(node.client(report).rows({ count: 10_000 }));
    t.is(error, undefined);
    t.deepEqual(
      items,
      numbers(10_000).map((n) => ({ n, text: 'row' })),
    );
    t.deepEqual([pulled(), ended()], [10_000, 1]);
    t.is(node.stats().pendingCalls, 0);
    await until('the call to be settled', async () => (await node.depth(report)).messages === 0);
    t.deepEqual([server.stats().processed, server.stats().inFlight], [1, 0]);
  });

  promised('streams without items end, and many at once do not mix', async (t, stage) => {
    await stage.serving(printing().printed);
    const api = (await stage.node('caller')).client(report);
    t.deepEqual(await read(api.rows({ count: 0 })), { items: [] });
    const counts = numbers(40).map((n) => n * 30);
    const all = await Promise.all(counts.map((count) => read(api.rows({ count }))));
    t.deepEqual(
      all.map(({ items }) => items.map(({ n }) => n)),
      counts.map((count) => numbers(count)),
    );
  });

  promised('leaving the loop stops the generator and aborts its signal within 200 ms (S3-35)', async (t, stage) => {
    const { printed, ended, aborted } = printing();
    const server = await stage.serving(printed);
    const node = await stage.node('caller');
    const times: number[] = [];
    for (const time of numbers(5)) {
      let taken = 0;
      for await (const { n } of node.client(report).rows({ count: 1e9 })) {
        t.is(n, taken);
        taken += 1;
        if (taken === 1_500) break;
      }
      const startedAt = performance.now();
      await until('the generator to stop', () => ended() === time + 1 && aborted() === time + 1);
      times.push(performance.now() - startedAt);
    }
    t.true(Math.min(...times) < 200, `${times.join(', ')} ms`);
    await until('nothing to be left over', async () => (await node.depth(report)).messages === 0);
    t.deepEqual([server.stats().inFlight, node.stats().pendingCalls], [0, 0]);
  });

  promised('a signal, and a reader that leaves while it waits, stop the generator too', async (t, stage) => {
    const { opened, open } = gate();
    let ended = 0;
    const stuck = actor(contract('stuck', { methods: { wait: { input: z.boolean(), yields: z.number() } } }), {
      async *wait(atOnce, { signal }) {
        try {
          if (atOnce) yield 1;
          await Promise.race([opened, new Promise((resolve) => signal.addEventListener('abort', resolve))]);
          yield 2;
        } finally {
          ended += 1;
        }
      },
    });
    await stage.serving(stuck);
    const node = await stage.node('caller');
    const api = node.client(stuck.contract);

    const controller = new AbortController();
    const stream = api.wait(true, { signal: controller.signal });
    t.deepEqual(await stream.next(), { done: false, value: 1 });
    const waiting = rejection(stream.next());
    controller.abort(new Error('enough'));
    const error = await waiting;
    t.deepEqual([error.code, error.outcome, (error.cause as Error).message], ['ABORTED', 'unknown', 'enough']);
    t.deepEqual(await stream.next(), { done: true, value: undefined });
    await until('the first generator to stop', () => ended === 1);

    const left = api.wait(true);
    await left.next();
    const pending = left.next();
    await left.return();
    t.deepEqual(await pending, { done: true, value: undefined });
    await until('the second generator to stop', () => ended === 2);

    const unbegun = api.wait(false);
    const first = unbegun.next();
    await until('the generator to begin', async () => (await node.depth(stuck.contract)).pending === 1);
    await unbegun.return();
    t.deepEqual(await first, { done: true, value: undefined });
    await until('the third generator to stop', () => ended === 3);

    const never = api.wait(true, { signal: AbortSignal.abort() });
    t.is((await rejection(never.next())).outcome, 'not-executed');
    t.is(node.stats().pendingCalls, 0);
    open();
  });

  promised(
    'a slow reader holds the generator back; nothing grows meanwhile, and it gets everything',
    async (t, stage) => {
      const { printed, pulled } = printing();
      await stage.serving(printed);
      const api = (await stage.node('caller')).client(report);
      const slow = api.rows({ count: 5_000 });
      await slow.next();
      await until('the window to fill', () => pulled() === WINDOW_ITEMS);
      // A quick one passes it by meanwhile.
      t.is((await read(api.rows({ count: 3_000 }))).items.length, 3_000);
      t.is(pulled(), WINDOW_ITEMS + 3_000);
      t.is((await read(slow)).items.length, 4_999);
      t.is(pulled(), 8_000);
    },
  );

  promised('of large items fewer are under way: bytes bound a stream too', async (t, stage) => {
    const { printed, pulled, ended } = printing();
    await stage.serving(printed);
    const slow = (await stage.node('caller')).client(report).blobs();
    await slow.next();
    await until('the window to fill', () => pulled() === 11);
    const { items } = await read(slow);
    t.deepEqual(
      items.map((blob) => [blob.length, blob[0]]),
      numbers(99).map((n) => [100_000, n + 1]),
    );
    t.is(ended(), 1);
  });

  promised(
    'an error in the middle arrives after the items before it; a handler is let go at its own',
    async (t, stage) => {
      let ended = 0;
      const failing = actor(report, {
        async *rows({ count }, ctx) {
          try {
            yield { n: 1 };
            yield { n: 2 };
            if (count === 0) throw ctx.fail('DRY', { at: 2 });
            if (count === 1) throw new Error('torn');
            yield { n: count === 2 ? 'three' : 3 } as { n: number };
            yield { n: 4, text: (() => '') as unknown as string };
          } finally {
            ended += 1;
          }
        },
        flaky: () => 'no stream' as unknown as AsyncIterable<string>,
        async *blobs() {
          yield (() => 1) as unknown as Uint8Array;
        },
      });
      await stage.serving(failing);
      const api = (await stage.node('caller')).client(report);
      const ends: unknown[] = [];
      for (const count of [0, 1, 2]) {
        const { items, error } = await read(api.rows({ count }));
        ends.push([items.map(({ n }) => n), error?.code, error?.outcome, error?.details]);
      }
      const issues = [{ path: ['n'], message: 'Invalid input: expected number, received string' }];
      t.deepEqual(ends, [
        [[1, 2], 'DRY', 'failed', { at: 2 }],
        [[1, 2], 'HANDLER', 'failed', undefined],
        [[1, 2], 'OUTPUT_INVALID', 'failed', { side: 'output', issues }],
      ]);
      t.is(ended, 3);
      const wrong = await read(api.flaky('x'));
      t.true(wrong.error?.message.includes('must be an async generator'));
      t.is((await read(api.blobs())).error?.code, 'OUTPUT_INVALID');
      t.is((await rejection(api.rows({ count: 2e9 }).next())).code, 'VALIDATION');
    },
  );

  promised('what fails before its first item is tried again; what has begun is not', async (t, stage) => {
    const tries: string[] = [];
    const shaky = actor(report, {
      ...printing().printed.handlers,
      async *flaky(text) {
        tries.push(text);
        if (text === 'late') yield 'first';
        if (tries.length < 3) throw new Error('not yet');
        yield text;
      },
    });
    await stage.serving(shaky);
    const api = (await stage.node('caller')).client(report);
    t.deepEqual(await read(api.flaky('soon')), { items: ['soon'] });
    t.deepEqual(tries, ['soon', 'soon', 'soon']);
    tries.length = 0;
    const late = await read(api.flaky('late'));
    t.deepEqual([late.items, late.error?.code, tries], [['first'], 'HANDLER', ['late']]);
  });

  promised('timeoutMs is the longest wait for the next item, deadline the end of all', async (t, stage) => {
    const { opened, open } = gate();
    const deadlines: number[] = [];
    const clock = contract('ticks', { methods: { tick: { input: z.number(), yields: z.number() } } });
    await stage.serving(
      actor(clock, {
        async *tick(count, ctx) {
          deadlines.push(ctx.deadline);
          for (let n = 0; n < count; n += 1) yield n;
          await opened;
        },
      }),
    );
    const node = await stage.node('caller');
    const api = node.client(clock);
    t.is((await rejection(api.tick(0, { timeoutMs: 100 }).next())).code, 'CALL_TIMEOUT');
    // A reader that takes its time is not late.
    const slow = api.tick(2, { timeoutMs: 150 });
    await slow.next();
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.deepEqual(await slow.next(), { done: false, value: 1 });
    t.is((await rejection(slow.next())).code, 'CALL_TIMEOUT');
    t.deepEqual(deadlines, [0, 0]);
    const deadline = Math.round(node.now()) + 300;
    const bounded = await read(api.tick(3, { deadline }));
    t.deepEqual([bounded.items, bounded.error?.code, deadlines.at(-1)], [[0, 1, 2], 'CALL_TIMEOUT', deadline]);
    t.true(node.now() >= deadline);
    open();
    await until('their places to be free', () => node.stats().pendingCalls === 0);
  });

  promised('a handler passes another stream on; leaving the outer one stops both', async (t, stage) => {
    const { printed, ended } = printing();
    const relay = contract('relay', { methods: { odd: { input: z.number(), yields: z.number() } } });
    let relayed = 0;
    const relaying = actor(relay, {
      async *odd(count, ctx) {
        try {
          for await (const { n } of ctx.client(report).rows({ count })) if (n % 2 === 1) yield n;
        } finally {
          relayed += 1;
        }
      },
    });
    await stage.serving(printed, 'reports');
    await stage.serving(relaying, 'relays');
    const api = (await stage.node('caller')).client(relay);
    t.deepEqual(
      (await read(api.odd(3_000))).items,
      numbers(1_500).map((n) => 2 * n + 1),
    );
    for await (const n of api.odd(1e9)) if (n > 100) break;
    await until('both generators to stop', () => relayed === 2 && ended() === 2);
  });

  promised('a closing node ends its streams when its time is up; they are not begun elsewhere', async (t, stage) => {
    const { printed, pulled } = printing();
    const server = await stage.serving(printed);
    const other = printing();
    const node = await stage.node('caller');
    const stream = node.client(report).rows({ count: 1e9 });
    await stream.next();
    await until('the window to fill', () => pulled() === WINDOW_ITEMS);
    await stage.serving(other.printed, 'other');
    await server.close({ drainMs: 20 });
    const { items, error } = await read(stream);
    t.deepEqual([items.length, error?.code, error?.outcome], [WINDOW_ITEMS - 1, 'STREAM_BROKEN', 'unknown']);
    await until('nothing to be left over', async () => (await node.depth(report)).messages === 0);
    t.is(other.pulled(), 0);
  });

  promised('a closing reader stops what it reads', async (t, stage) => {
    const { printed, pulled, ended } = printing();
    const server = await stage.serving(printed);
    const node = await stage.node('caller');
    const stream = node.client(report).rows({ count: 1e9 });
    await stream.next();
    await until('the window to fill', () => pulled() === WINDOW_ITEMS);
    await node.close();
    await until('the generator to stop', () => ended() === 1 && server.stats().inFlight === 0);
    const { error } = await read(stream);
    t.is(error?.code, 'NODE_CLOSED');
  });

  promised(
    'in its own process a stream takes the same road; middleware stands around its beginning',
    async (t, stage) => {
      const seen: string[] = [];
      const node = await stage.node('alone', {
        services: { report: { delivery: 'local' } },
        middleware: {
          client: async ({ method }, next) => {
            const answer = await next();
            seen.push(`client ${method}`);
            return answer;
          },
          server: async ({ method }, next) => {
            const rows = (await next()) as AsyncIterable<{ n: number }>;
            seen.push(`server ${method}`);
            return (async function* () {
              for await (const { n } of rows) yield { n, text: 'seen' };
            })();
          },
        },
      });
      const { printed, ended } = printing();
      t.is((await rejection(node.client(report).rows({ count: 1 }).next())).code, 'NO_HEALTHY_INSTANCES');
      await node.serve(printed);
      const { items } = await read(node.client(report).rows({ count: 3 }));
      t.deepEqual(
        items,
        numbers(3).map((n) => ({ n, text: 'seen' })),
      );
      for await (const _ of node.client(report).rows({ count: 1e9 })) break;
      await until('the generator to stop', () => ended() === 2);
      t.deepEqual(new Set(seen), new Set(['server rows', 'client rows']));
    },
  );

  promised('a stream turns to the old version of its contract when nobody serves the new one', async (t, stage) => {
    const next = contract('report', { version: '2.0.0', methods: report.methods });
    const { printed, ended } = printing();
    const node = await stage.serving(printed);
    await until('the old one to be known', () => node.registry.instances('report').length === 1);
    const api = node.client(next, { fallback: report, retry: false });
    t.deepEqual(
      (await read(api.rows({ count: 3 }))).items.map(({ n }) => n),
      [0, 1, 2],
    );
    for await (const { n } of api.rows({ count: 1e9 })) if (n > 10) break;
    await until('both generators to end', () => ended() === 2);
    t.is(
      (await rejection(node.client(next, { failFast: true }).rows({ count: 3 }).next())).code,
      'NO_HEALTHY_INSTANCES',
    );
  });

  promised('a stream is asked for in the line of its priority and its party', async (t, stage) => {
    const { printed } = printing();
    const lined = contract('lined', { priorities: true, fair: 'key', methods: report.methods });
    const lineOf = lineFinder(lined)!;
    const node = await stage.node('caller');
    const { broker } = await stage.link();
    const api = node.client(lined);
    const facts = [{}, { priority: 'high' }, { key: 'ann' }, { priority: 'low', key: 'bob' }] as const;
    const asked = facts.map((options) => read(api.rows({ count: 2 }, options)));
    for (const each of facts)
      await until('it to stand there', async () => (await broker.depth(lineOf(each))).messages === 1);
    await node.serve(actor(lined, printed.handlers));
    for (const { items } of await Promise.all(asked)) t.is(items.length, 2);
    const wrong = await rejection(node.client(report).rows({ count: 1 }, { priority: 'high' }).next());
    t.is(wrong.code, 'CONFIG');
  });

  promised('middleware that keeps the stream for itself is told so, and the generator stops', async (t, stage) => {
    const { printed, ended } = printing();
    await stage.serving(printed);
    const forgetful = async (_request: unknown, next: () => Promise<unknown>): Promise<void> => void (await next());
    const node = await stage.node('caller', { middleware: { client: forgetful } });
    const error = await rejection(node.client(report).rows({ count: 1e9 }).next());
    t.deepEqual([error.code, error.outcome], ['CONFIG', 'unknown']);
    t.true(error.message.includes('middleware must return what next() answered'));
    await until('the generator to stop', () => ended() === 1);
    t.is(node.stats().pendingCalls, 0);
  });
}
