import test from 'ava';
import fc from 'fast-check';
import { pino } from 'pino';
import { actor } from '../src/contract/actor.ts';
import type { MailboxDepth } from '../src/ports/broker.ts';
import { contract } from '../src/contract/contract.ts';
import { Emitter, type NodeEvents } from '../src/node/events.ts';
import { createNode } from '../src/node/create-node.ts';
import { autoscale, FIRST_STATE, type ScaleState } from '../src/scaling/autoscale.ts';
import { desiredInstances } from '../src/scaling/desired.ts';
import { lagOf } from '../src/scaling/lag.ts';
import { Scaler } from '../src/scaling/scaler.ts';
import { Series } from '../src/scaling/series.ts';
import { trendOf, type Point } from '../src/scaling/trend.ts';
import { DEFAULT_SCALE, type ScalePolicy } from '../src/policies/service-settings.ts';
import { virtualClock, type VirtualClock } from '../src/testing/virtual-clock.ts';

const MINUTE = 60_000;
const log = pino({ level: 'silent' });

const series = (values: readonly number[], everyMs = MINUTE): Point[] =>
  values.map((value, index) => ({ at: index * everyMs, value }));

const counted = (count: number, value: (n: number) => number): Point[] =>
  series(Array.from({ length: count }, (_, n) => value(n)));

test('a rising series is degrading, a flat one stable, a short one unknown (S4-22)', (t) => {
  const rising = trendOf(
    counted(20, (n) => 10 + n),
    { worse: 'higher' },
  );
  t.is(rising.direction, 'degrading');
  t.true(rising.slope > 0.1);
  t.is(Math.round(rising.perMs * MINUTE), 1);
  t.is(Math.round(rising.forecast), 10 + 19 + 30, 'half an hour ahead');
  t.is(
    trendOf(
      counted(20, () => 5),
      { worse: 'higher' },
    ).direction,
    'stable',
  );
  t.is(
    trendOf(
      counted(5, (n) => n),
      { worse: 'higher' },
    ).direction,
    'unknown',
  );
  t.is(trendOf([], { worse: 'higher' }).direction, 'unknown');
  t.is(
    trendOf(
      counted(20, (n) => 100 - n),
      { worse: 'higher' },
    ).direction,
    'improving',
  );
  t.is(
    trendOf(
      counted(20, (n) => 1 - n / 40),
      { worse: 'lower' },
    ).direction,
    'degrading',
    'a score that falls',
  );
});

test('noise is no trend, and what is older than the window does not count', (t) => {
  const noise = [3, 9, 1, 7, 4, 8, 2, 6, 5, 9, 1, 4, 7, 3, 8, 2, 6, 5, 3, 7];
  t.is(trendOf(series(noise), { worse: 'higher' }).direction, 'stable');
  const before = counted(60, (n) => n * 10);
  const after = Array.from({ length: 61 }, (_, n) => ({ at: (60 + n) * MINUTE, value: 600 }));
  t.is(trendOf([...before, ...after], { worse: 'higher' }).direction, 'stable');
  const hardly = counted(20, (n) => n / 100);
  t.is(trendOf(hardly, { worse: 'higher' }).direction, 'degrading');
  t.is(trendOf(hardly, { worse: 'higher', scale: 10 }).direction, 'stable');
});

test('a series costs the same however long it is, and keeps its shape', (t) => {
  const kept = new Series(60 * MINUTE);
  for (let second = 0; second < 7_200; second += 1) kept.add(second * 1_000, second);
  t.true(kept.points.length < 240);
  t.true(kept.points.length > 60);
  t.true(kept.points[0]!.at > 7_199_000 - 60 * MINUTE);
  t.true(kept.points.at(-1)!.at > 7_199_000 - 2 * MINUTE);
  const { perMs } = trendOf(kept.points, { worse: 'higher' });
  t.true(Math.abs(perMs * 1_000 - 1) < 1e-9);
});

const depth = (facts: Partial<MailboxDepth>): MailboxDepth => ({
  messages: 0,
  bytes: 0,
  waiting: 0,
  pending: 0,
  dead: 0,
  ...facts,
});

test('what is due later and what runs is no lag', (t) => {
  t.is(lagOf(depth({ messages: 5_000 }), 8), 0, 'all delayed');
  t.is(lagOf(depth({ messages: 64, pending: 8 }), 8), 0, 'all in hand');
  t.is(lagOf(depth({ messages: 5_000, waiting: 10 }), 8), 80);
  t.is(lagOf(depth({ messages: 50, waiting: 10 }), 128), 50);
  t.is(lagOf(depth({ messages: 50, waiting: 1, pending: 50 }), 128), 0);
});

const POLICY: ScalePolicy = { ...DEFAULT_SCALE, min: 2, max: 64 };

