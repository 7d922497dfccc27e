import test from 'ava';
import { broken, caller, fine, House, policyOf, settle } from './house.ts';

test('without the backend each node has a breaker of its own (S3-23, RELIABILITY 62)', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  a.link = 'away';
  const call = caller(a, house.clock, policyOf({ rampMs: 0 }));
  for (let index = 0; index < 5; index += 1) {
    t.is(await call(broken), 'HANDLER');
    await settle(house.clock);
  }
  t.is(await call(fine), 'CIRCUIT_OPEN');
  t.is(await caller(b, house.clock)(fine), 'fine');
  await house.clock.advance(30_000);
  let handled = 0;
  const results = await Promise.all(
    Array.from({ length: 20 }, () =>
      call(() => {
        handled += 1;
        return fine();
      }),
    ),
  );
  t.is(handled, 1);
  t.is(results.filter((result) => result === 'CIRCUIT_OPEN').length, 19);
  t.is(await call(fine), 'fine');
  t.is(await call(fine), 'fine');
  t.deepEqual(
    a.events.map(({ to }) => to),
    ['open', 'half_open', 'closed'],
  );
});

test('what was counted alone is told when the backend is back (S3-23)', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  a.link = 'away';
  for (let index = 0; index < 5; index += 1) await caller(a, house.clock)(broken);
  await house.clock.advance(500);
  t.true(a.breaking.stats.alone);
  a.up();
  await house.clock.advance(1_500);
  t.false(a.breaking.stats.alone);
  t.is(await caller(b, house.clock)(fine), 'CIRCUIT_OPEN');
  t.is(b.breaking.list()[0]!.failures, 5);
});

test('a backend that hangs does not hold calls up for longer than 250 ms', async (t) => {
  const house = new House();
  const a = house.node('a');
  const call = caller(a, house.clock);
  a.link = 'paused';
  for (let index = 0; index < 5; index += 1) t.is(await call(broken), 'HANDLER');
  const sixth = call(fine);
  await house.clock.advance(250);
  t.is(await sixth, 'CIRCUIT_OPEN');
  a.up();
  await house.clock.advance(2_000);
  t.false(a.breaking.stats.alone);
  t.is(a.breaking.list()[0]!.phase, 'open');
});

test('an open breaker that the backend has lost is put back (RELIABILITY 62)', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  for (let index = 0; index < 5; index += 1) await caller(a, house.clock)(broken);
  await settle(house.clock);
  house.flushAll();
  await Promise.all([a.breaking.resync(), b.breaking.resync()]);
  await settle(house.clock);
  const c = house.node('c');
  await c.breaking.resync();
  t.is(await caller(c, house.clock)(fine), 'CIRCUIT_OPEN');
  await house.clock.advance(30_000);
  t.is(await caller(b, house.clock)(fine), 'fine');
});

test('what is heard after a loss counts, although its numbers begin anew', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  const policy = policyOf({ rampMs: 0 });
  for (let index = 0; index < 5; index += 1) await caller(a, house.clock, policy)(broken);
  await house.clock.advance(30_000);
  for (let index = 0; index < 2; index += 1) await caller(a, house.clock, policy)(fine);
  await settle(house.clock);
  house.flushAll();
  await house.clock.advance(10);
  const c = house.node('c');
  for (let index = 0; index < 5; index += 1) await caller(c, house.clock, policy)(broken);
  await settle(house.clock);
  t.is(await caller(b, house.clock, policy)(fine), 'CIRCUIT_OPEN');
});

test('closing leaves no timer and does not wait for a backend that hangs', async (t) => {
  const house = new House();
  const a = house.node('a');
  await caller(a, house.clock)(fine);
  a.link = 'paused';
  let closed = false;
  const closing = Promise.resolve(a.breaking.close()).then(() => {
    closed = true;
  });
  await settle(house.clock);
  t.false(closed, 'it tells what it has to tell, as far as it can');
  await house.clock.advance(250);
  t.true(closed);
  await closing;
  t.is(house.clock.pending, 0);
});
