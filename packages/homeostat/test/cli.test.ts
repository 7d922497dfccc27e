import test from 'ava';
import { z } from 'zod';
import { actor, contract, createNode, topic, type ActorNode } from '../src/index.ts';
import { waitFor } from '../src/testing.ts';
import { commandLine, freePort, homeostat, startRedis, type RedisServer } from './house.ts';

// What is done to the node on purpose is no news.
process.env['LOG_LEVEL'] ??= 'silent';
const NAMESPACE = `cli-${process.pid}`;
const SOON_MS = 10_000;

const cache = { ttlMs: 60_000 };
const users = contract('users', {
  version: '1.2.0',
  methods: { find: { kind: 'query', cache }, list: { kind: 'query', cache }, drop: {} },
});
const nothing = () => undefined;
const orders = contract('orders', { methods: { place: {}, spoil: {} } });

let server: RedisServer;
let node: ActorNode;
/** Of the node that serves. */
let id = '';

test.before(async () => {
  server = await startRedis();
  node = await createNode({ redis: server.url, namespace: NAMESPACE, name: 'live', signals: false });
  await node.serve(actor(users, { find: nothing, list: nothing, drop: nothing }), { tags: ['eu'] });
  const failing = { redelivery: { deliveries: 1 } };
  const handlers = {
    place: nothing,
    spoil: () => {
      throw new Error('spoilt');
    },
  };
  await node.serve(actor(orders, handlers, failing));
  id = node.id;
});

test.after.always(async () => {
  await node?.close();
  await server?.end();
});

const { run, json, refused } = commandLine(NAMESPACE, () => server);
const soon = (what: string) => ({ withinMs: SOON_MS, what });
const statusOf = (service: string) => node.registry.instances(service, { status: 'any' })[0]?.status;

test.serial('status tells of backend, nodes, services and breakers, and leaves no node behind (S2-43)', async (t) => {
  const seen = await json<{ nodes: unknown[] }>(t, 'status');
  t.like(seen, {
    namespace: NAMESPACE,
    backend: { connected: true },
    services: { total: 2, healthy: 2, unhealthy: 0 },
    openBreakers: [],
  });
  t.is(seen.nodes.length, 1);
  t.like(seen.nodes[0], { nodeId: id, nodeName: 'live', pid: process.pid, serves: ['users@1', 'orders@1'] });
  await waitFor(() => node.registry.nodes().every((one) => one === id), soon('the command line to have left'));
});

test.serial('topics shows groups and what waits for them, and ends one of them', async (t) => {
  const created = topic('orders.created', z.object({ id: z.number() }));
  await (await node.subscribe(created, () => undefined, { group: 'mailer' })).close();
  await (await node.subscribe('orders.*', () => undefined, { group: 'audit' })).close();
  for (let id = 0; id < 3; id += 1) await node.publish(created, { id });
  t.like(await json(t, 'topics'), {
    topics: [
      {
        ...{ topic: 'orders.created', published: 3, kept: 0, dropped: 0 },
        groups: [
          { group: 'mailer', messages: 3, dead: 0, filling: false },
          { group: 'audit', messages: 3, dead: 0, filling: false, pattern: 'orders.*' },
        ],
      },
    ],
  });
  t.deepEqual(await json(t, 'topics', 'nobody'), { topics: [] });
  t.regex((await run('topics')).out, /^orders\.created +3 +0 +mailer +3 /m);
  t.like(await json(t, 'topics', 'drop', 'orders.created', 'mailer'), {
    dropped: [{ topic: 'orders.created', group: 'mailer', messages: 3 }],
  });
  t.like(await json(t, 'topics', 'drop', 'orders.*', 'audit'), { dropped: [{ group: 'audit', messages: 3 }] });
  await refused(t, 'CONFIG', 'topics', 'drop', 'Orders', 'audit');
});