test('a lag that stands makes it grow at once to what it asks for; what passes does not', (t) => {
  let state: ScaleState = FIRST_STATE;
  const look = (at: number, lag: number, concurrency: number): number | undefined => {
    const step = autoscale(state, { at, lag, inFlight: concurrency, concurrency }, POLICY);
    state = step.state;
    return step.concurrency;
  };
  t.is(look(0, 300, 10), undefined);
  t.is(look(1_000, 0, 10), undefined, 'it was a moment');
  t.is(look(2_000, 300, 10), undefined);
  t.is(look(4_000, 300, 10), 30);
  t.is(look(5_000, 5_000, 30), undefined, 'it cools down');
  t.is(look(13_000, 5_000, 30), undefined);
  t.is(look(14_000, 5_000, 30), 64);
  t.is(look(15_000, 0, 100), 64, 'bounds hold at once');
});

test('however the load moves, it changes once per cool-down at most and stays within its bounds', (t) => {
  const property = fc.property(fc.array(fc.tuple(fc.nat(20_000), fc.nat(64)), { maxLength: 200 }), (loads) => {
    let state: ScaleState = FIRST_STATE;
    let concurrency = 8;
    let changedAt = -Infinity;
    loads.forEach(([lag, running], index) => {
      const at = index * 1_000;
      const step = autoscale(state, { at, lag, inFlight: Math.min(running, concurrency), concurrency }, POLICY);
      state = step.state;
      if (step.concurrency === undefined) return;
      t.true(at - changedAt >= POLICY.coolDownMs);
      t.not(step.concurrency, concurrency);
      changedAt = at;
      concurrency = step.concurrency;
      t.true(concurrency >= POLICY.min && concurrency <= POLICY.max);
    });
  });
  const { seed, ...result } = fc.check(property);
  t.false(result.failed, `seed ${seed}: ${JSON.stringify(result.counterexample)}`);
});

test('it shrinks to what was in use, and so does not grow again at once', (t) => {
  let state: ScaleState = FIRST_STATE;
  let concurrency = 64;
  const changes: number[] = [];
  for (let second = 0; second < 120; second += 1) {
    const inFlight = Math.min(concurrency, second % 2 === 0 ? 7 : 5);
    const step = autoscale(state, { at: second * 1_000, lag: 0, inFlight, concurrency }, POLICY);
    state = step.state;
    if (step.concurrency !== undefined) changes.push((concurrency = step.concurrency));
  }
  t.deepEqual(changes, [10]);
});

test('the number of instances follows from what waits, how long it takes and how many run at once', (t) => {
  const demand = { instances: 2, lag: 0, lagPerMs: 0, serviceMs: 50, concurrency: 10, inFlight: 6, behind: false };
  t.is(desiredInstances(demand).desired, 2);
  t.is(desiredInstances({ ...demand, lag: 4_000, inFlight: 10, behind: true }).desired, 4, '20 + 4,000 × 50 ÷ 10,000');
  const growing = desiredInstances({ ...demand, lag: 4_000, lagPerMs: 0.4, inFlight: 10, behind: true });
  t.is(growing.desired, 6, 'and 0.4 × 50 more');
  t.regex(growing.reason, /4000 messages wait and their number grows: 2 × 10/);
  t.is(desiredInstances({ ...demand, lag: 30, serviceMs: 1, behind: true }).desired, 3, 'one more at least');
  t.is(desiredInstances({ ...demand, lag: 1e9, behind: true }).desired, 20, 'a guess has its limits');
  t.is(desiredInstances({ ...demand, inFlight: 1 }).desired, 1);
  t.is(desiredInstances({ ...demand, instances: 4, inFlight: 0 }).desired, 1);
  t.is(desiredInstances({ ...demand, instances: 1, inFlight: 0 }).desired, 1);
});

interface Scene {
  readonly clock: VirtualClock;
  readonly scaler: Scaler;
  readonly events: Emitter;
  readonly told: NodeEvents['scale'][];
  readonly sizes: { at: number; concurrency: number }[];
  readonly target: { concurrency: number; inFlight: number; paused: string | undefined };
  depth: MailboxDepth | Error;
  asked: number;
  seconds(count: number, each?: () => void): Promise<void>;
}

function scene(policy: ScalePolicy | false, listening = true): Scene {
  const clock = virtualClock();
  const events = new Emitter(log);
  const told: NodeEvents['scale'][] = [];
  const sizes: { at: number; concurrency: number }[] = [];
  if (listening) events.on('scale', (event) => told.push(event));
  const target = {
    concurrency: 4,
    inFlight: 0,
    serviceMs: 5,
    frameSize: 1,
    paused: undefined as string | undefined,
    resize: (concurrency: number) => {
      sizes.push({ at: clock.elapsed(), concurrency });
      target.concurrency = concurrency;
    },
  };
  const made: Scene = {
    clock,
    events,
    told,
    sizes,
    target,
    depth: depth({}),
    asked: 0,
    scaler: new Scaler({
      clock,
      log,
      events,
      depth: async () => {
        made.asked += 1;
        if (made.depth instanceof Error) throw made.depth;
        return made.depth;
      },
      instances: () => 1,
    }),
    seconds: async (count, each) => {
      for (let second = 0; second < count; second += 1) {
        each?.();
        await clock.advance(await made.scaler.step());
      }
    },
  };
  made.scaler.watch('work@1', 'work', target, () => policy);
  return made;
}

