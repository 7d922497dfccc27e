/** Keyed mailboxes on Redis: what goes wrong on the way, what a stranger does to a log, and what it costs. */
import test from 'ava';
import { partitionOf } from '@homeostat/core/backend';
import { BackendFull, partitionName, type Claim, type PartitionReader } from '../src/core.ts';
import { laneKeys, laneOfMailbox, partitionKeys } from '../src/keys.ts';
import { LIMITS, TestNode, until } from './house.ts';
import { Proxy } from './proxy.ts';
import { startRedis, type RedisServer } from './redis-server.ts';

const BANK = 'bank@1';
const FIRST = partitionName(BANK, 0);
const PARTITIONS = 4;

let server: RedisServer;
let spaces = 0;
const space = (): string => `partitions-${process.pid}-${++spaces}`;

test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server.end());

interface Owned {
  readonly claims: Claim[];
  readonly reader: PartitionReader;
  texts(): string[];
}

const textOf = ({ frame }: Claim): string => Buffer.from(frame).toString();
const keysOf = (ns: string, name = FIRST): ReturnType<typeof partitionKeys> => partitionKeys(laneKeys(ns, 0), name);

/** As a node that is told of a failure does: again, until it is done. */
async function surely<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function own(node: TestNode, partition = 0, settle = false): Promise<Owned> {
  const { partitions, broker } = node.link;
  await partitions.split(BANK, PARTITIONS, LIMITS);
  await until('the partition', async () => (await partitions.take(BANK, partition)).kind === 'owned');
  const claims: Claim[] = [];
  const reader = await partitions.read(BANK, partition, {
    room: () => 64,
    take: (taken) => {
      claims.push(...taken);
      if (settle) for (const claim of taken) void surely(() => broker.settle([{ kind: 'done', claim }]));
    },
  });
  return { claims, reader, texts: () => claims.map(textOf) };
}

async function cutAll(): Promise<void> {
  await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
}

test.serial('a partition is read on, each entry once and in order, however often connections are lost', async (t) => {
  const ns = space();
  const sender = await TestNode.joined(server.url, ns, 'sender');
  const owner = await TestNode.joined(server.url, ns, 'owner');
  const owned = await own(owner, 0, true);
  const all = Array.from({ length: 150 }, (_, at) => `m${at}`);
  for (const [at, text] of all.entries()) {
    if (at % 30 === 15) await cutAll();
    await sender.sendSurely(FIRST, text);
  }
  await until('all of them', () => owned.claims.length >= all.length);
  t.deepEqual(owned.texts(), all);
  await until('all ended', async () => (await server.client.xlen(keysOf(ns).stream)) === 0);
  await owner.end();
  await sender.end();
});

test.serial('what a cut answer of a read had brought comes with the next connection, once', async (t) => {
  const ns = space();
  const proxy = new Proxy(server.port);
  await proxy.listen();
  const sender = await TestNode.joined(server.url, ns, 'sender');
  const owner = await TestNode.joined(proxy.url, ns, 'owner');
  const owned = await own(owner);
  for (let at = 1; at <= 5; at += 1) {
    // The cut is armed by the read that is sent after something came; it hits the answer that carries the next frame.
    const cut = proxy.cutReplyTo(keysOf(ns).stream);
    await sender.send(FIRST, `arming-${at}`);
    await until('the arming frame', () => owned.claims.length >= 2 * at - 1);
    await sender.send(FIRST, `lost-${at}`);
    await cut;
    await until('the lost frame', () => owned.claims.length >= 2 * at);
  }
  t.deepEqual(
    owned.texts(),
    [1, 2, 3, 4, 5].flatMap((at) => [`arming-${at}`, `lost-${at}`]),
  );
  await owner.end();
  await sender.end();
  await proxy.close();
});