test.serial('dead shows why letters died, of actors and of groups, puts them back and drops them', async (t) => {
  const presses = contract('presses', { methods: { spoil: {} } });
  const spoil = () => {
    throw new Error('spoilt');
  };
  await node.serve(actor(presses, { spoil }, { redelivery: { deliveries: 1 } }));
  const api = node.client(presses);
  const dead = async (word: string) =>
    (await json<{ letters: { id: string; message: string; input?: unknown }[] }>(t, 'dead', word)).letters;
  for (let count = 0; count < 3; count += 1) await api.spoil.cast();
  await waitFor(async () => (await dead('presses')).length === 3, soon('three to be dead'));
  const [first, second] = await dead('presses');
  t.like(first, { mailbox: 'presses@1', method: 'spoil', deliveries: 1, reason: 'HANDLER', message: 'spoilt' });
  t.false('input' in first!);
  t.regex((await run('dead', 'presses', '--limit', '1', '--input')).out, /^ID +DIED .+\n.+ presses@1\.spoil .+ spoilt/);
  t.deepEqual(await json(t, 'dead', 'drop', 'presses', first!.id, first!.id), { action: 'drop', done: 1, gone: 1 });
  t.like(await json(t, 'dead', 'replay', 'presses@1', second!.id), { done: 1, gone: 0 });
  await waitFor(async () => (await node.depth(presses)).messages === 0, soon('it to have died again'));
  t.is((await dead('presses')).length, 2);
  t.like(await json(t, 'dead', 'drop', 'presses', '--all'), { done: 2 });
  t.deepEqual(await dead('presses'), []);
  t.is((await run('dead', 'presses')).out, 'none is dead\n');

  const created = topic('orders.made', z.object({ id: z.number() }));
  const group = await node.subscribe(
    created,
    () => {
      throw new Error('no paper');
    },
    { group: 'printer', redelivery: { deliveries: 1 } },
  );
  await node.publish(created, { id: 7 });
  const mailbox = 'topic.orders.made@printer';
  await waitFor(async () => (await dead('topic.orders.made')).length === 1, soon('its copy to be dead'));
  t.like(await json(t, 'dead', mailbox, '--input'), { letters: [{ mailbox, message: 'no paper', input: { id: 7 } }] });
  t.like(await json(t, 'stats', 'topic.orders.made'), { mailboxes: [{ mailbox, dead: 1, instances: 1 }] });
  t.like(await json(t, 'stats', mailbox), { mailboxes: [{ mailbox, dead: 1, instances: 1 }] });
  await group.close();
  await node.topics.drop(created, 'printer');
  await node.unserve(presses);
  await refused(t, 'SERVICE_NOT_FOUND', 'dead', 'userz');
  await refused(t, 'CONFIG', 'dead', 'replay', 'presses@1', 'nonsense');
});

test.serial('call shows what a method answers, cast leaves a message, and neither asks who is not there', async (t) => {
  const sums = contract('sums', { methods: { add: { input: z.array(z.number()), output: z.number() }, note: {} } });
  const noted: (string | undefined)[] = [];
  await node.serve(
    actor(sums, {
      add: (all) => all.reduce((sum, one) => sum + one, 0),
      note: (_, ctx) => void noted.push(ctx.key, ctx.id),
    }),
  );
  t.deepEqual(await json(t, 'call', 'sums.add', '[1,2,3]'), { answer: 6 });
  t.is((await run('call', 'sums@1.add', '[]', '--timeout', '5s')).out, '0\n');
  t.is((await run('call', 'sums.note')).out, 'done\n');
  t.deepEqual(await json(t, 'cast', 'sums.note', '--key', 'ann', '--id', 'a-1', '--delay', '10ms'), {
    ...{ service: 'sums', method: 'note', accepted: true },
  });
  await waitFor(() => noted.length === 4, soon('the cast'));
  t.deepEqual(noted, [undefined, undefined, 'ann', 'a-1']);
  await refused(t, 'VALIDATION', 'call', 'sums.add', 'one');
  await refused(t, 'METHOD_NOT_FOUND', 'call', 'sums.sub', '[]');
  await refused(t, 'SERVICE_NOT_FOUND', 'call', 'sums@2.add', '[]');
  await refused(t, 'SERVICE_NOT_FOUND', 'cast', 'zums.add', '[]');
  await node.unserve(sums);
});

