/** What goes wrong between a node and Redis, one fault at a time. */
import test from 'ava';
import { LIMITS, QUICK, TestNode, until } from './house.ts';
import { Proxy } from './proxy.ts';
import { startRedis, type RedisServer } from './redis-server.ts';
import { scripts } from '../src/scripts.ts';

let server: RedisServer;
let spaces = 0;
const space = (): string => `faults-${process.pid}-${++spaces}`;
const SOON_MS = 2_000;

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

async function proxied(port: number): Promise<Proxy> {
  const proxy = new Proxy(port);
  await proxy.listen();
  return proxy;
}

test.serial('an append whose answer was cut is in the mailbox once, however often it is repeated', async (t) => {
  const ns = space();
  const proxy = await proxied(server.port);
  const sender = await TestNode.joined(proxy.url, ns, 'sender');
  for (let i = 1; i <= 10; i += 1) {
    const request = { mailbox: 'once@1', number: i, frame: Buffer.from(`frame-${i}`), count: 1 };
    const cut = proxy.cutReplyTo(`frame-${i}`);
    const failure = await t.throwsAsync(sender.link.broker.append(request));
    await cut;
    t.is((failure as { outcome?: string }).outcome, 'unknown');
    await sender.link.ready(AbortSignal.timeout(SOON_MS));
    await until('the repeated append', async () => {
      try {
        return (await sender.link.broker.append(request)).kind === 'accepted';
      } catch {
        return false;
      }
    });
  }
  t.is(await server.client.xlen(`{${ns}:0}:mailbox:once@1`), 10);
  await sender.end();
  await proxy.close();
});

test.serial('what a cut read had brought is swept by the next connection in less than two seconds', async (t) => {
  const ns = space();
  const proxy = await proxied(server.port);
  const consumer = await TestNode.joined(proxy.url, ns, 'consumer');
  const sender = await TestNode.joined(server.url, ns, 'sender');
  const served = await consumer.serve('swept@1', { settle: true });
  for (let i = 1; i <= 5; i += 1) {
    // The cut is armed by the read that is sent after something arrived; it hits the answer that carries the next frame.
    const cut = proxy.cutReplyTo('xreadgroup');
    await sender.send('swept@1', `arming-${i}`);
    await sender.send('swept@1', `lost-${i}`);
    await cut;
    const took = await until(`frame ${i}`, () => served.texts().includes(`lost-${i}`), SOON_MS);
    t.true(took < SOON_MS);
  }
  await until('everything settled', async () => (await sender.link.broker.depth('swept@1')).messages === 0);
  t.is(new Set(served.texts()).size, served.texts().length, 'nothing was handed out twice');
  await consumer.end();
  await sender.end();
  await proxy.close();
});

test.serial('after a cut on the answer of a taking over the mailbox is read again', async (t) => {
  const ns = space();
  const proxy = await proxied(server.port);
  const heir = await TestNode.joined(proxy.url, ns, 'heir');
  const mortal = await TestNode.joined(server.url, ns, 'mortal');
  const sender = await TestNode.joined(server.url, ns, 'sender');
  const held = await mortal.serve('heirloom@1');
  await sender.send('heirloom@1', 'old');
  await until('the claim', () => held.claims.length === 1);
  const texts: string[] = [];
  let room = 0;
  const reader = await heir.link.broker.consume('heirloom@1', LIMITS, {
    room: () => room,
    take: (claims) => texts.push(...claims.map(({ frame }) => Buffer.from(frame).toString())),
  });
  await mortal.end();
  const { beats } = heir;
  await until('the heir to know', () => heir.beats > beats + 2);
  // Else it is the answer that the script is not known which is cut.
  await server.client.script('LOAD', scripts.adopt.lua);
  const cut = proxy.cutReplyTo(scripts.adopt.sha);
  room = 10;
  reader.wake();
  await cut;
  await until('what was taken over', () => texts.includes('old'));
  await sender.send('heirloom@1', 'new');
  await until('what came afterwards', () => texts.includes('new'), SOON_MS);
  t.deepEqual(texts, ['old', 'new']);
  await heir.end();
  await sender.end();
  await proxy.close();
});

test.serial('a cut on the answer of a settlement neither loses nor repeats the work', async (t) => {
  const ns = space();
  const proxy = await proxied(server.port);
  const node = await TestNode.joined(proxy.url, ns, 'node');
  const sender = await TestNode.joined(server.url, ns, 'sender');
  const served = await node.serve('settled@1');
  await sender.send('settled@1', 'work');
  await until('the claim', () => served.claims.length === 1);
  const claim = served.claims[0];
  if (claim === undefined) throw new Error('no claim');
  const cut = proxy.cutReplyTo(claim.id);
  await t.throwsAsync(node.link.broker.settle([{ kind: 'done', claim }]));
  await cut;
  await node.link.ready(AbortSignal.timeout(SOON_MS));
  t.deepEqual(await node.link.broker.settle([{ kind: 'done', claim }]), ['lost'], 'it was carried out the first time');
  t.is((await sender.link.broker.depth('settled@1')).messages, 0);
  t.is(served.claims.length, 1);
  await node.end();
  await sender.end();
  await proxy.close();
});