test.serial('a commit whose answer was cut has happened once; said again it is lost', async (t) => {
  const ns = space();
  const proxy = new Proxy(server.port);
  await proxy.listen();
  const sender = await TestNode.joined(server.url, ns, 'sender');
  const owner = await TestNode.joined(proxy.url, ns, 'owner');
  const owned = await own(owner);
  await sender.send(FIRST, 'work', 3);
  await until('the claim', () => owned.claims.length === 1);
  const { partitions } = owner.link;
  const casts = [{ mailbox: 'audit@1', frame: Buffer.from('cast'), count: 1 }];
  const state = Buffer.from('10');
  const commit = { claim: owned.claims[0] as Claim, index: 0, key: 'annabel', state, casts };
  // The server knows the script by then: an answer that says it does not would be cut instead.
  t.is(await partitions.commit(BANK, 0, { ...commit, index: 2, key: 'bob' }), 'settled');
  const cut = proxy.cutReplyTo('annabel');
  const failure = await t.throwsAsync(partitions.commit(BANK, 0, commit));
  await cut;
  t.is((failure as { outcome?: string }).outcome, 'unknown');
  t.is(await surely(() => partitions.commit(BANK, 0, commit)), 'lost');
  t.is((await partitions.outgoing(BANK, 0, 10)).length, 2);
  t.is((await owner.link.broker.depth(FIRST)).messages, 1);
  await owner.end();
  await sender.end();
  await proxy.close();
});

test.serial(
  'who takes a dead node’s partition and does not hear the answer hears the same when it asks again',
  async (t) => {
    const ns = space();
    const proxy = new Proxy(server.port);
    await proxy.listen();
    const mortal = await TestNode.joined(server.url, ns, 'mortal');
    const heir = await TestNode.joined(proxy.url, ns, 'heir');
    await own(mortal);
    const last = await mortal.send(FIRST, 'left');
    await mortal.link.close();
    await until('the reaping', async () => (await heir.link.membership.members()).members.length === 1);
    const cut = proxy.cutReplyTo(keysOf(ns).owners);
    await t.throwsAsync(heir.link.partitions.take(BANK, 0));
    await cut;
    t.deepEqual(await surely(() => heir.link.partitions.take(BANK, 0)), { kind: 'owned', orphaned: last });
    await heir.end();
    await proxy.close();
  },
);

test.serial('after FLUSHALL everybody begins anew, and the mailbox with them', async (t) => {
  const ns = space();
  const sender = await TestNode.joined(server.url, ns, 'sender');
  const owner = await TestNode.joined(server.url, ns, 'owner');
  for (const node of [sender, owner]) node.rejoins = true;
  const before = await own(owner, 0, true);
  await sender.send(FIRST, 'before');
  await until('the first', () => before.claims.length === 1);
  const ids = [sender.id, owner.id];
  await server.client.flushall();
  await until('both to have joined again', () => ids.every((id) => ![sender.id, owner.id].includes(id)));
  t.is(await owner.link.partitions.count(BANK), 0);
  await before.reader.close();
  await until('a member', async () => (await owner.link.partitions.take(BANK, 0)).kind !== 'not-member');
  const after = await own(owner, 0, true);
  await sender.sendSurely(FIRST, 'after');
  await until('the next', () => after.texts().includes('after'));
  t.deepEqual(before.texts(), ['before']);
  await owner.end();
  await sender.end();
});

test.serial(
  'a log that has lost its end is read from the beginning, and what is in hand does not come again',
  async (t) => {
    const ns = space();
    const node = await TestNode.joined(server.url, ns, 'node');
    const owned = await own(node);
    await node.send(FIRST, 'in hand');
    // Of another millisecond: what comes since has an id between the two.
    await new Promise((resolve) => setTimeout(resolve, 5));
    await node.send(FIRST, 'lost');
    await until('both', () => owned.claims.length === 2);
    const { stream } = keysOf(ns);
    const [held] = owned.claims as [Claim];
    // As a replica that became the master has it: shorter, and with what came since.
    await server.client.del(stream);
    await server.client.xadd(stream, held.id, 'f', 'in hand', 'n', '1');
    const [ms = '0', sequence = '0'] = held.id.split('-');
    await server.client.xadd(stream, `${ms}-${Number(sequence) + 1}`, 'f', 'since', 'n', '1');
    await cutAll();
    await until('what came since', () => owned.texts().includes('since'));
    await node.sendSurely(FIRST, 'and on');
    await until('the next', () => owned.texts().includes('and on'));
    t.deepEqual(owned.texts(), ['in hand', 'lost', 'since', 'and on']);
    await node.end();
  },
);