test.serial('services, instances and health say who serves what and how it fares (S2-06, S2-43)', async (t) => {
  t.deepEqual(await json(t, 'services'), {
    services: [
      { service: 'orders', instances: 1, versions: { '1.0.0': 1 }, statuses: { healthy: 1 } },
      { service: 'users', instances: 1, versions: { '1.2.0': 1 }, statuses: { healthy: 1 } },
    ],
  });
  t.like(await json(t, 'instances', 'users'), {
    service: 'users',
    instances: [{ nodeId: id, mailbox: 'users@1', version: '1.2.0', status: 'healthy', tags: ['eu'], load: 0 }],
  });
  t.like(await json(t, 'health'), { total: 2, healthy: 2, unhealthy: 0 });
  t.like(await json(t, 'health', 'users', '--ping'), { service: 'users', isHealthy: true, healthyInstances: 1 });
});

test.serial('instances tells how long handlers take, as the node last said (S2-06)', async (t) => {
  await node.client(users).find(undefined, { cache: 'refresh' });
  interface Fares {
    readonly instances: readonly { readonly responseMs?: number }[];
  }
  const fares = await waitFor(async () => {
    const seen = await json<Fares>(t, 'instances', 'users');
    return seen.instances[0]?.responseMs === undefined ? undefined : seen;
  }, soon('the next beat'));
  t.true(fares.instances[0]!.responseMs! > 0);
});

test.serial('config sets, shows and remembers what is set live; another revision is a conflict (S2-06)', async (t) => {
  t.deepEqual(await json(t, 'config', 'get', 'users'), { service: 'users', revision: 0, settings: {} });
  const first = await json(t, 'config', 'set', 'users', 'timeoutMs=2000', 'retry={"attempts":2}', '--expect', '0');
  t.deepEqual(first, { service: 'users', revision: 1, settings: { timeoutMs: 2000, retry: { attempts: 2 } } });
  await json(t, 'config', 'set', 'users', 'retry.delayMs=5', 'timeoutMs=null');
  await waitFor(() => node.config.get('users').revision === 2, soon('the node to hear of it'));
  t.deepEqual(node.config.get('users').settings, { retry: { attempts: 2, delayMs: 5 } });
  t.like(node.config.effective('users').retry, { attempts: 2, delayMs: 5 });

  await refused(t, 'REVISION_CONFLICT', 'config', 'set', 'users', 'timeoutMs=1', '--expect', '0');
  await refused(t, 'REVISION_CONFLICT', 'config', 'set', 'users', 'retry.delayMs=1', '--expect', '0');
  await refused(t, 'CONFIG', 'config', 'set', 'users', 'timeoutMs=soon');
  await refused(t, 'RESTART_REQUIRED', 'config', 'set', 'users', 'pool=threads');
  const { changes } = await json<{ changes: { by: string }[] }>(t, 'config', 'history', 'users');
  t.like(changes, [{ revision: 1 }, { revision: 2, to: { retry: { attempts: 2, delayMs: 5 } } }]);
  t.regex(changes[0]!.by, /^.+@.+$/);
  t.like(await json(t, 'config', 'get', 'users'), { revision: 2 });
});

test.serial('delivery switches a service off with a reason, and on again (S2-43)', async (t) => {
  const off = await json(t, 'delivery', 'set', 'orders', 'disabled', '--reason', 'stocktaking');
  t.deepEqual(off, { service: 'orders', delivery: 'disabled', reason: 'stocktaking', revision: 1 });
  await waitFor(() => node.config.effective('orders').delivery === 'disabled', soon('the node to hear of it'));
  await t.throwsAsync(async () => node.client(orders).place(), { code: 'SERVICE_DISABLED', message: /stocktaking/ });
  t.like(await json(t, 'delivery', 'set', 'orders', 'remote'), { delivery: 'remote', reason: null, revision: 2 });
  await waitFor(() => node.config.effective('orders').delivery === 'remote', soon('the node to hear of it'));
  t.is(await node.client(orders).place(), undefined);
});

