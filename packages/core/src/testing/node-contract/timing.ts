import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { CallTimeout } from '../../ground/errors.ts';
import { sleep } from '../../ground/loop.ts';
import { gate, rejection, until, type Promised } from './stage.ts';

const clockwork = contract('clockwork', {
  methods: { wait: { input: z.number(), output: z.string() }, note: { input: z.any() } },
});

const first = contract('first', { methods: { ask: { output: z.array(z.number()) } } });
const second = contract('second', { methods: { ask: { output: z.array(z.number()) } } });
const third = contract('third', { methods: { ask: { output: z.array(z.number()) } } });

const LONG = { timeoutMs: 60_000 };

export function timing(promised: Promised): void {
  promised('a call times out near its time, and nothing of it stays behind (S0-24)', async (t, stage) => {
    await stage.serving(actor(clockwork, { wait: (ms) => sleep(ms).then(() => 'done'), note: () => undefined }));
    const node = await stage.node('caller');
    const startedAt = performance.now();
    const error = await rejection(node.client(clockwork).wait(1_500, { timeoutMs: 250 }));
    const waited = performance.now() - startedAt;
    t.true(error instanceof CallTimeout);
    t.is(error.code, 'CALL_TIMEOUT');
    t.is(error.outcome, 'unknown');
    t.is(error.retryable, true);
    t.true(waited >= 248 && waited < 1_250, `it took ${waited} ms`);
    t.is(node.stats().pendingCalls, 0);
  });

  promised('an answer that comes too late is counted and hurts nobody', async (t, stage) => {
    const { opened, open } = gate();
    await stage.serving(actor(clockwork, { wait: () => opened.then(() => 'late'), note: () => undefined }));
    const node = await stage.node('caller');
    t.is((await rejection(node.client(clockwork).wait(0, { timeoutMs: 200 }))).code, 'CALL_TIMEOUT');
    t.is(node.stats().lateReplies, 0);
    open();
    await until('the late answer', () => node.stats().lateReplies === 1);
    t.is(await node.client(clockwork).wait(0), 'late');
    t.is(node.stats().pendingCalls, 0);
  });

  promised('a deadline is inherited by nested calls, through three actors', async (t, stage) => {
    const thirdActor = actor(third, { ask: (_input, ctx) => [ctx.deadline] });
    const secondActor = actor(second, {
      ask: async (_input, ctx) => [ctx.deadline, ...(await ctx.client(third, LONG).ask())],
    });
    const firstActor = actor(first, {
      ask: async (_input, ctx) => [ctx.deadline, ...(await ctx.client(second, LONG).ask())],
    });
    await stage.serving(thirdActor, 'third');
    await stage.serving(secondActor, 'second');
    await stage.serving(firstActor, 'first');
    const node = await stage.node('caller');
    const deadline = Math.round(node.now()) + 8_000;
    t.deepEqual(await node.client(first).ask(undefined, { deadline }), [deadline, deadline, deadline]);
  });

  promised('a nested call ends at the deadline it inherited', async (t, stage) => {
    const nested: string[] = [];
    const firstActor = actor(first, {
      ask: async (_input, ctx) => {
        nested.push((await rejection(ctx.client(second, LONG).ask())).code);
        nested.push((await rejection(ctx.client(second, LONG).ask())).code);
        return [];
      },
    });
    await stage.serving(firstActor);
    const node = await stage.node('caller');
    const startedAt = performance.now();
    // Its answer may just make it: both wait for the same moment.
    await node.client(first).ask.try(undefined, { timeoutMs: 500 });
    await until('the nested calls to end', () => nested.length === 2);
    t.deepEqual(nested, ['CALL_TIMEOUT', 'CALL_TIMEOUT']);
    t.true(performance.now() - startedAt < 10_000, 'they did not wait for their own timeout');
  });

  promised('a call whose deadline passes while it waits is not run (S0-24)', async (t, stage) => {
    const { opened, open } = gate();
    const ran: number[] = [];
    const server = await stage.serving(
      actor(
        clockwork,
        { wait: (n) => (ran.push(n), opened.then(() => `${n}`)), note: () => undefined },
        { concurrency: 1 },
      ),
    );
    const api = (await stage.node('caller')).client(clockwork, LONG);
    const running = api.wait(1);
    await until('the first to run', () => ran.length === 1);
    const expired = await rejection(api.wait(2, { timeoutMs: 150 }));
    t.is(expired.code, 'CALL_TIMEOUT');
    open();
    t.is(await running, '1');
    t.is(await api.wait(3), '3');
    t.deepEqual(ran, [1, 3]);
    t.is(server.stats().expired, 1);
  });

  promised('a cast with a deadline that passes becomes a dead letter', async (t, stage) => {
    const seen: unknown[] = [];
    const node = await stage.node('caller');
    const api = node.client(clockwork);
    const deadline = node.now() + 150;
    await api.note.cast('soon', { deadline });
    await api.note.cast('whenever', { timeoutMs: 5_000 });
    await until('the deadline to pass', () => node.now() > deadline);
    await stage.serving(actor(clockwork, { wait: () => '', note: (value) => void seen.push(value) }));
    await until('the dead letter', async () => (await node.deadLetters(clockwork).list()).length === 1);
    const [letter] = await node.deadLetters(clockwork).list();
    t.is(letter?.reason, 'EXPIRED');
    t.is(letter?.input, 'soon');
    await until('the other to be handled', () => seen.length === 1);
    t.deepEqual(seen, ['whenever'], 'a timeout bounds the wait for acceptance, not the message');
  });

  promised('a delayed cast comes no sooner than it should, and does not hold up others', async (t, stage) => {
    const seen = new Map<unknown, number>();
    const node = await stage.serving(
      actor(clockwork, { wait: () => '', note: (value) => void seen.set(value, node.now()) }),
    );
    const api = node.client(clockwork);
    const sentAt = node.now();
    await api.note.cast('delayed', { delayMs: 400 });
    await api.note.cast('at a moment', { at: sentAt + 300 });
    await api.note.cast('at a date', { at: new Date(sentAt + 350) });
    await api.note.cast('in the past', { at: sentAt - 10_000 });
    await api.note.cast('now', { delayMs: 0 });
    await until('all of them', () => seen.size === 5);
    for (const [value, earliest] of [
      ['delayed', 400],
      ['at a moment', 300],
      ['at a date', 350],
    ] as const) {
      const after = (seen.get(value) ?? 0) - sentAt;
      t.true(after >= earliest - 1, `${value} came after ${after} ms`);
    }
    t.true((seen.get('now') ?? Infinity) < (seen.get('delayed') ?? 0));
    t.true((seen.get('in the past') ?? Infinity) < (seen.get('delayed') ?? 0));
  });

  promised('the signal of a handler aborts at the deadline of its call', async (t, stage) => {
    const reasons: unknown[] = [];
    const waiting = actor(clockwork, {
      wait: (_ms, ctx) =>
        new Promise((_resolve, reject) => {
          ctx.signal.addEventListener('abort', () => {
            reasons.push((ctx.signal.reason as { code: string }).code);
            reject(ctx.signal.reason as Error);
          });
        }),
      note: () => undefined,
    });
    const server = await stage.serving(waiting);
    const node = await stage.node('caller');
    const { code } = await rejection(node.client(clockwork).wait(0, { timeoutMs: 500 }));
    // Handler and caller stop at the same moment; the answer of the one may just reach the other.
    t.true(code === 'CALL_TIMEOUT' || code === 'HANDLER_TIMEOUT', code);
    await until('the signal to abort', () => reasons.length === 1);
    t.deepEqual(reasons, ['HANDLER_TIMEOUT']);
    await until('nothing to run any more', () => server.stats().inFlight === 0);
  });

  promised('the handler of a cast is told to stop after maxRunMs', async (t, stage) => {
    const stopped: number[] = [];
    const slow = actor(
      clockwork,
      {
        wait: () => '',
        note: async (_input, ctx) => {
          await sleep(20_000, ctx.signal);
          if (ctx.signal.aborted) stopped.push(ctx.attempt);
          ctx.signal.throwIfAborted();
        },
      },
      { maxRunMs: 150, redelivery: { deliveries: 2, delayMs: 10 } },
    );
    const node = await stage.serving(slow);
    await node.client(clockwork).note.cast('long');
    await until('the dead letter', async () => (await node.deadLetters(clockwork).list()).length === 1);
    const [letter] = await node.deadLetters(clockwork).list();
    t.is(letter?.reason, 'HANDLER_TIMEOUT');
    t.deepEqual(stopped, [1, 2]);
  });
}
