/** What is for one node alone: it gets it first and in order; nothing of it is lost, or left behind, when it goes. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import type { Claim } from '../src/core.ts';
import { LIMITS, QUICK, TestNode, until } from './house.ts';
import { Proxy } from './proxy.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

let server: RedisServer;
let spaces = 0;
const space = (): string => `targeting-${process.pid}-${++spaces}`;
const CALM = { intervalMs: 1_000, ttlMs: 6_000, stallMs: 1_000, evictMs: 30_000 };
const numbers = new Map<string, number>();

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

/** Appends for `target` alone, as the next of the sender's numbers for it. */
async function sendTo(sender: TestNode, target: string, mailbox: string, text: string, count = 1): Promise<string> {
  const counted = `${sender.id} ${mailbox} ${target}`;
  const number = (numbers.get(counted) ?? 0) + 1;
  numbers.set(counted, number);
  const frame = Buffer.from(text);
  const result = await sender.link.broker.append({ mailbox, number, frame, count, target });
  if (result.kind !== 'accepted') throw new Error(`append: ${result.kind}`);
  return result.id;
}

async function keysWith(ns: string, text: string): Promise<string[]> {
  return (await server.client.keys(`{${ns}*`)).filter((key) => key.includes(text) && !key.includes(':sent:')).sort();
}