test.serial('breakers are listed, and a breaker is opened, closed and reset by hand (S2-43)', async (t) => {
  const call = () => node.client(users).drop();
  const opened = ['breaker', 'users.drop', 'open', '--reason', 'moving', '--ttl', '10m'];
  t.like(await json(t, ...opened), { name: 'users.drop', phase: 'open', manual: true, reason: 'moving' });
  await t.throwsAsync(async () => waitFor(() => call().then(() => false), soon('the breaker')), {
    code: 'CIRCUIT_OPEN',
    message: /moving/,
  });
  t.like(await json(t, 'breakers'), { breakers: [{ name: 'users.drop', phase: 'open' }] });
  t.like(await json(t, 'status'), { openBreakers: [{ name: 'users.drop' }] });
  t.like(await json(t, 'breaker', 'users.drop', 'close', '--reason', 'moved'), { phase: 'closed' });
  t.like(await json(t, 'breaker', 'users.drop', 'reset'), { phase: 'closed', failures: 0, reason: 'reset' });
  await waitFor(
    () =>
      call().then(
        () => true,
        () => false,
      ),
    soon('calls to pass'),
  );

  await refused(t, 'METHOD_NOT_FOUND', 'breaker', 'users.fall', 'reset');
  await refused(t, 'CONFIG', 'breaker', 'mine', 'reset');
  t.like(await json(t, 'breaker', 'mine', 'open', '--reason', 'why not', '--force'), { name: 'mine', phase: 'open' });
});

test.serial('an instance is marked by hand with a reason, and the mark is cleared (S2-06)', async (t) => {
  const marked = await json(t, 'mark', 'users', id, 'unhealthy', '--reason', 'disk', '--ttl', '30m');
  t.like(marked, { service: 'users', nodeId: id, mark: 'unhealthy', reason: 'disk' });
  await waitFor(() => statusOf('users') === 'unhealthy', soon('the mark'));
  t.like(await json(t, 'health', 'users'), { isHealthy: false, error: `${id} is unhealthy: disk` });
  t.like(await json(t, 'mark', 'users', id, 'clear'), { mark: null });
  await waitFor(() => statusOf('users') === 'healthy', soon('the mark to be gone'));
  await refused(t, 'CONFIG', 'mark', 'users', 'live-nobody', 'clear');
});

test.serial('a drained node claims nothing more, stats shows what waits, and undo lets it work (S2-06)', async (t) => {
  const drained = await json<{ undo: string }>(t, 'drain', id, '--reason', 'patching');
  t.like(drained, { nodeId: id, draining: true, services: ['users', 'orders'], reason: 'patching' });
  await waitFor(() => statusOf('orders') === 'draining', soon('the mark'));
  await node.client(orders).place.cast();
  await node.client(orders).spoil.cast();
  const waits = await json<{ mailboxes: { oldestAt: number; oldestMs: number }[] }>(t, 'stats', 'orders');
  t.like(waits, { service: 'orders', mailboxes: [{ mailbox: 'orders@1', messages: 2, dead: 0, instances: 1 }] });
  t.true(waits.mailboxes[0]!.oldestMs >= 0 && waits.mailboxes[0]!.oldestAt > 0);

  const undo = drained.undo.split(' ').slice(1);
  t.deepEqual(await json(t, ...undo), { nodeId: id, draining: false, services: ['users', 'orders'] });
  await waitFor(async () => (await node.depth(orders)).dead === 1, soon('what waited to be handled'));
  await waitFor(async () => (await node.depth(orders)).messages === 0, soon('an empty mailbox'));
  t.like(await json(t, 'stats', 'orders@1'), { mailboxes: [{ messages: 0, dead: 1 }] });
  await refused(t, 'CONFIG', 'drain', 'live-nobody');
});

