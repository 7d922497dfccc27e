/** Limits at one dispatcher: what waits in hand, what comes back, and how often. */
import { pino } from 'pino';
import test from 'ava';
import { actor, type Context } from '../../src/contract/actor.ts';
import { LimitBook } from '../../src/backends/memory/limit-book.ts';
import { systemClock, systemTimers } from '../../src/ground/clock.ts';
import { sleep } from '../../src/ground/loop.ts';
import type { LimitsPolicy } from '../../src/limits/settings.ts';
import type { Settlement } from '../../src/ports/broker.ts';
import { LimitsGate } from '../../src/serving/gates/limits.ts';
import { Bench, claim, closeBenches, waiting, work } from '../dispatcher-bench.ts';

test.after.always('no timer is left', closeBenches);

type Retry = Extract<Settlement, { kind: 'retry' }>;

function gateOf(limits: Partial<Record<string, LimitsPolicy>>, methods: readonly string[], places: number): LimitsGate {
  const book = new LimitBook(systemClock);
  return new LimitsGate({
    service: 'work',
    methods,
    limits: {
      draw: async (service, draws) => book.draw(service, draws),
      share: async (service, claims) => book.share(service, claims, 'me', () => true),
    },
    timers: systemTimers,
    log: pino({ level: 'silent' }),
    policy: (method) => limits[method] ?? false,
    nodes: () => 1,
    places: () => places,
    serviceMs: () => 1,
  });
}

test('of a flood each message comes back at most once, at a moment of its own, and passes then', async (t) => {
  const seen: string[] = [];
  const gate = gateOf({ run: { rate: { perSecond: 50, burst: 1 } } }, ['run', 'ask'], 8);
  const served = actor(work, { run: (text) => void seen.push(text), ask: (text) => text }, { concurrency: 8 });
  const bench = new Bench(served, { gates: [gate], frames: () => gate.frames() });
  t.true(bench.dispatcher.hints().includes('run:2'), 'frames hold what 50 ms bring');
  for (let n = 0; n < 100; n += 1) bench.dispatcher.take([claim('run', [`${n}a`, `${n}b`])]);
  bench.dispatcher.take([claim('ask', ['x'], { calls: true })]);
  await bench.until('what has no limit', () => bench.answers.length === 1);
  await bench.until('the others to come back', () => retries(bench).length >= 97);
  const sent = retries(bench);
  const moved = sent.reduce((sum, { moved }) => sum + moved.replaceAll('0', '').length, 0);
  t.true(moved + seen.length <= 200 && moved >= 180, `${moved} came back, ${seen.length} ran`);
  t.true(sent.length <= 105, 'those of one frame come back together');
  t.true(
    sent.every(({ deliveries }) => deliveries === 0),
    'uncharged',
  );
  const moments = sent.map(({ at }) => at).sort((a, b) => a - b);
  t.true(moments.at(-1)! - moments[0]! > 3_000, 'each at its own moment');
  const before = seen.length;
  const [back] = sent;
  bench.dispatcher.take([{ ...back!.claim, id: 'back-1', todo: back!.moved, history: back!.history }]);
  t.is(seen.length - before, back!.moved.replaceAll('0', '').length, 'it passes at once');
  bench.dispatcher.take([{ ...back!.claim, id: 'back-2', todo: back!.moved, history: '[{"code":"RATE_LIMITED"' }]);
  t.is(seen.length - before, back!.moved.replaceAll('0', '').length, 'a history that cannot be read pays nothing');
  await bench.dispatcher.stop();
});

function retries({ settled }: Bench): Retry[] {
  return settled.filter((one): one is Retry => one.kind === 'retry');
}

test('where there is nothing else to do, what waits stays in hand and the rest in the mailbox', async (t) => {
  const gate = gateOf({ run: { rate: { perSecond: 0.1, burst: 2 } } }, ['run'], 4);
  const { served, seen, go } = waiting({ concurrency: 4 });
  const bench = new Bench(served, { gates: [gate], methods: new Set(['run']) });
  bench.dispatcher.take([claim('run', ['a', 'b', 'c', 'd', 'e', 'f'])]);
  await bench.until('what is allowed', () => seen.length === 2);
  t.is(bench.dispatcher.room(), 0);
  t.deepEqual(retries(bench), []);
  go('a');
  go('b');
  bench.dispatcher.pause('for a test');
  await bench.until('the others to come back', () => retries(bench).length > 0);
  await bench.until('the end', () => bench.dispatcher.inFlight === 0);
  t.deepEqual(seen, ['a', 'b']);
});

