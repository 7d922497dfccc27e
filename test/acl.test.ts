/** The users that docs/operations.md recommends, on a Redis of the test's own: what they need they may, and no more. */
import { readFile } from 'node:fs/promises';
import { actor, contract, createNode, topic, type ActorNode } from 'homeostat';
import { Redis } from 'ioredis';
import { z } from 'zod';
import test from 'ava';
import { RedisProcess } from './support/redis-process.ts';

const WITHIN_MS = 15_000;
const PAGE = new URL('../../docs/operations.md', import.meta.url);
const shop = contract('shop', {
  methods: {
    buy: { input: z.string(), output: z.string(), errors: { SOLD_OUT: z.object({}) } },
    ship: { input: z.string() },
  },
});
/** The password of each user, which the page leaves to its reader. */
const PASSWORD = 'of-the-test';
/** As in lua/lib/revision.lua: somebody came or went. */
const MEMBERS_CHANGED = 2 ** 20;
const BEAT = { intervalMs: 100, ttlMs: 400 };

process.env['LOG_LEVEL'] = 'silent';

let redis: RedisProcess;
let service: ActorNode;
let caller: ActorNode;
let fails = 0;
const shipped: string[] = [];

function urlOf(user: string): string {
  return `redis://${user}:${PASSWORD}@127.0.0.1:${redis.port}`;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + WITHIN_MS; !(await holds());) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What the server refused anybody so far. */
async function refusals(): Promise<string[]> {
  const log = await redis.command<unknown[][]>('ACL', 'LOG', 128);
  return log.map((entry) => entry.map(String).join(' '));
}