function series(of: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${of}-${i}`);
}

async function settled(node: TestNode, mailbox: string): Promise<void> {
  await until('everything settled', async () => (await node.link.broker.depth(mailbox)).messages === 0);
}

test.serial('what is sent to a node that begins to serve at that moment is for that node', async (t) => {
  const ns = space();
  const [target, other, sender] = (await Promise.all(
    ['target', 'other', 'sender'].map((name) => TestNode.joined(server.url, ns, name, CALM)),
  )) as [TestNode, TestNode, TestNode];
  await target.serve('first@1', { settle: true });
  for (let round = 0; round < 60; round += 1) {
    const mailbox = `m${round}@1`;
    const aside = await other.serve(mailbox, { settle: true });
    // The word of it comes while the mailbox is being opened.
    const [served] = await Promise.all([
      target.serve(mailbox, { settle: true }),
      sendTo(sender, target.id, mailbox, 'x'),
    ]);
    await until(`round ${round}`, () => served.texts().length + aside.texts().length === 1);
    t.deepEqual([served.texts(), aside.texts()], [['x'], []], `round ${round}`);
  }
  for (const node of [target, other, sender]) await node.end();
});

test.serial('what is for one node alone comes to it in order and to no other', async (t) => {
  const ns = space();
  const [a, b, sender] = (await Promise.all(
    ['a', 'b', 'sender'].map((name) => TestNode.joined(server.url, ns, name, CALM)),
  )) as [TestNode, TestNode, TestNode];
  const [atA, atB] = [await a.serve('users@1', { settle: true }), await b.serve('users@1', { settle: true })];
  const took = await (async () => {
    await sendTo(sender, a.id, 'users@1', 'first');
    return until('the first', () => atA.texts().includes('first'));
  })();
  t.true(took < 500, `the first came after ${Math.round(took)} ms`);
  const texts = series('a', 100);
  for (const text of texts) await sendTo(sender, a.id, 'users@1', text);
  for (const text of series('b', 20)) await sendTo(sender, b.id, 'users@1', text);
  await sender.send('users@1', 'for anybody');
  await settled(sender, 'users@1');
  t.deepEqual(
    atA.texts().filter((text) => text.startsWith('a-')),
    texts,
  );
  t.deepEqual(
    atB.texts().filter((text) => text.startsWith('b-')),
    series('b', 20),
  );
  t.is([...atA.texts(), ...atB.texts()].filter((text) => text === 'for anybody').length, 1);
  t.is(atA.claims.length + atB.claims.length, 122);
  t.is(await server.client.scard(`{${ns}:0}:orphans`), 0, 'what is served is marked no more');
  await Promise.all([a.end(), b.end(), sender.end()]);
});

test.serial('many frames for one node are accepted in one step, and repeated without harm', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', CALM);
  const served = await node.serve('users@1', { settle: true });
  const frames = ['x', 'y', 'z'].map((text) => ({ frame: Buffer.from(text), count: 1 }));
  const request = { mailbox: 'users@1', number: 1, frames, target: node.id };
  t.deepEqual(await node.link.broker.appendAll(request), { kind: 'accepted', taken: 3 });
  t.deepEqual(await node.link.broker.appendAll(request), { kind: 'accepted', taken: 3 });
  await settled(node, 'users@1');
  t.deepEqual(served.texts(), ['x', 'y', 'z']);
  await node.end();
});

test.serial('what is for this node alone is read first, within the room there is', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', CALM);
  const sender = await TestNode.joined(server.url, ns, 'sender', CALM);
  for (const text of series('anybody', 5)) await sender.send('users@1', text);
  for (const text of series('mine', 5)) await sendTo(sender, node.id, 'users@1', text);
  const claims: Claim[] = [];
  let most = 0;
  let room = 1;
  let open = 0;
  const reader = await node.link.broker.consume('users@1', LIMITS, {
    room: () => Math.max(0, room - open),
    take: (taken) => {
      claims.push(...taken);
      open += taken.length;
      most = Math.max(most, open);
    },
  });
  room = 2;
  for (let done = 0; done < 10; done += 1) {
    await until('a claim', () => claims.length > done);
    const claim = claims[done] as Claim;
    t.deepEqual(await node.link.broker.settle([{ kind: 'done', claim }]), ['settled']);
    open -= 1;
    reader.wake();
  }
  const texts = claims.map((claim) => Buffer.from(claim.frame).toString());
  t.deepEqual(texts, [...series('mine', 5), ...series('anybody', 5)]);
  t.true(most <= 3, `${most} in hand with room for 2`);
  await node.end();
  await sender.end();
});

test.serial('what is for a node that is gone, or never was, goes into the shared mailbox', async (t) => {
  const ns = space();
  const [gone, node] = [await TestNode.joined(server.url, ns, 'gone'), await TestNode.joined(server.url, ns, 'node')];
  const served = await node.serve('users@1', { settle: true });
  const id = gone.id;
  await gone.end();
  await sendTo(node, id, 'users@1', 'for the gone');
  await sendTo(node, 'nobody', 'users@1', 'for nobody');
  await sendTo(node, '>', 'users@1', 'for nonsense');
  await settled(node, 'users@1');
  t.deepEqual(served.texts(), ['for the gone', 'for nobody', 'for nonsense']);
  t.deepEqual(await keysWith(ns, '>'), []);
  await node.end();
});

test.serial(
  'a killed node: what it held and what it had not read is handled once each by another within TTL + 1 s',
  async (t) => {
    const ns = space();
    const heir = await TestNode.joined(server.url, ns, 'heir');
    const mortal = fork(new URL('stranger.js', import.meta.url), [server.url, ns, 'users@1', '3'], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    t.teardown(() => mortal.kill('SIGKILL'));
    await once(mortal, 'message');
    const served = await heir.serve('users@1', { settle: true, room: 8 });
    const id = (await server.client.hkeys(`{${ns}:0}:members`)).find((member) => member !== heir.id) ?? '';
    for (const text of series('held', 3)) await sendTo(heir, id, 'users@1', text, 2);
    await once(mortal, 'message');
    mortal.kill('SIGKILL');
    await once(mortal, 'exit');
    for (const text of series('unread', 80)) await sendTo(heir, id, 'users@1', text);
    const took = await until('all of them', () => served.claims.length >= 83, 10_000);
    t.log(`handled ${Math.round(took)} ms after the kill`);
    t.true(took < QUICK.ttlMs + 1_000, `${Math.round(took)} ms`);
    await settled(heir, 'users@1');
    const texts = served.texts();
    t.deepEqual([...texts].sort(), [...series('held', 3), ...series('unread', 80)].sort(), 'once each');
    const crashes = new Map(served.claims.map((claim, i) => [texts[i], claim.crashes]));
    t.deepEqual([crashes.get('held-0'), crashes.get('held-2'), crashes.get('unread-79')], [1, 1, 0]);
    await until('nothing to be left', async () => (await keysWith(ns, id)).length === 0);
    t.is(await server.client.scard(`{${ns}:0}:orphans`), 0);
    await heir.end();
  },
);

test.serial('progress, marks and crashes go along to the shared mailbox, and count on from there', async (t) => {
  const ns = space();
  const [first, second, heir] = (await Promise.all(
    ['first', 'second', 'heir'].map((name) => TestNode.joined(server.url, ns, name)),
  )) as [TestNode, TestNode, TestNode];
  const held = await first.serve('users@1');
  const firstId = first.id;
  await sendTo(heir, firstId, 'users@1', 'half done', 4);
  await until('the claim', () => held.claims.length === 1);
  const claim = held.claims[0] as Claim;
  t.deepEqual(await first.link.broker.settle([{ kind: 'mark', claim, todo: '0110', index: 1 }]), ['settled']);
  t.is((await heir.link.broker.depth('users@1')).messages, 2);
  const heldToo = await second.serve('users@1');
  await first.link.close();
  await until('the first heir', () => heldToo.claims.length === 1);
  const [again] = heldToo.claims as [Claim];
  t.deepEqual([again.mailbox, again.todo, again.crashes, [...(again.charges ?? [])]], ['users@1', '0110', 1, [[1, 1]]]);
  const last = await heir.serve('users@1', { settle: true });
  await second.link.close();
  await until('the second heir', () => last.claims.length === 1);
  t.deepEqual([last.claims[0]?.todo, last.claims[0]?.crashes], ['0110', 2]);
  await settled(heir, 'users@1');
  t.is(await server.client.exists(`{${ns}:0}:progress:users@1`), 0);
  t.deepEqual(await keysWith(ns, firstId), []);
  await heir.end();
});

test.serial(
  'an evicted node that joins again is told anew; what was for its old self is handled by anybody',
  async (t) => {
    const ns = space();
    const node = await TestNode.joined(server.url, ns, 'node');
    const sender = await TestNode.joined(server.url, ns, 'sender');
    node.rejoins = true;
    const served = await node.serve('users@1', { settle: true });
    const old = node.id;
    await sendTo(sender, old, 'users@1', 'before');
    await until('the first', () => served.texts().includes('before'));
    await server.client.hdel(`{${ns}:0}:members`, old);
    await server.client.sadd(`{${ns}:0}:orphans`, 'users@1', `users@1>${old}`);
    await until('the rejoining', () => node.id !== old);
    await sendTo(sender, old, 'users@1', 'for the old self');
    await sendTo(sender, node.id, 'users@1', 'for the new self');
    await settled(sender, 'users@1');
    t.deepEqual(served.texts().sort(), ['before', 'for the new self', 'for the old self']);
    await until('nothing of the old', async () => (await keysWith(ns, `>${old}`)).length === 0);
    await Promise.all([node.end(), sender.end()]);
  },
);

test.serial(
  'a targeted append whose answer was cut is accepted once, also when its target went meanwhile',
  async (t) => {
    const ns = space();
    const proxy = new Proxy(server.port);
    await proxy.listen();
    const sender = await TestNode.joined(proxy.url, ns, 'sender');
    const [target, heir] = [await TestNode.joined(server.url, ns, 't'), await TestNode.joined(server.url, ns, 'heir')];
    const served = await heir.serve('once@1', { settle: true });
    for (const [number, text] of [
      [1, 'staying'],
      [2, 'going'],
    ] as const) {
      const request = { mailbox: 'once@1', number, frame: Buffer.from(text), count: 1, target: target.id };
      const cut = proxy.cutReplyTo(text);
      await t.throwsAsync(sender.link.broker.append(request));
      await cut;
      if (text === 'going') await target.end();
      await sender.link.ready(AbortSignal.timeout(2_000));
      await until('the repeated append', async () => {
        try {
          return (await sender.link.broker.append(request)).kind === 'accepted';
        } catch {
          return false;
        }
      });
    }
    await settled(heir, 'once@1');
    t.deepEqual(served.texts().sort(), ['going', 'staying']);
    await Promise.all([sender.end(), heir.end()]);
    await proxy.close();
  },
);

test.serial('what a cut read had brought of it is swept by the next connection', async (t) => {
  const ns = space();
  const proxy = new Proxy(server.port);
  await proxy.listen();
  const node = await TestNode.joined(proxy.url, ns, 'node', { ...QUICK, ttlMs: 3_000 });
  const sender = await TestNode.joined(server.url, ns, 'sender');
  const served = await node.serve('swept@1', { settle: true });
  await sendTo(sender, node.id, 'swept@1', 'opening');
  await until('the first', () => served.claims.length === 1);
  for (const text of series('lost', 3)) {
    const cut = proxy.cutReplyTo('xreadgroup');
    await sendTo(sender, node.id, 'swept@1', `arming-${text}`);
    await sendTo(sender, node.id, 'swept@1', text);
    await cut;
    await until(text, () => served.texts().includes(text), 2_000);
  }
  await settled(sender, 'swept@1');
  t.is(new Set(served.texts()).size, served.texts().length, 'nothing was handed out twice');
  t.deepEqual(node.evictions, []);
  await Promise.all([node.end(), sender.end()]);
  await proxy.close();
});

test.serial('what is for one alone counts in its mailbox, which is not emptied by mistake', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', CALM);
  const served = await node.serve('full@1', { maxLength: 3, room: 0 });
  t.is((await node.link.broker.depth('full@1')).oldestAt, undefined);
  for (const text of series('mine', 3)) await sendTo(node, node.id, 'full@1', text);
  const frame = Buffer.from('too much');
  const refused = { kind: 'full' as const, room: 0, messages: 3, maxLength: 3 };
  t.like(await node.link.broker.append({ mailbox: 'full@1', number: 1, frame, count: 1 }), refused);
  t.like(await node.link.broker.append({ mailbox: 'full@1', number: 4, frame, count: 1, target: node.id }), refused);
  const at = node.link.now() + 60_000;
  t.like(await node.link.broker.append({ mailbox: 'full@1', number: 1, frame, count: 1, at }), refused);
  t.is((await node.link.broker.depth('full@1')).messages, 3);
  await served.reader.close();
  const [depth] = [await node.link.broker.depth('full@1')];
  t.true(Math.abs((depth.oldestAt ?? 0) - node.link.now()) < 2_000, 'what came back to the shared one has an age');
  const again = await node.serve('full@1', { maxLength: 3, settle: true });
  await until('all three', () => again.claims.length === 3);
  await settled(node, 'full@1');
  await node.end();
});

test.serial('its dead letters are those of the shared mailbox, and are replayed there', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', CALM);
  const served = await node.serve('users@1');
  await sendTo(node, node.id, 'users@1', 'poison', 2);
  await until('the claim', () => served.claims.length === 1);
  const claim = served.claims[0] as Claim;
  const ending = { claim, reason: 'FAILED', deliveries: 3, history: '[]' };
  t.deepEqual(await node.link.broker.settle([{ kind: 'bury', moved: '11', ...ending }]), ['settled']);
  const [letter] = await node.link.broker.dead('users@1', { limit: 10 });
  t.like(letter, { reason: 'FAILED', deliveries: 3, todo: '11', count: 2 });
  t.is((await node.link.broker.depth('users@1')).dead, 1);
  t.true(await node.link.broker.replay('users@1', letter?.id ?? '', '10'));
  t.is((await node.link.broker.dead('users@1', { limit: 10 }))[0]?.todo, '01');
  t.true(await node.link.broker.drop('users@1', letter?.id ?? '', '01'));
  await until('the replayed', () => served.claims.length === 2);
  t.deepEqual(await node.link.broker.settle([{ kind: 'done', claim: served.claims[1] as Claim }]), ['settled']);
  t.is((await node.link.broker.depth('users@1')).messages, 0);
  await node.end();
});

test.serial(
  'a redelivery goes to its node while that lives, and into the shared mailbox once it does not',
  async (t) => {
    const ns = space();
    const node = await TestNode.joined(server.url, ns, 'node');
    const heir = await TestNode.joined(server.url, ns, 'heir');
    const atNode = await node.serve('users@1');
    const atHeir = await heir.serve('users@1', { settle: true });
    for (const text of ['soon', 'late']) await sendTo(heir, node.id, 'users@1', text);
    await until('both', () => atNode.claims.length === 2);
    const [soon, late] = atNode.claims as [Claim, Claim];
    const again = { moved: '1', deliveries: 1, history: '[]' };
    await node.link.broker.settle([
      { kind: 'retry', claim: soon, at: node.link.now() + 50, ...again },
      { kind: 'retry', claim: late, at: node.link.now() + 400, ...again },
    ]);
    await until('the redelivery', () => atNode.claims.length === 3);
    t.deepEqual([Buffer.from(atNode.claims[2]?.frame ?? []).toString(), atNode.claims[2]?.deliveries], ['soon', 1]);
    await node.link.broker.settle([{ kind: 'done', claim: atNode.claims[2] as Claim }]);
    const id = node.id;
    await node.end();
    await until('the other', () => atHeir.claims.length === 1);
    t.deepEqual([atHeir.texts(), atHeir.claims[0]?.deliveries], [['late'], 1]);
    await settled(heir, 'users@1');
    t.deepEqual(await keysWith(ns, id), []);
    await heir.end();
  },
);

test.serial('what is handed back, or left when a node stops serving, is for anybody', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node', CALM);
  const other = await TestNode.joined(server.url, ns, 'other', CALM);
  const atNode = await node.serve('users@1', { room: 2 });
  for (const text of series('mine', 4)) await sendTo(other, node.id, 'users@1', text, 2);
  await until('two claims', () => atNode.claims.length >= 2);
  const atOther = await other.serve('users@1', { settle: true });
  const [claim, kept] = atNode.claims as [Claim, Claim];
  t.deepEqual(await node.link.broker.settle([{ kind: 'park', claim, todo: '01' }]), ['settled']);
  await until('what was handed back', () => atOther.texts().includes('mine-0'));
  t.deepEqual([atOther.claims[0]?.todo, atOther.claims[0]?.crashes], ['01', 0]);
  await atNode.reader.close();
  const inHand = atNode.texts().length - 1;
  await until('what was not read', () => atOther.claims.length === 4 - inHand);
  await sendTo(other, node.id, 'users@1', 'late');
  await until('what came too late', () => atOther.texts().includes('late'));
  t.deepEqual(
    await node.link.broker.settle(atNode.claims.slice(1).map((held) => ({ kind: 'done', claim: held }))),
    atNode.claims.slice(1).map(() => 'settled'),
  );
  t.is(Buffer.from(kept.frame).toString(), 'mine-1');
  await settled(other, 'users@1');
  await until('nothing to be left', async () => (await keysWith(ns, '>')).length === 0);
  await Promise.all([node.end(), other.end()]);
});

test.serial('with several lanes, and after a lost group, it arrives all the same', async (t) => {
  const ns = space();
  const options = { url: server.url, lanes: 4, beatThread: false };
  const node = await TestNode.joined(options, ns, 'node');
  const sender = await TestNode.joined(options, ns, 'sender');
  const names = ['actor-1@1', 'actor-2@1', 'actor-3@1', 'actor-4@1'];
  for (const name of names) {
    const served = await node.serve(name, { settle: true });
    await sendTo(sender, node.id, name, 'mine');
    await until('the frame', () => served.texts().includes('mine'), 2_000);
    const [stream = ''] = (await keysWith(ns, `mailbox:${name}>`)).filter((key) => key.endsWith(node.id));
    await server.client.del(stream);
    await sendTo(sender, node.id, name, 'mine again');
    await until('the other', () => served.texts().includes('mine again'), 2_000);
    await settled(sender, name);
    t.deepEqual(served.texts(), ['mine', 'mine again']);
  }
  await Promise.all([node.end(), sender.end()]);
});
