import test from 'ava';
import { codeOf } from '../../src/ground/errors.ts';
import type { MarkStatus } from '../../src/registry/marks.ts';
import { BEAT_MS, reportOf, World } from './world.ts';

const three = async (): Promise<{ world: World } & Awaited<ReturnType<World['watch']>>> => {
  const world = new World();
  for (const id of ['a', 'b', 'c']) world.put(id, reportOf({ 'x@1': {} }));
  return { world, ...(await world.watch()) };
};

test('picks alternate; there is none when nobody serves it, and none that is unfit unless it may be (S1-35)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {}, 'sick@1': { status: 'unhealthy' } }));
  world.put('b', reportOf({ 'x@1': {} }));
  const { registry } = await world.watch();
  t.deepEqual(
    Array.from({ length: 4 }, () => registry.pick('x')?.nodeId),
    ['a', 'b', 'a', 'b'],
  );
  t.is(registry.pick('nobody'), null);
  t.is(registry.pick('sick'), null);
  t.is(registry.pick('sick', { allowUnhealthy: true })?.nodeId, 'a');
});

test('1,000 picks in a burst over three instances are 333 each, and counted (S1-36, S2-31, regression 17)', async (t) => {
  const { registry, balancer } = await three();
  for (let pick = 0; pick < 1_000; pick += 1) registry.pick('x');
  const counts = balancer.selections();
  t.is(counts.length, 3);
  for (const { count, strategy, service } of counts) {
    t.true(Math.abs(count - 333) <= 2);
    t.deepEqual([service, strategy], ['x', 'round_robin']);
  }
});

test('only instances with all the tags are picked (S4-06)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': { tags: ['staging'] } }));
  world.put('b', reportOf({ 'x@1': { tags: ['production', 'v1'] } }));
  const { registry } = await world.watch();
  for (let pick = 0; pick < 50; pick += 1) t.is(registry.pick('x', { filter: { tags: ['production'] } })?.nodeId, 'b');
  const error = t.throws(() => registry.acquire('x', { filter: { tags: ['production', 'v2'] } }));
  t.is(codeOf(error), 'NO_HEALTHY_INSTANCES');
  t.regex(error.message, /with the tags production, v2/);
});

test('a node that has left is picked no more, the others go on (S2-17, S4-07, regressions 5, 21, 22)', async (t) => {
  const { world, registry } = await three();
  registry.pick('x');
  world.remove('b');
  const picked = new Set(Array.from({ length: 30 }, () => registry.pick('x')?.nodeId ?? ''));
  t.deepEqual([...picked].sort(), ['a', 'c']);
});

test('an instance that is unfit leaves rotation, and the view when it is gone (S4-08, regression 4)', async (t) => {
  const { world, registry } = await three();
  world.put('b', reportOf({ 'x@1': { status: 'unhealthy' } }));
  t.false(Array.from({ length: 30 }, () => registry.pick('x')?.nodeId).includes('b'));
  t.is(registry.instances('x', { status: 'any' }).length, 3);
  world.remove('b', 'expired');
  t.is(registry.instances('x', { status: 'any' }).length, 2);
});

test('a strategy of your own gets the live instances, and another one when its choice is gone (S0-35, S4-41)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': { weight: 1 } }));
  world.put('b', reportOf({ 'x@1': { weight: 5 } }));
  const { registry, balancer } = await world.watch();
  balancer.register('heaviest', (all) => [...all].sort((one, other) => other.weight - one.weight)[0]);
  t.is(registry.pick('x', { strategy: 'heaviest' })?.nodeId, 'b');
  world.remove('b', 'expired');
  t.is(registry.pick('x', { strategy: 'heaviest' })?.nodeId, 'a');
});

test('what is required is there, or fit, or the error says which of the two is not so (S0-32, S0-44, S2-08, S2-29)', async (t) => {
  const { world, registry } = await three();
  t.notThrows(() => registry.require('x'));
  t.is(codeOf(t.throws(() => registry.require('nobody'))), 'SERVICE_NOT_FOUND');
  for (const id of ['a', 'b', 'c']) world.put(id, reportOf({ 'x@1': { status: 'unhealthy' } }));
  const error = t.throws(() => registry.require('x'));
  t.is(codeOf(error), 'NO_HEALTHY_INSTANCES');
  t.regex(error.message, /^x: /);
  t.is(codeOf(t.throws(() => registry.acquire('x'))), 'NO_HEALTHY_INSTANCES');
  t.is(codeOf(t.throws(() => registry.acquire('nobody'))), 'SERVICE_NOT_FOUND');
  for (const id of ['a', 'b', 'c']) world.remove(id);
  t.is(codeOf(t.throws(() => registry.require('x'))), 'NO_HEALTHY_INSTANCES');
});

