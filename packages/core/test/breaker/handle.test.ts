import test from 'ava';
import { HomeostatError } from '../../src/ground/errors.ts';
import { breakerPolicy } from '../../src/resilience/policies.ts';
import { systemClock, wakefulTimers } from '../../src/ground/clock.ts';
import { pause } from '../../src/ground/pause.ts';
import { House, policyOf, settle } from './house.ts';

const fail = (): never => {
  throw new Error('no');
};

test('work by hand runs side by side, in the caller (S3-17)', async (t) => {
  const house = new House();
  const breaker = house.node('a').breaking.handle('backup', policyOf());
  const startedAt = systemClock.elapsed();
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, index) => breaker.run(() => pause(wakefulTimers, 200).then(() => index))),
  );
  t.deepEqual(results, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  t.true(systemClock.elapsed() - startedAt < 400);
});

test('its state is read from another node (S3-17, S3-18)', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  const policy = policyOf({ rampMs: 0 });
  const [here, there] = [a.breaking.handle('x', policy), b.breaking.handle('x', policy)];
  t.is(there.state(), 'closed');
  for (let index = 0; index < 5; index += 1) await t.throwsAsync(here.run(fail), { message: 'no' });
  await t.throwsAsync(
    here.run(() => 1),
    { code: 'CIRCUIT_OPEN' },
  );
  await settle(house.clock);
  t.is(there.state(), 'open');
  await house.clock.advance(30_000);
  t.is(await here.run(() => 1), 1);
  await settle(house.clock);
  t.is(there.state(), 'half_open');
  t.is(await there.run(() => 2), 2);
  await settle(house.clock);
  t.is(here.state(), 'closed');
});

test('stats are exact from any node, and reset zeroes them (S3-19)', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  const [here, there] = [a.breaking.handle('x', policyOf()), b.breaking.handle('x', policyOf())];
  for (let index = 0; index < 100; index += 1) await here.run(() => 1);
  for (let index = 0; index < 4; index += 1) await t.throwsAsync(here.run(fail));
  await here.stats();
  const { successes, failures } = await there.stats();
  t.deepEqual([successes, failures], [100, 4]);
  await there.reset();
  const after = await here.stats();
  t.deepEqual([after.successes, after.failures], [0, 0]);
});

test('opened on one node it refuses on the other, and closes by itself after its time (S3-20)', async (t) => {
  const house = new House();
  const [a, b] = [house.node('a'), house.node('b')];
  const [here, there] = [a.breaking.handle('x', policyOf()), b.breaking.handle('x', policyOf())];
  await here.open({ reason: 'maintenance', ttlMs: 5_000, by: 'ann' });
  await settle(house.clock);
  const error = await t.throwsAsync(
    there.run(() => 1),
    { code: 'CIRCUIT_OPEN', message: /maintenance/ },
  );
  t.true((error as HomeostatError).retryAfterMs! <= 5_000);
  t.is(b.events[0]?.state.by, 'ann');
  await house.clock.advance(5_000);
  t.is(await there.run(() => 1), 1);
  t.is(there.state(), 'closed');

  await here.open({ reason: 'for good' });
  await house.clock.advance(3_600_000);
  await t.throwsAsync(
    there.run(() => 1),
    { code: 'CIRCUIT_OPEN' },
  );
  await there.close({ reason: 'done' });
  await settle(house.clock);
  t.is(await here.run(() => 1), 1);
});

test('errors that say they are final do not count', async (t) => {
  const house = new House();
  const breaker = house.node('a').breaking.handle('x', policyOf());
  const final = new HomeostatError('NOT_FOUND', 'none', { retryable: false, outcome: 'failed' });
  for (let index = 0; index < 20; index += 1)
    await t.throwsAsync(
      breaker.run(() => Promise.reject(final)),
      { code: 'NOT_FOUND' },
    );
  t.is(await breaker.run(() => 1), 1);
});

test('named profiles are good for breakers by hand (S3-07, S1-17)', (t) => {
  t.like(breakerPolicy('vsm'), { failureThreshold: 5, successThreshold: 3, openMs: 60_000, minCalls: 20 });
  t.like(breakerPolicy({ profile: 'sdk', openMs: 5_000 }), { successThreshold: 2, openMs: 5_000 });
  t.deepEqual(breakerPolicy({}), policyOf());
  t.throws(() => breakerPolicy('nobody'), { code: 'CONFIG', message: /nobody/ });
  const house = new House();
  t.throws(() => house.node('a').breaking.handle('', policyOf()), { code: 'CONFIG' });
});

test('a look at a breaker that is in use changes nothing about it (S3-18)', async (t) => {
  const { breaking } = new House().node('a');
  const inUse = breaking.handle('x', policyOf({ failureThreshold: 2 }));
  t.is(breaking.handle('x').state(), 'closed');
  for (let index = 0; index < 2; index += 1) await t.throwsAsync(inUse.run(fail), { message: 'no' });
  await t.throwsAsync(
    inUse.run(() => 1),
    { code: 'CIRCUIT_OPEN' },
  );
});