test('the time that a handler has begins when its turn has come', async (t) => {
  const gate = gateOf({ run: { rate: { perSecond: 2, burst: 1 } } }, ['run'], 4);
  const aborted: boolean[] = [];
  const run = async (_text: string, { signal }: Context): Promise<void> => {
    await sleep(50);
    aborted.push(signal.aborted);
  };
  const served = actor(work, { run, ask: (text) => text }, { concurrency: 4, maxRunMs: 300 });
  const bench = new Bench(served, { gates: [gate], methods: new Set(['run']) });
  bench.dispatcher.take([claim('run', ['a', 'b'])]);
  await bench.until('both', () => aborted.length === 2);
  t.deepEqual(aborted, [false, false], 'the second had waited for longer than it may run');
  t.true(bench.dispatcher.serviceMs! < 300, 'a wait is no work');
  await bench.dispatcher.stop();
});

test('a place is given back however its delivery ends, also when the node is evicted', async (t) => {
  const gate = gateOf({ run: { concurrency: { max: 1 } } }, ['run'], 4);
  const { served, seen, go } = waiting({ concurrency: 4 });
  const bench = new Bench(served, { gates: [gate] });
  bench.dispatcher.take([claim('run', ['a', 'b'])]);
  await bench.until('the first', () => seen.length === 1);
  go('a');
  await bench.until('the second', () => seen.length === 2);
  bench.dispatcher.take([claim('run', ['c'])]);
  bench.dispatcher.drop();
  await bench.until('whoever waited to be let go', () => bench.dispatcher.inFlight === 1);
  go('b');
  await bench.until('the end', () => bench.dispatcher.inFlight === 0);
  bench.dispatcher.take([claim('run', ['d'])]);
  await bench.until('the next', () => seen.includes('d'));
  t.deepEqual(seen, ['a', 'b', 'd']);
  go('d');
  await bench.until('the end', () => bench.dispatcher.inFlight === 0);
});

test('a call that is cancelled while it waits for its turn keeps neither token nor place from others', async (t) => {
  const letters = [...'abcdefghijklmnopqrst'];
  const deadline = Date.now() + 600_000;
  const rate = gateOf({ ask: { rate: { perSecond: 2, burst: 1 } } }, ['ask'], 32);
  const { served, seen } = waiting({ concurrency: 32 });
  const bench = new Bench(served, { gates: [rate], methods: new Set(['ask']) });
  bench.dispatcher.take([claim('ask', letters, { calls: true, deadline })]);
  await bench.until('the first', () => seen.length === 1);
  for (let correlation = 2; correlation < letters.length; correlation += 1)
    t.true(bench.dispatcher.cancel('caller-1', correlation));
  await bench.until('their places to be free', () => bench.dispatcher.inFlight === 2);
  const since = performance.now();
  await bench.until('the last', () => seen.length === 2);
  t.true(performance.now() - since < 2_000, 'it has the moment of the first that gave way');
  t.deepEqual(seen, ['a', 't']);

  const places = gateOf({ ask: { concurrency: { max: 1 } } }, ['ask'], 32);
  const crowd = waiting({ concurrency: 32 });
  const other = new Bench(crowd.served, { gates: [places], methods: new Set(['ask']) });
  other.dispatcher.take([claim('ask', ['a', 'b', 'c'], { calls: true, deadline })]);
  await other.until('the first', () => crowd.seen.length === 1);
  t.true(other.dispatcher.cancel('caller-1', 2));
  await other.until('the place of the second to be free', () => other.dispatcher.inFlight === 2);
  crowd.go('a');
  await other.until('the third', () => crowd.seen.length === 2);
  t.deepEqual(crowd.seen, ['a', 'c']);
});
