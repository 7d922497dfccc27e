import test from 'ava';
import { codeOf } from '../../src/ground/errors.ts';
import type { Instance } from '../../src/registry/instance.ts';
import { BEAT_MS, reportOf, vitalsOf, World } from './world.ts';

const ids = (instances: readonly Instance[]): string[] => instances.map(({ nodeId }) => nodeId);

test('a third node is seen by all with the news of it, and no longer once it has left (S0-28, S1-03, S2-02)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  world.put('b', reportOf({ 'x@1': {} }));
  const one = await world.watch();
  const two = await world.watch();
  world.put('c', reportOf({ 'x@1': {} }));
  for (const { registry } of [one, two]) t.deepEqual(ids(registry.instances('x')), ['a', 'b', 'c']);
  world.remove('c');
  for (const { registry } of [one, two]) t.deepEqual(ids(registry.instances('x')), ['a', 'b']);
  for (let round = 0; round < 100; round += 1) {
    world.put(`n${round}`, reportOf({ 'x@1': {} }));
    world.remove(`n${round}`);
  }
  t.is(one.registry.instances('x').length, 2);
});

test('an instance shows what its node and its actor say of themselves (S0-30, S1-03, S1-05, S2-15, S2-33)', async (t) => {
  const world = new World();
  const meta = { region: 'us-west-2', team: 'core' };
  const x = { version: '1.2.0', status: 'starting', weight: 2, tags: ['gpu'], meta, methods: ['get', 'put'] } as const;
  world.put('a', reportOf({ 'x@1': x }, { name: 'users-1', host: 'h', pid: 7 }));
  const { registry } = await world.watch();
  t.like(registry.instances('x', { status: 'any' })[0], {
    service: 'x',
    mailbox: 'x@1',
    nodeId: 'a',
    nodeName: 'users-1',
    host: 'h',
    pid: 7,
    version: '1.2.0',
    methods: ['get', 'put'],
    status: 'starting',
    weight: 2,
    tags: ['gpu'],
    meta,
    external: false,
    startedAt: 1_767_225_600_000,
    load: 0,
    score: 1,
    inFlight: 0,
  });
  t.is(registry.instances('x').length, 0);
  world.put('a', reportOf({ 'x@1': { ...x, status: 'healthy' } }));
  t.is(registry.instances('x')[0]?.status, 'healthy');
  world.vitals.set('a', vitalsOf('x@1', 4, 1, 0.8, 12));
  await world.clock.advance(BEAT_MS);
  t.like(registry.instances('x')[0], { load: 1, inFlight: 4, score: 0.8, responseMs: 12 });
});

test('discovery answers the healthy ones, and others when asked for them (S1-34, S1-05)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': { meta: { region: 'us-west-2' } } }));
  world.put('b', reportOf({ 'x@1': { status: 'unhealthy', reason: 'disk' } }));
  world.put('c', reportOf({ 'x@2': { version: '2.1.0', tags: ['v2', 'prod'] } }));
  const { registry } = await world.watch();
  t.deepEqual(ids(await registry.discover('x')), ['a', 'c']);
  t.is((await registry.discover('x', { status: 'any' })).length, 3);
  t.deepEqual(ids(await registry.discover('x', { status: 'unhealthy' })), ['b']);
  t.deepEqual(ids(await registry.discover('x', { version: '2' })), ['c']);
  t.deepEqual(ids(await registry.discover('x', { version: '2.1' })), ['c']);
  t.deepEqual(ids(await registry.discover('x', { exceptVersion: '2.1.0' })), ['a']);
  t.deepEqual(ids(await registry.discover('x', { version: '2.1.1' })), []);
  t.deepEqual(ids(await registry.discover('x', { meta: { region: 'us-west-2' } })), ['a']);
  t.deepEqual(ids(await registry.discover('x', { tags: ['prod', 'v2'] })), ['c']);
  t.deepEqual(ids(await registry.discover('x', { tags: ['prod', 'v3'] })), []);
});

test('a score of 0.5 is below the bar of 0.5, 0.51 is above (S2-28)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  world.put('b', reportOf({ 'x@1': {} }));
  world.vitals.set('a', vitalsOf('x@1', 0, 0, 0.5));
  world.vitals.set('b', vitalsOf('x@1', 0, 0, 0.51));
  const { registry } = await world.watch();
  registry.pick('x');
  await world.clock.advance(1);
  t.deepEqual(ids(registry.instances('x', { minScore: 0.5 })), ['b']);
});