test('waiting for services ends when all are there (S0-27)', async (t) => {
  const world = new World();
  const { registry } = await world.watch();
  let done = false;
  const waiting = registry.waitFor(['x', 'y'], { timeoutMs: 1_000 }).then(() => (done = true));
  world.put('a', reportOf({ 'x@1': {}, 'y@1': { status: 'starting' } }));
  await world.clock.advance(10);
  t.false(done);
  world.put('a', reportOf({ 'x@1': {}, 'y@1': {} }));
  await waiting;
  await t.notThrowsAsync(registry.waitFor(['x', 'y'], { timeoutMs: 1 }));
});

test('waiting in vain ends with the service that is not there, at the time-out, the abort or the end (S0-27)', async (t) => {
  const { world, registry } = await three();
  world.put('d', reportOf({ 'sick@1': { status: 'unhealthy' } }));
  const fails = async (waiting: Promise<void>): Promise<string> => codeOf(await t.throwsAsync(waiting));
  const nobody = fails(registry.waitFor(['x', 'auth-service'], { timeoutMs: 500 }));
  const sick = fails(registry.waitFor(['sick'], { timeoutMs: 500 }));
  await world.clock.advance(500);
  t.is(await nobody, 'SERVICE_NOT_FOUND');
  t.is(await sick, 'NO_HEALTHY_INSTANCES');
  const stop = new AbortController();
  const aborted = fails(registry.waitFor(['y'], { timeoutMs: 500, signal: stop.signal }));
  stop.abort();
  t.is(await aborted, 'ABORTED');
  t.is(await fails(registry.waitFor(['y'], { timeoutMs: 500, signal: stop.signal })), 'ABORTED');
  const closed = fails(registry.waitFor(['y'], { timeoutMs: 500 }));
  registry.close();
  t.is(await closed, 'NODE_CLOSED');
});

test('a lease counts as one in flight until it is closed, or its time is up (S4-16, S4-12)', async (t) => {
  const { world, registry, balancer } = await three();
  const strategy = 'least_connections';
  {
    using lease = registry.acquire('x', { strategy });
    t.is(balancer.inFlight('x', lease.instance.nodeId), 1);
    const others = [registry.acquire('x', { strategy }), registry.acquire('x', { strategy })];
    t.is(new Set([lease, ...others].map(({ instance }) => instance.nodeId)).size, 3);
    for (const other of others) other.close();
    for (const other of others) other.close();
  }
  t.deepEqual(balancer.gauges(), []);
  const left = registry.acquire('x', { ttlMs: 5_000 });
  await world.clock.advance(4_999);
  t.is(balancer.gauges().length, 1);
  await world.clock.advance(1);
  t.true(left.ended);
  left.close();
  t.deepEqual(balancer.gauges(), []);
  t.is(codeOf(t.throws(() => registry.acquire('x', { ttlMs: 0 }))), 'CONFIG');
});

test('a mark by hand takes an instance out on every node, and back (S0-31, regressions 4, 23)', async (t) => {
  const { world, registry, events } = await three();
  const third = await world.watch();
  await third.registry.setStatus('x', 'a', 'unhealthy', { reason: 'maintenance', by: 'me' });
  const picked = (): string[] =>
    [...new Set(Array.from({ length: 20 }, () => registry.pick('x')?.nodeId ?? ''))].sort();
  t.deepEqual(picked(), ['b', 'c']);
  t.like(registry.markOf('x', 'a'), { status: 'unhealthy', reason: 'maintenance', by: 'me' });
  t.like(registry.instances('x', { status: 'unhealthy' })[0], { nodeId: 'a', reason: 'maintenance' });
  // What it says of itself does not change that, and a late-comer knows too.
  world.put('a', reportOf({ 'x@1': {} }));
  t.deepEqual(picked(), ['b', 'c']);
  const late = await world.watch();
  t.is(late.registry.instances('x').length, 2);
  await registry.setStatus('x', 'a', undefined);
  t.deepEqual(picked(), ['a', 'b', 'c']);
  t.is(third.registry.markOf('x', 'a'), undefined);
  t.deepEqual(events.slice(3), ['health x a healthy>unhealthy', 'health x a unhealthy>healthy']);
});