test.serial('a partition whose taking Redis has lost is not read on, and nothing of it is ended', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const owned = await own(node);
  await node.send(FIRST, 'read');
  await until('the first', () => owned.claims.length === 1);
  await server.client.hdel(keysOf(ns).owners, '0');
  await cutAll();
  await until('the warning', () => node.warnings.some((warning) => warning.includes('not this node')));
  t.deepEqual(await surely(() => node.link.broker.settle([{ kind: 'done', claim: owned.claims[0] as Claim }])), [
    'lost',
  ]);
  const again = await own(node, 0, true);
  await until('it comes again', () => again.texts().includes('read'));
  await node.end();
});

test.serial('a log whose key is another type is set aside; the others are read, and it heals', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const broken = await own(node, 0, true);
  const fine = await own(node, 1, true);
  const { stream } = keysOf(ns);
  await server.client.set(stream, 'no stream');
  await node.send(partitionName(BANK, 1), 'one');
  await until('the neighbour', () => fine.claims.length === 1);
  await until('the warning', () => node.warnings.some((warning) => warning.includes('WRONGTYPE')));
  await node.send(partitionName(BANK, 1), 'two');
  await until('the neighbour again', () => fine.claims.length === 2);
  await server.client.del(stream);
  await node.send(FIRST, 'healed');
  await until('what was broken', () => broken.texts().includes('healed'));
  t.is(node.warnings.filter((warning) => warning.includes('WRONGTYPE')).length, 1, 'it is said once');
  await node.end();
});

test.serial('what strangers write into a log becomes a dead letter with its bytes', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const owned = await own(node, 0, true);
  const { stream, progress, kept, owners } = keysOf(ns);
  await server.client.xadd(stream, '*', 'what', 'ever');
  await server.client.xadd(stream, '*', 'f', 'bytes', 'n', '3', 't', '11');
  await node.send(FIRST, 'good');
  await until('the good one', () => owned.texts().includes('good'));
  await until('two letters', async () => (await node.link.broker.dead(FIRST, { limit: 10 })).length === 2);
  const letters = await node.link.broker.dead(FIRST, { limit: 10 });
  t.deepEqual(
    letters.map(({ reason, frame }) => [reason, Buffer.from(frame).toString()]),
    [
      ['not-a-frame', 'ever'],
      ['not-a-frame', 'bytes'],
    ],
  );
  await until('an empty log', async () => (await server.client.xlen(stream)) === 0);
  // Records that nobody of ours has written are as none.
  await owned.reader.close();
  const id = await node.send(FIRST, 'odd', 2);
  await server.client.hset(progress, id, 'x|y|z', 'other', '9'.repeat(400));
  await server.client.hset(kept, id, 'a,1,,-2,99999999999', `${id}:1`, 'answer');
  await server.client.hset(owners, 'x', 'y', '-1', node.id, '7', '');
  await node.link.partitions.release(BANK, 0);
  const again = await own(node);
  await until('the odd one', () => again.claims.length === 1);
  t.is(again.claims[0]?.todo ?? '11', '11');
  t.deepEqual(await node.link.partitions.owners(BANK), [node.id, undefined, undefined, undefined]);
  await node.end();
});

test.serial('a full Redis refuses a commit that writes, whole, and lets a partition drain', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const owned = await own(node);
  await node.send(FIRST, 'work', 4);
  await until('the claim', () => owned.claims.length === 1);
  const { partitions, broker } = node.link;
  const claim = owned.claims[0] as Claim;
  const commit = { claim, key: 'ann', casts: [] };
  await server.client.config('SET', 'maxmemory', '1');
  try {
    const state = Buffer.from('10');
    const refused = await t.throwsAsync(partitions.commit(BANK, 0, { ...commit, index: 0, state }));
    t.true(refused instanceof BackendFull);
    t.is((refused as BackendFull).outcome, 'not-executed');
    t.is((await broker.depth(FIRST)).messages, 4);
    t.is(await partitions.commit(BANK, 0, { ...commit, index: 1, state: null }), 'settled');
    t.is(await partitions.commit(BANK, 0, { ...commit, index: 2 }), 'settled');
    t.deepEqual(await broker.settle([{ kind: 'progress', claim, todo: '1000', charges: new Map([[0, 1]]) }]), [
      'settled',
    ]);
    t.deepEqual(await broker.settle([{ kind: 'done', claim }]), ['settled']);
    await partitions.release(BANK, 0);
    t.is((await partitions.take(BANK, 0)).kind, 'owned');
  } finally {
    await server.client.config('SET', 'maxmemory', '0');
  }
  t.deepEqual(await partitions.states(BANK, 0, ['ann']), [undefined]);
  await node.end();
});

