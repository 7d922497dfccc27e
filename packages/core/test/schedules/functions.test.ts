/** Functions by the clock on one node: how they end, and what they leave behind. */
import test from 'ava';
import { pino } from 'pino';
import { contract, createNode, memory, type ActorNode } from '../../src/index.ts';
import type { Timers } from '../../src/ground/clock.ts';
import { LocalTicks } from '../../src/schedules/local-ticks.ts';
import { altered } from '../../src/testing/altered.ts';
import { virtualClock, waitFor } from '../../src/testing/index.ts';

const log = pino({ level: 'silent' });
const SECOND = 1_000;
const HOUR = 3_600_000;
const never = new Promise<void>(() => undefined);

async function nodeBy(clock: ReturnType<typeof virtualClock>): Promise<ActorNode> {
  return createNode({ backend: memory({ clock }), name: 'node', signals: false, log, drainMs: 5 * SECOND });
}

test('on a node that is closed nothing begins to run by the clock', async (t) => {
  const clock = virtualClock();
  const node = await nodeBy(clock);
  await node.close();
  for (const options of [{}, { singleton: true, name: 'late' }])
    t.like(await t.throwsAsync(node.every(SECOND, () => undefined, options)), { code: 'NODE_CLOSED' });
  t.is(clock.pending, 0);
});

test('a run that does not stop when it is given up holds no timer', async (t) => {
  const clock = virtualClock();
  let signal: AbortSignal | undefined;
  const ticks = new LocalTicks({
    ...{ when: { every: SECOND }, startAt: undefined, maxRunMs: HOUR, timers: clock, log },
    run: (tick) => {
      signal = tick.signal;
      return never;
    },
  });
  await clock.advance(SECOND);
  t.false(signal?.aborted);
  void ticks.close();
  ticks.giveUp();
  t.true(signal?.aborted);
  t.is(clock.pending, 0);
});

test('a run may end its own ticking; one that is not over within the drain of the node is told to stop', async (t) => {
  const clock = virtualClock();
  const node = await nodeBy(clock);
  t.teardown(() => node.close({ drainMs: 0 }));
  const ends: string[] = [];
  const ticking = await node.every(SECOND, async ({ signal }) => {
    await ticking.close();
    ends.push(`aborted: ${signal.aborted}`);
  });
  await clock.advance(2 * SECOND);
  t.deepEqual(ends, [], 'it waits for what runs');
  await clock.advance(5 * SECOND);
  await waitFor(() => ends.length > 0, { withinMs: 5_000, what: 'it to be told' });
  await clock.advance(5 * SECOND);
  t.deepEqual(ends, ['aborted: true']);
});

test('a clock that is set back does not stop what runs every so often on this node', async (t) => {
  const virtual = virtualClock();
  let back = 0;
  const clock = { now: () => virtual.now() - back, elapsed: () => virtual.elapsed() };
  const timers: Timers = { clock, setTimer: (ms, fire) => virtual.setTimer(ms, fire) };
  const ran: number[] = [];
  const begun = clock.now();
  const needs = { startAt: undefined, maxRunMs: HOUR, timers, log };
  const ticks = new LocalTicks({ ...needs, when: { every: SECOND }, run: ({ at }) => ran.push(at) });
  const later = new LocalTicks({ ...needs, when: { every: SECOND }, startAt: begun + HOUR, run: () => t.fail() });
  await virtual.advance(2 * SECOND);
  t.is(ran.length, 2);
  back = 12 * HOUR;
  await virtual.advance(3 * SECOND);
  t.is(ran.length, 5);
  t.true(ran.every((at) => (at - begun) % SECOND === 0));
  await Promise.all([ticks.close(), later.close()]);
});

test('a schedule may be put off by up to a year', async (t) => {
  const clock = virtualClock();
  const node = await nodeBy(clock);
  t.teardown(() => node.close());
  const reports = contract('reports', { methods: { make: {} } });
  const delayMs = 40 * 24 * HOUR;
  const put = await node.schedules.put('far', { delayMs, contract: reports, method: 'make' });
  t.is(put.nextAt, clock.now() + delayMs);
  t.like(
    await t.throwsAsync(node.schedules.put('x', { delayMs: 400 * 24 * HOUR, contract: reports, method: 'make' })),
    {
      code: 'CONFIG',
    },
  );
});

test('of a schedule that is cancelled while a tick is written down nothing is left', async (t) => {
  const world = memory();
  const ticked = { id: 'other', at: 1, runs: 1, skipped: 0 };
  let left = (): Promise<unknown> => Promise.resolve();
  const backend = altered(world, ({ records }) => {
    left = () => records.all('schedule-progress');
    return {
      records: {
        all: (family) => records.all(family),
        history: (family, limit) => records.history(family, limit),
        change: async (change) => {
          const { family, name, body } = change;
          // Another node writes down a tick just before.
          if (family === 'schedule-progress' && body === undefined)
            await records.change({ family, name, body: ticked, by: 'other' });
          return records.change(change);
        },
      },
    };
  });
  const node = await createNode({ backend, name: 'node', signals: false, log });
  t.teardown(() => node.close());
  const reports = contract('reports', { methods: { make: {} } });
  await node.schedules.put('x', { every: 100, contract: reports, method: 'make' });
  await waitFor(async () => (await node.schedules.get('x'))?.runs === 1, { withinMs: 10_000, what: 'a tick' });
  t.true(await node.schedules.cancel('x'));
  t.deepEqual(await left(), []);
});