test('a mark says healthy against the checks, but not of a node that drains', async (t) => {
  const { world, registry } = await three();
  world.put('a', reportOf({ 'x@1': { status: 'unhealthy' } }));
  await registry.setStatus('x', 'a', 'healthy');
  t.is(registry.instances('x').length, 3);
  world.put('a', reportOf({ 'x@1': {} }, { status: 'draining' }));
  t.is(registry.instances('x').length, 2);
});

test('a mark ends when its time is up, and that is told (S0-31)', async (t) => {
  const { world, registry, events } = await three();
  await registry.setStatus('x', 'a', 'unhealthy', { ttlMs: 5_000 });
  await registry.setStatus('x', 'b', 'unhealthy', { ttlMs: 7_000 });
  t.is(registry.instances('x').length, 1);
  await world.clock.advance(5_000);
  t.is(registry.instances('x').length, 2);
  await world.clock.advance(2_000);
  t.is(registry.instances('x').length, 3);
  t.deepEqual(events.slice(5), ['health x a unhealthy>healthy', 'health x b unhealthy>healthy']);
});

test('a mark that is wrong is refused, and nothing is written (S2-14)', async (t) => {
  const { world, registry } = await three();
  const refused = [
    registry.setStatus('', 'a', 'unhealthy'),
    registry.setStatus('x/y', 'a', 'unhealthy'),
    registry.setStatus('x', 'a/b', 'unhealthy'),
    registry.setStatus('x', 'a', 'broken' as MarkStatus),
    registry.setStatus('x', 'a', 'starting' as MarkStatus),
    registry.setStatus('x', 'a', 'unhealthy', { ttlMs: -1 }),
    registry.setStatus('x', 'a', 'unhealthy', { ttl: 5 } as object),
  ];
  for (const one of refused) t.is(codeOf(await t.throwsAsync(one)), 'CONFIG');
  t.is(world.reads.changes, 0);
});

test('marks of nodes that are gone are cleared up, by one node', async (t) => {
  const world = new World();
  for (const id of ['self', 'z1', 'z2']) world.put(id, reportOf({ 'x@1': {} }));
  const first = await world.watch();
  await world.watch({ selfId: () => 'z1' });
  await first.registry.setStatus('x', 'z2', 'unhealthy');
  await world.clock.advance(61_000);
  t.is(world.reads.changes, 1);
  world.remove('z2', 'expired');
  await world.clock.advance(BEAT_MS);
  t.is(world.reads.changes, 2);
  t.is(world.records.size, 0);
  for (const { registry } of world.watchers) t.is(registry.markOf('x', 'z2'), undefined);
});

test('news of a mark that come late do not undo what was written since', async (t) => {
  const { world, registry, events } = await three();
  const watcher = world.watchers[0];
  if (watcher !== undefined) watcher.blocked = true;
  await registry.setStatus('x', 'a', 'unhealthy');
  await registry.setStatus('x', 'a', undefined);
  registry.apply(world.news);
  t.is(registry.instances('x').length, 3);
  t.deepEqual(events.slice(3), ['health x a healthy>unhealthy', 'health x a unhealthy>healthy']);
  await registry.setStatus('x', 'a', 'draining');
  // After the backend lost everything its revisions begin anew.
  world.records.clear();
  world.records.set('x/b', { name: 'x/b', revision: 1, body: { status: 'unhealthy' }, at: 0, by: 'me' });
  await registry.resync();
  t.deepEqual(
    registry.instances('x').map(({ nodeId }) => nodeId),
    ['a', 'c'],
  );
});

test('who only peeks does not have figures read', async (t) => {
  const { world, registry } = await three();
  t.is(registry.peek('x').length, 3);
  await world.beats(3);
  t.is(world.reads.vitals, 0);
});