test.serial('all connections cut again and again: everything arrives, nothing twice into the mailbox', async (t) => {
  const ns = space();
  const proxy = await proxied(server.port);
  const consumer = await TestNode.joined(proxy.url, ns, 'consumer', { ...QUICK, ttlMs: 3_000 });
  const sender = await TestNode.joined(proxy.url, ns, 'sender', { ...QUICK, ttlMs: 3_000 });
  const served = await consumer.serve('storm@1', { settle: true, room: 4 });
  let sending = true;
  const storm = (async () => {
    while (sending) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      proxy.cut();
    }
  })();
  for (let i = 0; i < 200; i += 1) {
    await sender.sendSurely('storm@1', String(i));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  sending = false;
  await storm;
  await until('an empty mailbox', async () => {
    try {
      return (await sender.link.broker.depth('storm@1')).messages === 0;
    } catch {
      return false;
    }
  });
  t.is(new Set(served.texts()).size, 200);
  t.deepEqual(consumer.evictions, []);
  await consumer.end();
  await sender.end();
  await proxy.close();
});

test.serial('a blackhole is noticed, and what waited comes when it ends', async (t) => {
  const ns = space();
  const proxy = await proxied(server.port);
  const consumer = await TestNode.joined({ url: proxy.url, commandTimeoutMs: 1_000 }, ns, 'consumer', QUICK);
  consumer.rejoins = true;
  const sender = await TestNode.joined(server.url, ns, 'sender');
  const served = await consumer.serve('dark@1', { settle: true });
  proxy.mode('blackhole');
  await sender.send('dark@1', 'in the dark');
  await until('the loss to be noticed', async () => !(await consumer.link.health()).connected, 5_000);
  proxy.mode('pass');
  proxy.cut();
  const took = await until('the frame', () => served.texts().includes('in the dark'), 6_000);
  t.true(took < SOON_MS, `handled ${Math.round(took)} ms after the light came back`);
  await until('an empty mailbox', async () => (await sender.link.broker.depth('dark@1')).messages === 0);
  await consumer.end();
  await sender.end();
  await proxy.close();
});

test.serial('after FLUSHALL every node rejoins and the mailbox works again within two seconds', async (t) => {
  const ns = space();
  const consumer = await TestNode.joined(server.url, ns, 'consumer');
  const sender = await TestNode.joined(server.url, ns, 'sender');
  consumer.rejoins = true;
  sender.rejoins = true;
  const served = await consumer.serve('flushed@1', { settle: true });
  await sender.send('flushed@1', 'before');
  await until('the first', () => served.texts().includes('before'));
  await server.client.flushall();
  const startedAt = performance.now();
  await sender.sendSurely('flushed@1', 'after');
  await until('the frame after', () => served.texts().includes('after'), SOON_MS);
  t.true(performance.now() - startedAt < SOON_MS, `${performance.now() - startedAt} ms`);
  t.is(consumer.evictions.length, 1);
  t.is(sender.evictions.length, 1);
  t.true((await sender.link.broker.reply(consumer.id, Buffer.from('hello'))) === 'accepted');
  await until('the reply', () => consumer.inbox.includes('hello'));
  await consumer.end();
  await sender.end();
});

test.serial('a group or a mailbox that is destroyed is made again, and its neighbours do not notice', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const one = await node.serve('one@1', { settle: true });
  const two = await node.serve('two@1', { settle: true });
  await server.client.xgroup('DESTROY', `{${ns}:0}:mailbox:one@1`, 'g');
  await node.send('one@1', 'a');
  await node.send('two@1', 'b');
  await until('both', () => one.texts().includes('a') && two.texts().includes('b'), SOON_MS);
  await server.client.del(`{${ns}:0}:mailbox:one@1`);
  await node.send('one@1', 'c');
  await node.send('two@1', 'd');
  await until('both again', () => one.texts().includes('c') && two.texts().includes('d'), SOON_MS);
  t.deepEqual(node.evictions, []);
  await node.end();
});

test.serial('a mailbox whose key is no stream is set aside alone, and works once it is gone', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const bad = await node.serve('bad@1', { settle: true });
  const good = await node.serve('good@1', { settle: true });
  await server.client.set(`{${ns}:0}:mailbox:bad@1`, 'not a stream');
  await node.send('good@1', 'fine');
  await until('the good one', () => good.texts().includes('fine'), SOON_MS);
  const refusal = await t.throwsAsync(node.send('bad@1', 'refused'));
  t.is((refusal as { retryable?: boolean }).retryable, false);
  await server.client.del(`{${ns}:0}:mailbox:bad@1`);
  await node.send('bad@1', 'healed');
  await until('the bad one', () => bad.texts().includes('healed'), 5_000);
  await node.end();
});

