import test from 'ava';
import {
  CallTimeout,
  CircuitOpen,
  HandlerError,
  HomeostatError,
  ValidationError,
  WorkerError,
} from '../../src/ground/errors.ts';
import { breaking as breakingLayer } from '../../src/breaker/layer.ts';
import { broken, caller, fine, House, NAME, policyOf, requestTo, settle } from './house.ts';

const NO_RAMP = policyOf({ rampMs: 0 });

test('failures on two nodes open the breaker for both (S3-23)', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  for (let index = 0; index < 3; index += 1) await caller(a, house.clock)(broken);
  await settle(house.clock);
  for (let index = 0; index < 2; index += 1) await caller(b, house.clock)(broken);
  await settle(house.clock);
  t.is(await caller(a, house.clock)(fine), 'CIRCUIT_OPEN');
  t.is(await caller(b, house.clock)(fine), 'CIRCUIT_OPEN');
  t.deepEqual(
    a.events.map(({ from, to }) => [from, to]),
    [['closed', 'open']],
  );
  t.deepEqual(
    b.events.map(({ from, to }) => [from, to]),
    [['closed', 'open']],
  );
});

test('the call right after the threshold is refused, and the first wait is openMs (S4-42)', async (t) => {
  const house = new House();
  const a = house.node('a');
  const call = caller(a, house.clock);
  for (let index = 0; index < 5; index += 1) t.is(await call(broken), 'HANDLER');
  t.is(await call(fine), 'CIRCUIT_OPEN');
  const state = a.breaking.list()[0]!;
  t.is(state.openUntil - house.clock.now(), 30_000);
  t.is(state.reason, '5 failures in a row');
});

test('a node that did not see the failures throws CircuitOpen with retryAfterMs (S1-20, Regression 16)', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  for (let index = 0; index < 5; index += 1) await caller(a, house.clock)(broken);
  await settle(house.clock);
  const layer = breakingLayer(b.breaking.of(NAME, policyOf()));
  const error = await t.throwsAsync(layer(fine)(requestTo(house.clock)), { instanceOf: CircuitOpen });
  t.true(error.retryAfterMs! > 0 && error.retryAfterMs! <= 30_000);
});

test('after openMs exactly one of 50 concurrent calls on two nodes reaches the handler (S1-18, Regression 15)', async (t) => {
  const house = new House();
  const nodes = [house.node('a'), house.node('b')];
  for (let index = 0; index < 5; index += 1) await caller(nodes[0]!, house.clock)(broken);
  await house.clock.advance(30_000);
  let handled = 0;
  let finish = (): void => {};
  const handler = (): Promise<unknown> => {
    handled += 1;
    return new Promise((resolve) => (finish = () => resolve('fine')));
  };
  const calls = Array.from({ length: 50 }, (_, index) => caller(nodes[index % 2]!, house.clock)(handler));
  await settle(house.clock);
  t.is(handled, 1);
  finish();
  const results = await Promise.all(calls);
  t.is(results.filter((result) => result === 'CIRCUIT_OPEN').length, 49);
  t.is(results.filter((result) => result === 'fine').length, 1);
});

test('closed, open, half open, closed: read from another node (S3-18, S1-18)', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  const call = caller(a, house.clock, NO_RAMP);
  const phase = (): string => b.breaking.of(NAME, NO_RAMP).state.phase;
  t.is(phase(), 'closed');
  for (let index = 0; index < 5; index += 1) await call(broken);
  await settle(house.clock);
  t.is(phase(), 'open');
  await house.clock.advance(30_000);
  await call(fine);
  await settle(house.clock);
  t.is(phase(), 'half_open');
  await call(fine);
  await settle(house.clock);
  t.is(phase(), 'closed');
  t.deepEqual(
    b.events.map(({ to }) => to),
    ['open', 'half_open', 'closed'],
  );
});

test('each transition is logged by name, once (S4-40)', async (t) => {
  const house = new House();
  const a = house.node('a');
  const call = caller(a, house.clock, NO_RAMP);
  for (let index = 0; index < 5; index += 1) await call(broken);
  await house.clock.advance(30_000);
  await call(fine);
  await call(fine);
  await settle(house.clock);
  for (const evt of ['circuit_opened', 'circuit_half_open', 'circuit_closed'])
    t.is(a.lines.filter((line) => line.evt === evt).length, 1, evt);
});

test('validation errors never count, worker errors do (S1-21)', async (t) => {
  const house = new House();
  const a = house.node('a');
  const call = caller(a, house.clock);
  const invalid = (): Promise<never> =>
    Promise.reject(new ValidationError('input', NAME, [{ path: ['id'], message: 'wrong' }]));
  for (let index = 0; index < 100; index += 1) t.is(await call(invalid), 'VALIDATION');
  t.is(await call(fine), 'fine');
  for (let index = 0; index < 5; index += 1) await call(() => Promise.reject(new WorkerError('died')));
  t.is(await call(fine), 'CIRCUIT_OPEN');
});