test('lists are frozen and stay the same until something changes (S2-01)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  const { registry } = await world.watch();
  const list = registry.instances('x');
  t.true(Object.isFrozen(list) && Object.isFrozen(list[0]));
  t.is(registry.instances('x'), list);
  t.is(registry.instances('x', {}), list);
  t.is(registry.instances('x', { version: '1' }), registry.instances('x', { version: '1' }));
  await world.clock.advance(3 * BEAT_MS);
  t.is(registry.instances('x'), list);
  world.put('b', reportOf({ 'x@1': {} }));
  t.not(registry.instances('x'), list);
});

test('an instance is as well as the worse of node and actor; a change is seen with the news of it (S2-03)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': { status: 'degraded', reason: 'slow' } }));
  const { registry, events } = await world.watch();
  t.like(registry.instances('x')[0], { status: 'degraded', reason: 'slow' });
  world.put('a', reportOf({ 'x@1': { status: 'degraded', reason: 'slow' } }, { status: 'unhealthy', reason: 'disk' }));
  t.like(registry.instances('x', { status: 'any' })[0], { status: 'unhealthy', reason: 'disk' });
  t.deepEqual(events, ['registered x a', 'health x a degraded>unhealthy']);
});

test('each event comes once, on every node, also over repeats and after something was missed (S1-06)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  const watchers = [await world.watch(), await world.watch()];
  const [one] = watchers;
  world.put('b', reportOf({ 'x@1': {}, 'y@1': { status: 'unhealthy' } }));
  world.put('b', reportOf({ 'x@1': { status: 'unhealthy' }, 'y@1': { status: 'unhealthy' } }));
  if (one !== undefined) one.blocked = true;
  world.put('b', reportOf({ 'x@1': {}, 'y@1': { status: 'unhealthy' } }));
  world.remove('a', 'expired');
  if (one !== undefined) one.blocked = false;
  // The gap shows with the next item.
  world.put('c', reportOf({ 'x@1': {} }));
  world.put('b', reportOf({ 'x@1': {} }));
  await world.clock.advance(0);
  for (const { registry } of watchers) {
    registry.apply(world.news);
    await registry.resync();
  }
  const told = [
    'registered x a',
    'registered x b',
    'registered y b',
    'health y b unknown>unhealthy',
    'health x b healthy>unhealthy',
    'health x b unhealthy>healthy',
    'registered x c',
    'deregistered y b',
  ];
  const [first, second] = watchers.map(({ events }) => events);
  t.deepEqual([...(second ?? [])].sort(), [...told, 'expired x a'].sort());
  // Whoever missed how it went only knows that it went.
  t.deepEqual([...(first ?? [])].sort(), [...told, 'deregistered x a'].sort());
});

test('news that come while everything is read are neither lost nor taken twice', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  const { registry, events } = await world.watch();
  world.meanwhile = () => {
    world.put('b', reportOf({ 'x@1': {} }));
    world.remove('a', 'expired');
  };
  await registry.resync();
  t.deepEqual(ids(registry.instances('x')), ['b']);
  t.deepEqual(events, ['registered x a', 'registered x b', 'expired x a']);
});

test('an instance stays listed through ten minutes of silence: registrations do not run out (S1-06, S2-09)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  const { registry, events } = await world.watch();
  const { members } = world.reads;
  await world.beats(600);
  t.deepEqual(ids(registry.instances('x')), ['a']);
  t.deepEqual(ids(await registry.discover('x')), ['a']);
  t.deepEqual(events, ['registered x a']);
  t.is(world.reads.members, members);
  t.is(world.reads.vitals <= 15, true);
});

test('when the stream of news is blocked, the view is read again within two beats (S2-07, S4-24, regression 21)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  world.put('b', reportOf({ 'x@1': {} }));
  const watcher = await world.watch();
  await world.beats(1);
  watcher.blocked = true;
  world.remove('a');
  await world.beats(1);
  t.deepEqual(ids(watcher.registry.instances('x')), ['a', 'b']);
  await world.beats(1);
  t.deepEqual(ids(watcher.registry.instances('x')), ['b']);
  t.true(watcher.registry.age() < 2 * BEAT_MS);
});