test('a lag of 10,000 for 10 s grows the concurrency to its maximum, then more instances are recommended; idle, it shrinks after its cool-down (S2-45)', async (t) => {
  const it = scene(POLICY);
  it.depth = depth({ messages: 10_000, waiting: 10_000 });
  it.target.inFlight = 4;
  await it.seconds(11);
  t.is(it.target.concurrency, 64);
  t.true(it.told.length >= 1);
  t.like(it.told[0], { service: 'work', instances: 1, lag: 10_000 });
  t.true(it.told[0]!.desired > 1);
  t.regex(it.told[0]!.reason, /10000 messages wait/);
  it.target.inFlight = 0;
  it.depth = depth({});
  await it.seconds(30);
  t.is(it.target.concurrency, POLICY.min);
  t.is(it.sizes.length, 2);
  t.true(it.sizes[1]!.at - it.sizes[0]!.at >= POLICY.coolDownMs);
});

test('a lag that comes and goes changes nothing oftener than the cool-down (S2-45)', async (t) => {
  const it = scene({ ...POLICY, upAfterMs: 0, downAfterMs: 0 });
  let busy = false;
  await it.seconds(100, () => {
    busy = !busy;
    it.depth = busy ? depth({ messages: 10_000, waiting: 10_000 }) : depth({});
    it.target.inFlight = busy ? it.target.concurrency : 0;
  });
  t.true(it.sizes.length > 2);
  for (const [index, { at }] of it.sizes.entries())
    if (index > 0) t.true(at - it.sizes[index - 1]!.at >= POLICY.coolDownMs);
});

test('a lag that rises is degrading before it reaches the limit (S3-15)', async (t) => {
  const it = scene(POLICY);
  it.target.inFlight = 4;
  let lag = 0;
  await it.seconds(15, () => {
    lag += 2;
    it.depth = depth({ messages: lag, waiting: lag, oldestAt: it.clock.now() - 700 });
  });
  const numbers = it.scaler.numbers('work@1')!;
  t.is(numbers.lag, 30);
  t.true(numbers.lag < POLICY.lagPerSlot * 4, 'no limit has been reached');
  t.is(it.sizes.length, 0);
  t.is(numbers.trend.direction, 'degrading');
  t.true(numbers.trend.forecast > 1_000);
  t.is(numbers.oldestMs, 700);
});

test('without a policy it only recommends, and only while somebody listens', async (t) => {
  const deaf = scene(false, false);
  deaf.depth = depth({ messages: 10_000, waiting: 10_000 });
  await deaf.seconds(5);
  t.is(deaf.asked, 0);
  t.is(deaf.scaler.numbers('work@1'), undefined);
  const heard = scene(false);
  heard.depth = depth({ messages: 10_000, waiting: 10_000 });
  heard.target.inFlight = 4;
  await heard.seconds(25);
  t.is(heard.sizes.length, 0);
  t.is(heard.told.length, 3, 'again once per cool-down');
});

test('a mailbox that cannot be read, or whose actor is paused, is left as it is', async (t) => {
  const it = scene(POLICY);
  it.depth = new Error('away');
  await it.seconds(5);
  it.depth = depth({ messages: 10_000, waiting: 10_000 });
  it.target.paused = 'sick';
  await it.seconds(20);
  t.is(it.sizes.length, 0);
  t.deepEqual(it.told, []);
  t.is(it.scaler.numbers('work@1')!.lag, 10_000);
});

test('what is not watched any more is not looked at', async (t) => {
  const it = scene(POLICY);
  const end = it.scaler.watch(
    'other@1',
    'other',
    { ...it.target, serviceMs: 1, frameSize: 1, resize: () => undefined },
    () => POLICY,
  );
  await it.seconds(1);
  t.is(it.asked, 2);
  end();
  await it.seconds(1);
  t.is(it.asked, 3);
  t.is(it.scaler.numbers('other@1'), undefined);
});

test('an actor that scales begins within its bounds, and is within new ones at once (S2-45)', async (t) => {
  const work = contract('work', { methods: { run: {} } });
  const scale = { min: 2, max: 4 };
  await using node = await createNode({ services: { work: { concurrency: 3, scale } } });
  let running = 0;
  let most = 0;
  const run = async (): Promise<void> => {
    most = Math.max(most, (running += 1));
    await new Promise((resolve) => setTimeout(resolve, 5));
    running -= 1;
  };
  await node.serve(actor(work, { run }));
  const mostOf = async (calls: number): Promise<number> => {
    most = 0;
    await Promise.all(Array.from({ length: calls }, () => node.client(work).run()));
    return most;
  };
  t.is(await mostOf(12), 3, 'as declared');
  await node.config.set('work', { scale: { ...scale, min: 4 } });
  t.is(await mostOf(12), 4);
});