test('two methods of a service have breakers of their own (S1-23, S1-19)', async (t) => {
  const house = new House();
  const a = house.node('a');
  for (let index = 0; index < 5; index += 1) await caller(a, house.clock, policyOf(), 'users.get')(broken);
  t.is(await caller(a, house.clock, policyOf(), 'users.set')(fine), 'fine');
  t.is(await caller(a, house.clock, policyOf(), 'users.get')(fine), 'CIRCUIT_OPEN');
  t.deepEqual(
    a.breaking.list().map(({ name, phase }) => [name, phase]),
    [
      ['users.get', 'open'],
      ['users.set', 'closed'],
    ],
  );
});

test('one error in a hundred, or in twelve, never opens it (S3-21, S4-42, Regression 26)', async (t) => {
  for (const every of [100, 12]) {
    const house = new House();
    const a = house.node('a');
    const call = caller(a, house.clock);
    for (let index = 1; index <= 10_000; index += 1) {
      t.not(await call(index % every === 0 ? broken : fine), 'CIRCUIT_OPEN');
      if (index % 500 === 0) await house.clock.advance(250);
    }
    t.is(a.events.length, 0);
  }
});

test('half of the calls failing opens it although successes lie between (S4-42, Regression 26)', async (t) => {
  const house = new House();
  const a = house.node('a');
  const call = caller(a, house.clock);
  let calls = 0;
  while (calls < 100 && (await call(calls % 2 === 0 ? fine : broken)) !== 'CIRCUIT_OPEN') calls += 1;
  t.is(calls, 20);
});

test('closing takes as many fresh successes as were asked for (S3-22)', async (t) => {
  const house = new House();
  const a = house.node('a');
  const policy = policyOf({ successThreshold: 3, rampMs: 0 });
  const call = caller(a, house.clock, policy);
  for (let index = 0; index < 40; index += 1) await call(fine);
  for (let index = 0; index < 5; index += 1) await call(broken);
  await house.clock.advance(30_000);
  for (let index = 0; index < 2; index += 1) {
    t.is(await call(fine), 'fine');
    await settle(house.clock);
    t.is(a.breaking.list()[0]!.phase, 'half_open');
  }
  await call(fine);
  await settle(house.clock);
  t.is(a.breaking.list()[0]!.phase, 'closed');
});

test('the admitted share grows in steps, the first call passes, and an error reopens (S4-43)', async (t) => {
  const house = new House();
  const a = house.node('a');
  const call = caller(a, house.clock);
  const close = async (): Promise<void> => {
    for (let index = 0; index < 2; index += 1) t.is(await call(fine), 'fine');
    await settle(house.clock);
    t.is(a.breaking.list()[0]!.phase, 'closed');
  };
  for (let index = 0; index < 5; index += 1) await call(broken);
  await house.clock.advance(30_000);
  await close();
  const shares: number[] = [];
  for (let step = 0; step < 10; step += 1) {
    const results = [];
    for (let index = 0; index < 100; index += 1) results.push(await call(fine));
    if (step === 0) t.is(results[0], 'fine');
    shares.push(results.filter((result) => result === 'fine').length);
    await house.clock.advance(1_000);
  }
  t.deepEqual(
    shares.map((share) => Math.round(share / 10)),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  t.is(await call(fine), 'fine');

  for (let index = 0; index < 5; index += 1) await call(broken);
  await house.clock.advance(60_000);
  await close();
  t.is(await call(broken), 'HANDLER');
  await settle(house.clock);
  t.is(a.breaking.list()[0]!.phase, 'open');
});

test('a service that keeps failing is tried once per opening, and each wait is longer (RELIABILITY 61)', async (t) => {
  const house = new House();
  const nodes = [house.node('a'), house.node('b'), house.node('c')];
  let handled = 0;
  const failing = (): Promise<never> => {
    handled += 1;
    return broken();
  };
  const openings: number[] = [];
  nodes[0]!.events.push = (...events) => {
    for (const { to, state } of events) if (to === 'open') openings.push(state.openUntil - state.changedAt);
    return 0;
  };
  for (let second = 0; second < 600; second += 1) {
    for (const node of nodes) await caller(node, house.clock)(failing);
    await house.clock.advance(1_000);
  }
  t.deepEqual(openings, [30_000, 60_000, 120_000, 240_000, 480_000]);
  t.true(handled <= 6 + openings.length, `${handled} calls reached the handler`);
});

test('an aborted probe gives its lease back', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  for (let index = 0; index < 5; index += 1) await caller(a, house.clock)(broken);
  await house.clock.advance(30_000);
  const aborted = new HomeostatError('ABORTED', 'aborted', { outcome: 'unknown' });
  t.is(await caller(a, house.clock)(() => Promise.reject(aborted)), 'ABORTED');
  await settle(house.clock);
  t.is(await caller(b, house.clock)(fine), 'fine');
});