test('after the backend lost everything the view follows what is there now', async (t) => {
  const world = new World();
  for (const id of ['a', 'b', 'c']) world.put(id, reportOf({ 'x@1': {} }));
  const watcher = await world.watch();
  await world.beats(2);
  world.flush();
  world.put('d', reportOf({ 'x@1': {} }));
  await world.beats(1);
  t.deepEqual(ids(watcher.registry.instances('x')), ['d']);
  world.put('e', reportOf({ 'x@1': {} }));
  t.deepEqual(ids(watcher.registry.instances('x')), ['d', 'e']);
});

test('of 1,001 services 1,000 stay in memory; the one that gave way is read again (S2-07)', async (t) => {
  const world = new World();
  world.put('gone', reportOf({ 's0@1': {} }));
  for (let index = 0; index <= 1_000; index += 1) world.put(`n${index}`, reportOf({ [`s${index}@1`]: {} }));
  const { registry } = await world.watch();
  t.is(registry.size, 1_000);
  t.is(registry.services().length, 1_001);
  const reads = world.reads.serving;
  // A change of one of its instances does not bring back half of it.
  world.remove('gone');
  world.put('n0', reportOf({ 's0@1': { tags: ['new'] } }));
  t.deepEqual(ids(await registry.discover('s0')), ['n0']);
  t.is(world.reads.serving, reads + 1);
  t.is(registry.size, 1_000);
  t.deepEqual(ids(registry.instances('s0')), ['n0']);
  // And what is asked for at once comes in the background; until then the answer about methods is: perhaps.
  const [lost] = Array.from({ length: 1_001 }, (_, index) => `s${index}`).filter(
    (name) => registry.instances(name).length === 0,
  );
  t.true(registry.knows(`${lost ?? ''}@1`, 'nonsense', 'self'));
  await world.clock.advance(0);
  t.is(registry.instances(lost ?? '').length, 1);
  t.false(registry.knows(`${lost ?? ''}@1`, 'nonsense', 'self'));
  t.is(registry.size, 1_000);
});

test('another node announces a method or it does not', async (t) => {
  const world = new World();
  world.put('self', reportOf({ 'x@1': { methods: ['get', 'old'] } }));
  world.put('b', reportOf({ 'x@1': { methods: ['get'] }, 'x@2': { methods: ['new'] } }));
  const { registry } = await world.watch();
  t.true(registry.knows('x@1', 'get', 'self'));
  t.false(registry.knows('x@1', 'old', 'self'));
  t.false(registry.knows('x@1', 'new', 'self'));
  t.true(registry.knows('x@2', 'new', 'self'));
  t.false(registry.knows('z@1', 'get', 'self'));
});

test('services are summed up by version and status', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  world.put('b', reportOf({ 'x@1': { status: 'unhealthy' }, 'x@2': { version: '2.0.0' } }));
  const { registry } = await world.watch();
  t.deepEqual(registry.services(), [
    { service: 'x', instances: 3, versions: { '1.0.0': 2, '2.0.0': 1 }, statuses: { healthy: 2, unhealthy: 1 } },
  ]);
});

test('what cannot be read is left out and said in the log, and hurts nobody (S4-37)', async (t) => {
  const world = new World();
  world.reports.set('junk', 'not a report');
  world.put('half', {
    ...reportOf({ 'x@1': {} }),
    serves: { 'x@1': reportOf({ 'x@1': {} }).serves['x@1'], 'y@1': { version: 7 } },
  });
  world.put('good', reportOf({ 'x@1': {} }));
  world.records.set('x/good', { name: 'x/good', revision: 1, body: { status: 'on fire' }, at: 0, by: 'me' });
  const { registry, logged } = await world.watch();
  t.deepEqual(ids(registry.instances('x')), ['good', 'half']);
  world.tell('changed', 'good', { name: [] });
  world.tell('mark', 'nonsense', 12);
  world.tell('something-new', 'x', {});
  world.vitals.set('good', { load: 'much' });
  await world.clock.advance(BEAT_MS);
  t.deepEqual(ids(await registry.discover('x')), ['good', 'half']);
  const invalid = logged.filter(({ evt }) => evt === 'registry_entry_invalid').map(({ what }) => String(what));
  t.deepEqual([...new Set(invalid)].sort(), ['mark', 'report', 'served', 'vitals']);
  t.true(invalid.length < 20);
});