test.before(async () => {
  redis = await RedisProcess.start();
  const [, block] = /```acl\n([^`]+)```/.exec(await readFile(PAGE, 'utf8'))!;
  for (const line of block!.trim().split('\n')) {
    const [, name, ...rules] = line.replaceAll(/>[A-Z-]+/g, `>${PASSWORD}`).split(' ');
    // The test itself goes on as the user `default`: who is switched off stays connected, but keeps no more than it had.
    await redis.command('ACL', 'SETUSER', name!, ...(name === 'default' ? [] : ['reset']), ...rules);
  }
  service = await createNode({ redis: urlOf('service'), name: 'shop', beat: BEAT, signals: false });
  const shopActor = actor(
    shop,
    {
      buy: (what, ctx) => {
        if (what === 'gold') throw ctx.fail('SOLD_OUT', {});
        return `${what} from ${ctx.caller.slice(0, 6)}`;
      },
      ship: (what) => {
        if (what === 'glass' && fails++ < 2) throw new Error('broken');
        shipped.push(what);
      },
    },
    { redelivery: { deliveries: 2, delayMs: 10 } },
  );
  await service.serve(shopActor);
  caller = await createNode({ redis: urlOf('orders'), name: 'orders', beat: BEAT, signals: false });
});

test.after.always(async () => {
  await caller?.close();
  await service?.close();
  await redis?.stop();
});

test.serial(
  'under the users of the page nodes call, cast, delay, redeliver, replay and look, and nothing is refused',
  async (t) => {
    const api = caller.client(shop, { timeoutMs: WITHIN_MS });
    t.is(await api.buy('a book'), 'a book from orders');
    const refused = await api.buy.try('gold');
    t.is(refused.ok ? '' : refused.error.code, 'SOLD_OUT');
    await api.ship.cast('a pen');
    await api.ship.cast('a hat', { delayMs: 50 });
    await api.ship.cast('glass');
    await until('the glass is a dead letter', async () => (await caller.depth(shop)).dead === 1);
    const [letter] = await service.deadLetters(shop).list();
    await service.deadLetters(shop).replay(letter!.id);
    await until('all are shipped', () => shipped.length === 3);
    t.deepEqual([...shipped].sort(), ['a hat', 'a pen', 'glass']);
    await until('the mailbox is empty', async () => (await caller.depth(shop)).messages === 0);
    t.deepEqual(await refusals(), []);
  },
);

test.serial(
  'under the users of the page either node declares a silent one dead, and the service takes over its work',
  async (t) => {
    const lane = '{homeostat:0}:';
    await redis.command('HSET', `${lane}members`, 'ghost-1', 1);
    await redis.command('INCRBY', `${lane}revision`, MEMBERS_CHANGED);
    await until('the ghost is reaped', async () => (await redis.command('HEXISTS', `${lane}members`, 'ghost-1')) === 0);
    await service.close();
    shipped.length = 0;
    await redis.command('HSET', `${lane}members`, 'ghost-2', 1);
    await redis.command('SADD', `${lane}serves:ghost-2`, shop.mailbox);
    await redis.command('INCRBY', `${lane}revision`, MEMBERS_CHANGED);
    await caller.client(shop).ship.cast('a lamp');
    await redis.command('XREADGROUP', 'GROUP', 'g', 'ghost-2', 'STREAMS', `${lane}mailbox:${shop.mailbox}`, '>');
    await until('the caller reaps', async () => (await redis.command('HEXISTS', `${lane}members`, 'ghost-2')) === 0);
    service = await createNode({ redis: urlOf('service'), name: 'shop', beat: BEAT, signals: false });
    await service.serve(
      actor(shop, {
        buy: (what) => what,
        ship: (what) => {
          shipped.push(what);
        },
      }),
    );
    await until('the lamp is shipped', () => shipped.includes('a lamp'));
    t.deepEqual(await refusals(), []);
  },
);

test.serial('under the users of the page topics and schedules do all they do, and nothing is refused', async (t) => {
  await redis.command('ACL', 'LOG', 'RESET');
  const kept = topic('acl.kept', z.number(), { keep: { messages: 10 }, retention: { messages: 3 } });
  const got: string[] = [];
  const forgotten = await service.subscribe(kept, () => undefined, { group: 'forgotten' });
  await forgotten.close();
  await service.subscribe(kept, (n, ctx) => void got.push(`${ctx.group} ${n}`), { group: 'named' });
  await service.subscribe('acl.*', (n, ctx) => void got.push(`${ctx.group} ${String(n)}`), { group: 'matched' });
  for (let n = 0; n < 5; n += 1) await service.publish(kept, n);
  await until('both groups have all', () => got.length === 10);
  t.is(service.topics.stats().droppedGroups, 1);
  await service.subscribe(kept, (n, ctx) => void got.push(`${ctx.group} ${n}`), { group: 'late', from: 'oldest' });
  await service.topics.replay(kept, 'named', 'oldest');
  await until('what is kept came again', () => got.length === 20);
  await service.topics.drop(kept, 'named');
  await service.topics.drop('acl.*', 'matched');
  t.deepEqual(
    (await service.topics.list()).flatMap(({ groups }) => groups.map(({ group }) => group)),
    ['late'],
  );
  // Who may only call and cast makes ticks as well: whose turn it is differs from name to name.
  shipped.length = 0;
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const name of names)
    await caller.schedules.put(name, { every: 100, limit: 3, contract: shop, method: 'ship', input: name });
  await until('all ticks', () => shipped.length >= 18);
  await until('their end', async () => (await caller.schedules.list()).every(({ nextAt }) => nextAt === undefined));
  t.false(await caller.schedules.cancel('a'));
  t.deepEqual(await refusals(), []);
});

test.serial('the service has shared state; a caller has what of it the page says to give it', async (t) => {
  await redis.command('SET', '{homeostat:0}:state:secrets:k', '1:0:x');
  const carts = service.state<number>('carts', { ttlMs: 60_000, sliding: true });
  const theirs = caller.state<number>('carts', { ttlMs: 60_000, sliding: true });
  t.true(await carts.set('k', 1));
  t.like(await t.throwsAsync(theirs.get('k')), { code: 'TRANSPORT' });
  const [, selector] = /`(\(~\{homeostat:\*\}:state:carts:[^`]+)`/.exec(await readFile(PAGE, 'utf8'))!;
  await redis.command('ACL', 'SETUSER', 'orders', selector!);
  for (const state of [carts, theirs]) {
    t.is(await state.get('k'), 1);
    t.true(await state.touch('k'));
    t.true(((await state.ttl('k')) ?? 0) > 0);
    const revision = (await state.entry('k'))?.revision ?? 0;
    t.true((await state.cas('k', revision, 1)).ok);
    t.true((await state.multi((tx) => tx.set('other', 2).delete('other'))).ok);
  }
  t.true(await theirs.delete('k'));
  t.like(await t.throwsAsync(caller.state('secrets').get('k')), { code: 'TRANSPORT' });
});

const FORBIDDEN: readonly (readonly [user: string, ...command: string[]])[] = [
  ['service', 'FLUSHALL'],
  ['service', 'KEYS', '*'],
  ['service', 'CONFIG', 'GET', '*'],
  ['service', 'SCRIPT', 'FLUSH'],
  ['service', 'XGROUP', 'DESTROY', '{homeostat:0}:mailbox:shop@1', 'g'],
  ['service', 'DEL', '{homeostat:0}:mailbox:shop@1'],
  ['service', 'GET', '{other:0}:node:x'],
  ['service', 'EVAL', "return redis.call('GET', '{other:0}:node:x')", '0'],
  ['orders', 'XREADGROUP', 'GROUP', 'g', 'x', 'STREAMS', '{homeostat:0}:mailbox:shop@1', '>'],
  ['orders', 'XRANGE', '{homeostat:0}:mailbox:shop@1', '-', '+'],
  ['orders', 'XRANGE', '{homeostat:0}:dead:shop@1', '-', '+'],
  ['orders', 'XREAD', 'STREAMS', '{homeostat:0}:inbox:shop-1', '0'],
  ['orders', 'XDEL', '{homeostat:0}:mailbox:shop@1', '1-1'],
  ['orders', 'UNLINK', '{homeostat:0}:mailbox:shop@1'],
  ['orders', 'EVAL', "return redis.call('XRANGE', KEYS[1], '-', '+')", '1', '{homeostat:0}:dead:shop@1'],
  ['orders', 'FLUSHALL'],
  ['watch', 'XADD', '{homeostat:0}:mailbox:shop@1', '*', 'f', 'x'],
  ['watch', 'HSET', '{homeostat:0}:members', 'x', '1'],
  ['watch', 'KEYS', '*'],
];

for (const [user, ...command] of FORBIDDEN) {
  test.serial(`the user ${user} may not ${command.join(' ')}`, async (t) => {
    const connection = new Redis(urlOf(user), { protocol: 2, disableClientInfo: true });
    try {
      const refused = await t.throwsAsync(connection.call(...(command as [string, ...string[]])));
      t.regex(refused?.message ?? '', /NOPERM|permission|not allowed|can't (access|run)/i);
    } finally {
      connection.disconnect();
    }
  });
}

test.serial('the user watch may look at members, reports, mailboxes and dead letters', async (t) => {
  const connection = new Redis(urlOf('watch'), { protocol: 2, disableClientInfo: true });
  try {
    const members = await connection.hkeys('{homeostat:0}:members');
    t.true(members.length > 0);
    t.regex((await connection.get(`{homeostat:0}:report:${members[0]}`)) ?? '', /"status":"healthy"/);
    t.is(((await connection.xinfo('GROUPS', '{homeostat:0}:mailbox:shop@1')) as unknown[]).length, 1);
    t.is(await connection.xlen('{homeostat:0}:dead:shop@1'), 0);
  } finally {
    connection.disconnect();
  }
});