test('a breaker whose prober has died is tried again when the lease is over (RELIABILITY 63)', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  for (let index = 0; index < 5; index += 1) await caller(a, house.clock)(broken);
  await house.clock.advance(30_000);
  void caller(a, house.clock)(() => new Promise(() => {}));
  await settle(house.clock);
  t.is(await caller(b, house.clock)(fine), 'CIRCUIT_OPEN');
  await house.clock.advance(32_000);
  t.is(await caller(b, house.clock)(fine), 'fine');
});

test('a breaker opens again by itself when every node was restarted meanwhile (S3-25)', async (t) => {
  const house = new House();
  const a = house.node('a');
  for (let index = 0; index < 5; index += 1) await caller(a, house.clock)(broken);
  await a.breaking.close();
  const b = house.node('b');
  await b.breaking.resync();
  t.is(await caller(b, house.clock)(fine), 'CIRCUIT_OPEN');
  await house.clock.advance(30_000);
  t.is(await caller(b, house.clock)(fine), 'fine');
  t.deepEqual(
    b.events.map(({ to }) => to),
    ['open', 'half_open'],
  );
});

test('timeouts count while the backend answers', async (t) => {
  const house = new House();
  const a = house.node('a');
  const call = caller(a, house.clock);
  for (let index = 0; index < 5; index += 1) await call(() => Promise.reject(new CallTimeout(NAME, 100)));
  await settle(house.clock);
  t.is(await call(fine), 'CIRCUIT_OPEN');
});

test('timeouts of a backend that is paused open nothing, nor those that began meanwhile (RELIABILITY 26, S14)', async (t) => {
  const house = new House();
  const a = house.node('a');
  const call = caller(a, house.clock);
  a.link = 'paused';
  for (let index = 0; index < 20; index += 1) await call(() => Promise.reject(new CallTimeout(NAME, 100)));
  await house.clock.advance(300);
  a.up();
  for (let index = 0; index < 20; index += 1) await call(() => Promise.reject(new CallTimeout(NAME, 100)));
  await house.clock.advance(3_000);
  t.is(await call(fine), 'fine');
  t.is(a.events.length, 0);
});

test('a timeout that never left does not count', async (t) => {
  const house = new House();
  const call = caller(house.node('a'), house.clock);
  for (let index = 0; index < 20; index += 1)
    await call(() => Promise.reject(new CallTimeout(NAME, 100, 'not-executed')));
  await settle(house.clock);
  t.is(await call(fine), 'fine');
});

test('declared errors never count, even when they may pass', async (t) => {
  const house = new House();
  const a = house.node('a');
  const layer = breakingLayer(a.breaking.of(NAME, policyOf()), new Set(['BUSY']));
  const busy = new HomeostatError('BUSY', 'busy', { retryable: true, outcome: 'failed' });
  for (let index = 0; index < 20; index += 1)
    await t.throwsAsync(layer(() => Promise.reject(busy))(requestTo(house.clock)), { code: 'BUSY' });
  await settle(house.clock);
  t.is(await layer(fine)(requestTo(house.clock)), 'fine');
});

test('successes are told once a second, not once a call', async (t) => {
  const house = new House();
  const a = house.node('a');
  const call = caller(a, house.clock);
  for (let index = 0; index < 1_000; index += 1) await call(fine);
  await house.clock.advance(5_000);
  t.is(a.records, 1);
  t.is(a.breaking.list()[0]!.successes, 1_000);
});

test('failures that come while one is being told are told together', async (t) => {
  const house = new House();
  const a = house.node('a');
  await Promise.all(
    Array.from({ length: 100 }, () =>
      caller(a, house.clock, policyOf({ failureThreshold: 1_000, minCalls: 1_000 }))(broken),
    ),
  );
  await settle(house.clock);
  t.true(a.records <= 3, `${a.records} records`);
  t.is(a.breaking.list()[0]!.failures, 100);
});

test('hostile news are logged and change nothing', async (t) => {
  const house = new House();
  const a = house.node('a');
  const call = caller(a, house.clock);
  for (const body of [undefined, null, 7, 'x', {}, { name: NAME, phase: 'open' }, { name: 'other', phase: 'melted' }])
    a.breaking.apply({ seq: 1, kind: 'breaker', id: NAME, body });
  t.is(await call(() => Promise.reject(new HandlerError('x'))), 'HANDLER');
  t.is(a.lines.filter(({ evt }) => evt === 'breaker_invalid').length, 7);
});