test('a lookup is answered by the backend first, then from memory until there is news of the service (S2-39, S4-24)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  const { registry } = await world.watch();
  for (let lookup = 0; lookup < 100; lookup += 1) t.is((await registry.discover('x')).length, 1);
  t.like(registry.lookups(), { redis: 1, memory: 99, failed: 0 });
  t.is(registry.lookups().services[0]?.buckets.at(-1), 100);
  t.is(world.reads.serving, 1);
  world.put('a', reportOf({ 'x@1': { weight: 2 } }));
  t.is((await registry.discover('x'))[0]?.weight, 2);
  t.is(world.reads.serving, 2);
});

test('a service that nobody ever served is not found, and forgotten as such within a second (S2-08, S4-24)', async (t) => {
  const world = new World();
  const watcher = await world.watch();
  const { registry, logged } = watcher;
  const missed = async (): Promise<string> => codeOf(await t.throwsAsync(registry.discover('x')));
  await world.beats(1);
  watcher.blocked = true;
  t.is(await missed(), 'SERVICE_NOT_FOUND');
  t.is(await missed(), 'SERVICE_NOT_FOUND');
  t.is(world.reads.serving, 1);
  t.is(logged.filter(({ evt }) => evt === 'service_lookup_failed').length, 1);
  world.put('a', reportOf({ 'x@1': {} }));
  await world.clock.advance(1_001);
  t.deepEqual(ids(await registry.discover('x')), ['a']);
  // Once it was there, none is an answer.
  watcher.blocked = false;
  await registry.resync();
  world.remove('a');
  t.deepEqual(await registry.discover('x'), []);
});

test('no backend is not the same as no service (S4-09)', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  const { registry } = await world.watch();
  await registry.discover('x');
  world.away = true;
  t.is(codeOf(await t.throwsAsync(registry.discover('y'))), 'TRANSPORT');
  t.deepEqual(ids(await registry.discover('x')), ['a']);
  await world.clock.advance(10_001);
  t.is(codeOf(await t.throwsAsync(registry.discover('x'))), 'TRANSPORT');
  t.deepEqual(ids(registry.instances('x')), ['a']);
  world.away = false;
  t.deepEqual(ids(await registry.discover('x')), ['a']);
});

test('what is read while news come is not kept when it may be older than they', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  world.put('b', reportOf({ 'x@1': {} }));
  const { registry } = await world.watch();
  world.meanwhile = () => world.remove('a');
  t.deepEqual(ids(await registry.discover('x')), ['b']);
  t.is(world.reads.serving, 2);
  t.deepEqual(ids(registry.instances('x')), ['b']);
});

test('how instances fare is read once a beat while somebody asks, and not at all otherwise', async (t) => {
  const world = new World();
  world.put('a', reportOf({ 'x@1': {} }));
  world.vitals.set('a', vitalsOf('x@1', 3, 0.5));
  const { registry, balancer } = await world.watch();
  await world.beats(20);
  t.is(world.reads.vitals, 0);
  balancer.started('x', 'a');
  for (let pick = 0; pick < 50; pick += 1) registry.pick('x');
  await world.clock.advance(1);
  t.is(world.reads.vitals, 1);
  t.like(registry.instances('x')[0], { inFlight: 3, elsewhere: 2, load: 0.5 });
  await world.beats(60);
  t.true(world.reads.vitals >= 10 && world.reads.vitals <= 14, String(world.reads.vitals));
  // Old figures are not kept for the next who asks.
  t.like(registry.instances('x')[0], { inFlight: 0, load: 0 });
});

test('the log tells what becomes of services and instances (S4-40)', async (t) => {
  const world = new World();
  const { logged } = await world.watch();
  world.put('a', reportOf({ 'x@1': {} }));
  world.put('a', reportOf({ 'x@1': { status: 'unhealthy' } }));
  world.put('a', reportOf({ 'x@1': {} }));
  world.remove('a');
  t.deepEqual(
    logged.map(({ evt }) => evt),
    ['service_registered', 'instance_marked_unhealthy', 'instance_recovered', 'service_deregistered'],
  );
});

test('99 of 100 lookups in memory take less than 0.05 ms (S2-01)', async (t) => {
  const world = new World();
  for (let index = 0; index < 100; index += 1) world.put(`n${index}`, reportOf({ 'x@1': {} }));
  const { registry } = await world.watch();
  const times = Array.from({ length: 10_000 }, () => {
    const from = performance.now();
    registry.instances('x');
    return performance.now() - from;
  }).sort((one, other) => one - other);
  t.true((times[9_900] ?? Infinity) < 0.05, `${times[9_900]} ms`);
});