test.serial('nothing is left of what has ended', async (t) => {
  const ns = space();
  const node = await TestNode.joined(server.url, ns, 'node');
  const owned = await own(node);
  await node.send(FIRST, 'work', 3);
  await until('the claim', () => owned.claims.length === 1);
  const { partitions, broker } = node.link;
  const claim = owned.claims[0] as Claim;
  const commit = { claim, key: 'ann', casts: [] };
  await partitions.commit(BANK, 0, { ...commit, index: 0, answer: Buffer.from('yes') });
  await partitions.commit(BANK, 0, { ...commit, index: 1, answer: Buffer.from('yes') });
  await broker.settle([{ kind: 'progress', claim, todo: '111', charges: new Map([[2, 2]]), history: '[1]' }]);
  await broker.settle([{ kind: 'mark', claim, todo: '111', index: 2 }]);
  t.is(await partitions.commit(BANK, 0, { ...commit, index: 2 }), 'settled');
  t.deepEqual(await broker.settle([{ kind: 'progress', claim, todo: '000' }]), ['settled']);
  const { stream, progress, kept } = keysOf(ns);
  t.deepEqual(
    [await server.client.xlen(stream), await server.client.exists(progress), await server.client.exists(kept)],
    [0, 0, 0],
  );
  await node.end();
  t.is(await server.client.hlen(keysOf(ns).owners), 0, 'it was released when its node left');
});

