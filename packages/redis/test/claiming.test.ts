/** Reading many mailboxes by few connections, within the room there is. */
import test from 'ava';
import { LIMITS, TestNode, until, type Served } from './house.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

let server: RedisServer;
let spaces = 0;
const space = (): string => `claiming-${process.pid}-${++spaces}`;
const CALM = { intervalMs: 1_000, ttlMs: 6_000, stallMs: 1_000, evictMs: 30_000 };

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

test.serial('a hundred mailboxes are read by two connections, cold ones at once as well', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', CALM);
  const all: Served[] = await Promise.all(
    Array.from({ length: 100 }, (_, i) => node.serve(`m${i}@1`, { settle: true })),
  );
  for (const i of [99, 0, 50, 99, 31, 32, 98, 99]) {
    const served = all[i] as Served;
    const before = served.claims.length;
    await node.send(`m${i}@1`, 'x');
    const took = await until(`mailbox ${i}`, () => served.claims.length > before);
    t.true(took < 500, `mailbox ${i} took ${Math.round(took)} ms`);
  }
  await Promise.all(
    all.map(async (_, i) => {
      for (let n = 0; n < 5; n += 1) await node.send(`m${i}@1`, `${i}-${n}`);
    }),
  );
  await until('all of them', () =>
    all.every((served, i) => served.texts().filter((text) => text.startsWith(`${i}-`)).length === 5),
  );
  t.is((await node.link.health()).connections, 6);
  await until('everything settled', async () => (await node.link.broker.depth('m99@1')).messages === 0);
  await node.end();
});

test.serial(
  'a full mailbox does not keep its neighbours from being read, and is read again when room returns',
  async (t) => {
    const ns = space();
    const node = await TestNode.joined(server.url, ns, 'node', CALM);
    const full = await node.serve('full@1', { room: 2 });
    const free = await node.serve('free@1', { settle: true });
    for (let i = 0; i < 5; i += 1) await node.send('full@1', String(i));
    await until('two claims', () => full.claims.length === 2);
    for (let i = 0; i < 50; i += 1) await node.send('free@1', String(i));
    await until('the neighbour', () => free.claims.length === 50);
    t.true(full.claims.length <= 3, 'at most a frame more than there is room for');
    await node.end();
  },
);

test.serial('room that returns right after it was asked for in vain is not forgotten', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', CALM);
  // A neighbour keeps a read under way that the mailbox is not part of while it has no room.
  await node.serve('neighbour@1');
  const taken: number[] = [];
  let open = 0;
  let wakes = 0;
  const wake = (): void => {
    wakes += 1;
    reader.wake();
  };
  const reader = await node.link.broker.consume('narrow@1', LIMITS, {
    room: () => {
      if (open > 0) {
        // As when a handler ends before whoever asked goes on.
        open = 0;
        queueMicrotask(wake);
        return 0;
      }
      return 1;
    },
    take: (claims) => {
      open += claims.length;
      for (const claim of claims) {
        taken.push(Number(Buffer.from(claim.frame).toString()));
        void node.link.broker.settle([{ kind: 'done', claim }]);
      }
    },
  });
  // Of so much the next read is on its way before it is handed over.
  for (let i = 0; i < 50; i += 1) await node.send('narrow@1', String(i).padEnd(5_000));
  // A read under way lasts almost 4 s when nobody ends it.
  await until('all of them', () => taken.length === 50, 2_000);
  t.true(wakes > 0);
  t.deepEqual(
    taken,
    Array.from({ length: 50 }, (_, i) => i),
  );
  await node.end();
});

test.serial('taking over respects the room too', async (t) => {
  const ns = space();
  const mortal = await TestNode.joined(server.url, ns, 'mortal', CALM);
  const heir = await TestNode.joined(server.url, ns, 'heir', CALM);
  const held = await mortal.serve('heirloom@1');
  for (let i = 0; i < 10; i += 1) await heir.send('heirloom@1', String(i));
  await until('ten claims', () => held.claims.length === 10);
  let open = 0;
  let most = 0;
  const taken: string[] = [];
  const reader = await heir.link.broker.consume(
    'heirloom@1',
    { maxLength: 1_000, maxBytes: 1_000_000 },
    {
      room: () => Math.max(0, 2 - open),
      take: (claims) => {
        open += claims.length;
        most = Math.max(most, open);
        for (const claim of claims) {
          taken.push(Buffer.from(claim.frame).toString());
          setTimeout(() => {
            void heir.link.broker.settle([{ kind: 'done', claim }]).then(() => {
              open -= 1;
              reader.wake();
            });
          }, 5);
        }
      },
    },
  );
  await mortal.link.membership.leave();
  await until('all ten', () => taken.length === 10);
  t.deepEqual(
    taken,
    Array.from({ length: 10 }, (_, i) => String(i)),
  );
  t.true(most <= 3, `${most} in hand at once`);
  await until('everything settled', async () => (await heir.link.broker.depth('heirloom@1')).messages === 0);
  t.is(await server.client.scard(`{${ns}:0}:orphans`), 0);
  await mortal.link.close();
  await heir.end();
});

test.serial('a read brings no more than there is room for, over all mailboxes', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', CALM);
  const sender = await TestNode.joined(server.url, ns, 'sender', CALM);
  for (let m = 0; m < 5; m += 1) for (let i = 0; i < 30; i += 1) await sender.send(`b${m}@1`, `${m}-${i}`);
  const all = await Promise.all(
    Array.from({ length: 5 }, (_, m) => node.serve(`b${m}@1`, { room: m + 1, settle: false })),
  );
  await until('the rooms to fill', () => all.every((served, m) => served.claims.length >= m + 1));
  await new Promise((resolve) => setTimeout(resolve, 200));
  all.forEach((served, m) => t.true(served.claims.length <= m + 2, `${served.claims.length} for a room of ${m + 1}`));
  await node.end();
  await sender.end();
});

test.serial('what is due moves on time, also when it was put aside by a node that is gone', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', { ...CALM, intervalMs: 200 });
  const passing = await TestNode.joined(server.url, ns, 'passing', CALM);
  const served = await node.serve('later@1', { settle: true });
  const at = node.link.now() + 300;
  await node.send('later@1', 'own', 1, at);
  await until('the own one', () => served.texts().includes('own'));
  const late = node.link.now() - at;
  t.true(late >= 0 && late < 150, `${late.toFixed(1)} ms late`);
  await passing.send('later@1', 'legacy', 1, node.link.now() + 300);
  await passing.end();
  await until('the legacy', () => served.texts().includes('legacy'));
  await until('everything settled', async () => (await node.link.broker.depth('later@1')).messages === 0);
  await node.end();
});