test.serial('schedules lists what happens by the clock, and cancels it for all', async (t) => {
  const found = { contract: users, method: 'find' } as const;
  await node.schedules.put('nightly', { cron: '0 3 * * *', timeZone: 'Europe/Berlin', ...found });
  await node.schedules.put('soon', { every: 3_600_000, ...found });
  const listed = await json<{ schedules: { name: string }[] }>(t, 'schedules');
  t.deepEqual(listed.schedules.map(({ name }) => name).toSorted(), ['nightly', 'soon']);
  const shown = await run('schedules');
  t.regex(shown.out, /nightly +0 3 \* \* \* \(Europe\/Berlin\) +users@1\.find/);
  t.regex(shown.out, /soon +every 60 min/);
  t.like(await json(t, 'schedules', 'cancel', 'soon'), { name: 'soon', cancelled: true });
  t.is((await run('schedules', 'cancel', 'soon')).code, 1);
  t.deepEqual(
    (await node.schedules.list()).map(({ name }) => name),
    ['nightly'],
  );
  t.true(await node.schedules.cancel('nightly'));
});

test.serial('cache clear forgets what is shared, by prefix, and says how much (S2-43)', async (t) => {
  const api = node.client(users);
  await api.find(undefined, { cache: 'refresh' });
  await api.list(undefined, { cache: 'refresh' });
  t.deepEqual(await json(t, 'cache', 'clear', 'users', 'other:'), { service: 'users', prefix: 'other:', cleared: 0 });
  t.like(await json(t, 'cache', 'clear', 'users', 'find:'), { cleared: 1 });
  t.like(await json(t, 'cache', 'clear', 'users'), { cleared: 1 });
});

test.serial('a wrong service is an error in words, and nothing is written (S2-06, S2-43)', async (t) => {
  const { code, out, err } = await run('instances', 'userz');
  t.deepEqual([code, out], [1, '']);
  t.regex(err, /^homeostat: no node serves "userz".*\(SERVICE_NOT_FOUND\)\n$/);
  for (const words of [
    ['health', 'userz'],
    ['stats', 'userz'],
    ['stats', 'userz@1'],
    ['config', 'get', 'userz'],
    ['config', 'set', 'userz', 'timeoutMs=5'],
    ['config', 'history', 'userz'],
    ['delivery', 'set', 'userz', 'local'],
    ['mark', 'userz', id, 'unhealthy'],
    ['breaker', 'userz.find', 'reset'],
    ['cache', 'clear', 'userz'],
  ])
    await refused(t, 'SERVICE_NOT_FOUND', ...words);
  t.is((await node.config.history('userz')).length, 0);
});

test.serial('settings can be made for a service that is yet to come', async (t) => {
  t.like(await json(t, 'config', 'set', 'later', 'timeoutMs=5', '--force'), { revision: 1 });
  t.like(await json(t, 'config', 'get', 'later'), { revision: 1, settings: { timeoutMs: 5 } });
});

test.serial('people read aligned tables, in which nothing is obeyed by a terminal', async (t) => {
  await node.registry.setStatus('users', id, 'degraded', { reason: 'red\u001B[31m\nline' });
  const { code, out } = await run('instances', 'users');
  await node.registry.setStatus('users', id, undefined);
  t.is(code, 0);
  const [head = '', row = '', ...rest] = out.split('\n');
  t.deepEqual(rest, ['']);
  t.is(row.indexOf('degraded'), head.indexOf('STATUS'));
  t.true(row.startsWith(id) && row.endsWith('red [31m line'));
});

test.serial('REDIS_URL stands for --redis', async (t) => {
  const { code, out } = await homeostat(['services', '--json', '--namespace', NAMESPACE], { REDIS_URL: server.url });
  t.is(code, 0);
  t.is((JSON.parse(out) as { services: unknown[] }).services.length, 2);
});

test.serial('where no Redis is, one line says so within a few seconds', async (t) => {
  const startedAt = performance.now();
  const { code, out, err } = await homeostat(['status', '--redis', `redis://127.0.0.1:${await freePort()}`]);
  t.true(performance.now() - startedAt < 5_000);
  t.deepEqual([code, out], [1, '']);
  t.regex(err, /^homeostat: cannot reach Redis at 127\.0\.0\.1:\d+: ECONNREFUSED \(TRANSPORT\)\n$/);
});