test.serial('an owner of many partitions has one connection more, and a read a second', async (t) => {
  const ns = space();
  const beat = { intervalMs: 1_000, ttlMs: 3_000, stallMs: 1_000, evictMs: 30_000 };
  const node = await TestNode.joined(server.url, ns, 'node', beat);
  const before = (await node.link.health()).connections;
  await node.link.partitions.split(BANK, 64, LIMITS);
  const claims: Claim[] = [];
  for (let partition = 0; partition < 64; partition += 1) {
    await node.link.partitions.take(BANK, partition);
    await node.link.partitions.read(BANK, partition, { room: () => 64, take: (taken) => claims.push(...taken) });
  }
  await node.send(partitionName(BANK, 63), 'x');
  await until('the frame', () => claims.length === 1);
  t.is((await node.link.health()).connections, before + 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await server.client.config('RESETSTAT');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const stats = await server.client.info('commandstats');
  const reads = Number(/cmdstat_xread:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  const scripts = Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  t.true(reads <= 6, `${reads} reads in 3 s, those of the inbox included`);
  t.true(scripts <= 5, `${scripts} scripts in 3 s: its beats`);
  await node.end();
});

/** A frame with one cast that carries a key of two characters, by hand: the wire is public. */
function frameOf(key: string, text: string): Uint8Array {
  const string = (value: string): Buffer => Buffer.concat([Buffer.from([0xd9, value.length]), Buffer.from(value)]);
  const head = [Buffer.from([0x96, 0x01]), string('sender'), Buffer.from([0x01, 0xc0, 0x01, 0x91])];
  const cast = [Buffer.from([0x96, 0x02]), string('m'), string(text), Buffer.from([0xc0, 0xc0, 0x81])];
  return Buffer.concat([...head, ...cast, string('k'), string(key)]);
}

for (const lanes of [1, 4]) {
  test.serial(
    `a mailbox is split under load, by two nodes at once and through cuts, in order, with lanes: ${lanes}`,
    async (t) => {
      const ns = space();
      const options = { url: server.url, lanes, beatThread: false };
      const nodes = await Promise.all(['a', 'b', 's1', 's2'].map((name) => TestNode.joined(options, ns, name)));
      const [a, b, ...senders] = nodes as [TestNode, TestNode, TestNode, TestNode];
      const keys = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7'];
      const sent = new Map<string, string[]>(keys.map((key) => [key, []]));
      /** As an outbox does: one append in flight for each key’s mailbox, the next in order. */
      const send = async (sender: TestNode, own: readonly string[]): Promise<void> => {
        let partitions = 0;
        const numbers = new Map<string, number>();
        // Until a while after the split.
        for (let at = 0, after = 0; after < 100; at += 1, after += partitions === 0 ? 0 : 1) {
          const key = own[at % own.length] as string;
          const text = `${key}:${at}`;
          for (;;) {
            const mailbox = partitions === 0 ? BANK : partitionName(BANK, partitionOf(key, partitions));
            const number = (numbers.get(mailbox) ?? 0) + 1;
            const frame = frameOf(key, text);
            const answer = await surely(() => sender.link.broker.append({ mailbox, number, frame, count: 1 }));
            if (answer.kind === 'partitioned') {
              partitions = answer.partitions;
              continue;
            }
            if (answer.kind !== 'accepted') throw new Error(answer.kind);
            numbers.set(mailbox, number);
            break;
          }
          sent.get(key)?.push(text);
        }
      };
      const sending = senders.map((sender, at) => send(sender, keys.slice(4 * at, 4 * at + 4)));
      await until('something to wait', async () => (await a.link.broker.depth(BANK)).messages > 100);
      const cutting = setTimeout(() => void cutAll(), 15);
      const splits = [a, b].map((node) => surely(() => node.link.partitions.split(BANK, PARTITIONS, LIMITS)));
      t.deepEqual(await Promise.all(splits), [PARTITIONS, PARTITIONS]);
      clearTimeout(cutting);
      await Promise.all(sending);
      const got = new Map<string, string[]>(keys.map((key) => [key, []]));
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        const name = partitionName(BANK, partition);
        const { stream } = partitionKeys(laneKeys(ns, laneOfMailbox(name, lanes)), name);
        for (const [, fields] of await server.client.xrangeBuffer(stream, '-', '+')) {
          const text = /k\d:\d+/.exec((fields[1] as Buffer).toString('latin1'))?.[0] ?? '';
          t.is(partitionOf(text.slice(0, 2), PARTITIONS), partition);
          got.get(text.slice(0, 2))?.push(text);
        }
      }
      t.deepEqual(got, sent);
      t.is((await a.link.broker.depth(BANK)).messages, [...sent.values()].flat().length);
      const left = await server.client.xlen(`{${ns}:${laneOfMailbox(BANK, lanes)}}:mailbox:${BANK}`);
      t.is(left, 0);
      await Promise.all(nodes.map((node) => node.end()));
    },
  );
}

test.serial('a mailbox is split while others serve it without keys: each entry is in one place', async (t) => {
  const ns = space();
  const [old, sender, owner] = (await Promise.all(
    ['old', 'sender', 'owner'].map((name) => TestNode.joined(server.url, ns, name)),
  )) as [TestNode, TestNode, TestNode];
  const all = Array.from({ length: 400 }, (_, at) => `k${at % 8}:${at}`);
  for (const [at, text] of all.entries())
    await sender.link.broker.append({
      mailbox: BANK,
      number: at + 1,
      frame: frameOf(text.slice(0, 2), text),
      count: 1,
    });
  const serving = old.serve(BANK, { room: 40 });
  await owner.link.partitions.split(BANK, PARTITIONS, LIMITS);
  const served = await serving;
  const seen = served.texts().map((text) => /k\d:\d+/.exec(text)?.[0] ?? '');
  for (let partition = 0; partition < PARTITIONS; partition += 1)
    for (const [, fields] of await server.client.xrangeBuffer(
      keysOf(ns, partitionName(BANK, partition)).stream,
      '-',
      '+',
    ))
      seen.push(/k\d:\d+/.exec((fields[1] as Buffer).toString('latin1'))?.[0] ?? '');
  t.deepEqual(
    seen.toSorted((x, y) => x.localeCompare(y)),
    all.toSorted((x, y) => x.localeCompare(y)),
  );
  await served.reader.close();
  await old.end();
  await owner.link.partitions.split(BANK, PARTITIONS, LIMITS);
  t.is(await server.client.xlen(`{${ns}:0}:mailbox:${BANK}`), 0, 'what it handed back is parted out by the next split');
  t.is((await owner.link.broker.depth(BANK)).messages, 400);
  await sender.end();
  await owner.end();
});