test.serial('SCRIPT FLUSH under load is not noticed', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const served = await node.serve('scripts@1', { settle: true, room: 4 });
  for (let i = 0; i < 200; i += 1) {
    if (i % 10 === 0) await server.client.script('FLUSH');
    await node.send('scripts@1', String(i));
  }
  await until('all', () => served.claims.length === 200);
  await until('an empty mailbox', async () => (await node.link.broker.depth('scripts@1')).messages === 0);
  t.deepEqual(
    served.texts(),
    Array.from({ length: 200 }, (_, i) => String(i)),
  );
  t.deepEqual(node.evictions, []);
  await node.end();
});

test.serial('a full Redis refuses appends, and settles, replies, beats and drains', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const sender = await TestNode.joined(server.url, ns, 'sender');
  for (let i = 0; i < 3; i += 1) await sender.send('full@1', `waiting-${i}`);
  await server.client.config('SET', 'maxmemory', '1');
  try {
    const refusal = await t.throwsAsync(sender.send('full@1', 'too much'));
    t.is((refusal as { code?: string }).code, 'BACKEND_FULL');
    t.is((refusal as { outcome?: string }).outcome, 'not-executed');
    const served = await node.serve('full@1', { settle: true });
    await until('the drain', () => served.claims.length === 3);
    await until('the settling', async () => (await node.link.broker.depth('full@1')).messages === 0);
    t.is(await node.link.broker.reply(sender.id, Buffer.from('answer')), 'accepted');
    await until('the reply', () => sender.inbox.includes('answer'));
    const before = Number(await server.client.hget(`{${ns}:0}:members`, node.id));
    await until(
      'two ttls of beats',
      async () => Number(await server.client.hget(`{${ns}:0}:members`, node.id)) > before + 12,
    );
    const late = await TestNode.joined(server.url, ns, 'late');
    await late.end();
  } finally {
    await server.client.config('SET', 'maxmemory', '0');
  }
  t.deepEqual([...node.evictions, ...sender.evictions], []);
  await sender.send('full@1', 'again');
  await node.end();
  await sender.end();
});

test.serial('CLIENT PAUSE WRITE for twice the time to live: nobody is declared dead, and all goes on', async (t) => {
  const ns = space();
  const nodes = await Promise.all(['a', 'b', 'c'].map((name) => TestNode.joined(server.url, ns, name)));
  const [a, b] = nodes as [TestNode, TestNode];
  const served = await a.serve('paused@1', { settle: true });
  await b.send('paused@1', 'before');
  await until('the first', () => served.claims.length === 1);
  await server.client.call('CLIENT', 'PAUSE', String(2 * QUICK.ttlMs), 'WRITE');
  await b.sendSurely('paused@1', 'after');
  await until('the second', () => served.texts().includes('after'), SOON_MS);
  await new Promise((resolve) => setTimeout(resolve, QUICK.ttlMs));
  t.deepEqual(
    nodes.flatMap((node) => node.evictions),
    [],
  );
  t.is(await server.client.hlen(`{${ns}:0}:members`), 3);
  await Promise.all(nodes.map((node) => node.end()));
});

test.serial('clients killed by the server come back', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const served = await node.serve('killed@1', { settle: true });
  for (let i = 0; i < 3; i += 1) {
    await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await node.sendSurely('killed@1', String(i));
    await until('the frame', () => served.texts().includes(String(i)), SOON_MS);
  }
  t.deepEqual(node.evictions, []);
  await node.end();
});

test.serial('Redis killed and started again with its append-only file: everything accepted is handled', async (t) => {
  const durable = await startRedis({ appendOnly: true, args: ['--appendfsync', 'everysec'] });
  const ns = space();
  const consumer = await TestNode.joined(durable.url, ns, 'consumer', { ...QUICK, ttlMs: 2_000 });
  const sender = await TestNode.joined(durable.url, ns, 'sender', { ...QUICK, ttlMs: 2_000 });
  consumer.rejoins = true;
  sender.rejoins = true;
  const served = await consumer.serve('durable@1', { settle: true, room: 2 });
  let sent = 0;
  for (let round = 0; round < 2; round += 1) {
    for (let i = 0; i < 50; i += 1) await sender.sendSurely('durable@1', String(sent++));
    await durable.kill();
    const more = (async () => {
      for (let i = 0; i < 20; i += 1) await sender.sendSurely('durable@1', String(sent++));
    })();
    await durable.start();
    const back = performance.now();
    await more;
    t.true(performance.now() - back < 4_000, `sending again after ${performance.now() - back} ms`);
  }
  await until('all', () => new Set(served.texts()).size === sent);
  await until('an empty mailbox', async () => (await sender.link.broker.depth('durable@1')).messages === 0);
  await consumer.end();
  await sender.end();
  await durable.end();
});
