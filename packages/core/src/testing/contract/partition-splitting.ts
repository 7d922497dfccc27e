import { partitionOf } from '../../keyed/partition-of.ts';
import { partitionName } from '../../ports/partitions.ts';
import { bytesOf } from './basket.ts';
import { BANK, FIRST, frameOf, own, PARTITIONS, read, split, take, type PartitionBasket } from './keyed-kit.ts';
import type { Peer } from './peer.ts';
import type { Promised } from './stage.ts';
import { SHORT_BEAT } from './times.ts';

/** A key of that partition. */
function keyOf(partition: number, salt = ''): string {
  for (let at = 0; ; at += 1) if (partitionOf(`key${salt}${at}`, PARTITIONS) === partition) return `key${salt}${at}`;
}

async function sendFrame(peer: Peer, number: number, ...keys: (string | null)[]): Promise<string> {
  const frame = frameOf(...keys);
  const answer = await peer.link.broker.append({ mailbox: BANK, number, frame, count: keys.length });
  return answer.kind;
}

async function readAll(peer: Peer): Promise<PartitionBasket[]> {
  const baskets: PartitionBasket[] = [];
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    await take(peer, partition);
    baskets.push(await read(peer, partition));
  }
  return baskets;
}

export function partitionSplitting(promised: Promised): void {
  promised('what waits when a mailbox is split goes into the partitions of its keys, in order', async (t, stage) => {
    const sender = await stage.peer('sender');
    const [a, b, c] = [keyOf(0), keyOf(1), keyOf(3)];
    await sendFrame(sender, 1, a, b, a);
    await sendFrame(sender, 2, b);
    await sendFrame(sender, 3, c, a, b);
    const owner = await stage.peer('owner');
    await split(owner);
    const baskets = await readAll(owner);
    await baskets[0]!.holds(2);
    await baskets[1]!.holds(3);
    await baskets[3]!.holds(1);
    t.deepEqual(
      baskets.map(({ claims }) => claims.map(({ todo, count }) => todo ?? '1'.repeat(count))),
      [['101', '010'], ['010', '1', '001'], [], ['100']],
    );
    t.deepEqual([...baskets[3]!.claims[0]!.frame], [...frameOf(c, a, b)]);
    const depth = await owner.link.broker.depth(BANK);
    t.is(depth.messages, 7);
    t.deepEqual(await owner.done(...baskets.flatMap(({ claims }) => claims)), Array<string>(6).fill('settled'));
    const { messages, bytes, waiting } = await owner.link.broker.depth(BANK);
    t.deepEqual([messages, bytes, waiting], [0, 0, 0]);
  });

  promised('more than a script moves at once is moved when a mailbox is split', async (t, stage) => {
    const peer = await stage.peer('peer');
    const keys = Array.from({ length: 300 }, (_, at) => keyOf(at % PARTITIONS, `${at}-`));
    for (const [at, key] of keys.entries()) await sendFrame(peer, at + 1, key);
    await split(peer);
    const baskets = await readAll(peer);
    for (const [partition, basket] of baskets.entries()) {
      await basket.holds(75);
      t.deepEqual(
        basket.claims.map(({ frame }) => [...frame]),
        keys.filter((_, at) => at % PARTITIONS === partition).map((key) => [...frameOf(key)]),
      );
    }
  });

  promised('what has no key and what is no frame goes into the first partition, whole', async (t, stage) => {
    const peer = await stage.peer('peer');
    const key = keyOf(2);
    await sendFrame(peer, 1, null, key, null);
    await peer.link.broker.append({ mailbox: BANK, number: 2, frame: bytesOf('no frame'), count: 2 });
    await peer.link.broker.append({ mailbox: BANK, number: 3, frame: frameOf(key, key), count: 3 });
    await peer.link.broker.append({ mailbox: BANK, number: 4, frame: frameOf(key).subarray(0, 20), count: 1 });
    await peer.link.broker.append({ mailbox: BANK, number: 5, frame: new Uint8Array(), count: 1 });
    await split(peer);
    const baskets = await readAll(peer);
    await baskets[0]!.holds(5);
    await baskets[2]!.holds(1);
    t.deepEqual(
      baskets[0]!.claims.map(({ todo, count }) => todo ?? '1'.repeat(count)),
      ['101', '11', '111', '1', '1'],
    );
    t.is(baskets[2]!.claims[0]!.todo, '010');
  });

  promised('keys of every kind of text find their partition', async (t, stage) => {
    const peer = await stage.peer('peer');
    const keys = [
      '',
      'a',
      'żółw',
      '🐢🐢',
      'x'.repeat(31),
      'x'.repeat(32),
      'y'.repeat(300),
      'z'.repeat(16_000),
      '\0\r\n',
    ];
    for (const [at, key] of keys.entries()) await sendFrame(peer, at + 1, key);
    await split(peer);
    const baskets = await readAll(peer);
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const mine = keys.filter((key) => partitionOf(key, PARTITIONS) === partition);
      await baskets[partition]!.holds(mine.length);
      t.deepEqual(
        baskets[partition]!.claims.map(({ frame }) => frame.length),
        mine.map((key) => frameOf(key).length),
      );
    }
  });

  promised('a mailbox that was split takes nothing for anybody, and uses up no number', async (t, stage) => {
    const peer = await stage.peer('peer');
    t.is(await sendFrame(peer, 1, keyOf(0)), 'accepted');
    await split(peer);
    const { broker } = peer.link;
    const frame = frameOf(keyOf(0));
    const refused = { kind: 'partitioned', partitions: PARTITIONS } as const;
    t.deepEqual(await broker.append({ mailbox: BANK, number: 2, frame, count: 1 }), refused);
    t.deepEqual(
      await broker.append({ mailbox: BANK, number: 2, frame, count: 1, at: peer.link.now() + 5_000 }),
      refused,
    );
    t.deepEqual(await broker.append({ mailbox: BANK, number: 2, frame, count: 1, producer: 'other' }), refused);
    t.deepEqual(await broker.appendAll({ mailbox: BANK, number: 2, frames: [{ frame, count: 1 }] }), {
      kind: 'accepted',
      taken: 0,
    });
    t.is(await sendFrame(peer, 1, keyOf(0)), 'accepted', 'it had been accepted before');
    t.deepEqual(
      await broker.appendAll({
        mailbox: BANK,
        number: 1,
        frames: [
          { frame, count: 1 },
          { frame, count: 1 },
        ],
      }),
      {
        kind: 'accepted',
        taken: 1,
      },
    );
    t.is((await broker.depth(BANK)).messages, 1);
  });

  promised('a mailbox that was split takes what is for one node alone', async (t, stage) => {
    const peer = await stage.peer('peer');
    await split(peer);
    const basket = await peer.consume(BANK);
    await peer.send(BANK, 'ping', { target: peer.id });
    await basket.holds(1);
    t.deepEqual(basket.texts(), ['ping']);
    t.deepEqual(await peer.done(basket.claims[0]!), ['settled']);
  });

  promised(
    'what was in hand when its mailbox was split and is handed back goes into the partitions',
    async (t, stage) => {
      const old = await stage.peer('old');
      const owner = await stage.peer('owner');
      const held = await old.consume(BANK);
      const [a, b] = [keyOf(1), keyOf(2)];
      await sendFrame(old, 1, a, b, a);
      const claim = await held.claim(0);
      await split(owner);
      t.is((await owner.link.broker.depth(BANK)).messages, 3);
      const baskets = await readAll(owner);
      t.deepEqual(await old.settle({ kind: 'park', claim, todo: '011' }), ['settled']);
      t.deepEqual(await old.settle({ kind: 'park', claim, todo: '011' }), ['lost']);
      t.is((await baskets[1]!.claim(0)).todo, '001');
      t.is((await baskets[2]!.claim(0)).todo, '010');
      t.is((await owner.link.broker.depth(BANK)).messages, 2);
    },
  );

  promised(
    'what a dead node held of a mailbox that was split since is parted out by the next who splits',
    async (t, stage) => {
      const owner = await stage.peer('owner');
      const old = await stage.peer('old', SHORT_BEAT);
      const held = await old.consume(BANK);
      await sendFrame(owner, 1, keyOf(1), keyOf(2));
      const claim = await held.claim(0);
      await old.settle({ kind: 'mark', claim, todo: '11', index: 1 });
      await split(owner);
      await old.die();
      await owner.missing(old.id);
      await split(owner);
      const baskets = await readAll(owner);
      t.is((await baskets[1]!.claim(0)).todo, '10');
      const marked = await baskets[2]!.claim(0);
      t.deepEqual([marked.todo, [...(marked.charges ?? [])]], ['01', [[1, 1]]]);
    },
  );

  promised('each partition takes its part of what the whole may hold', async (t, stage) => {
    const peer = await stage.peer('peer');
    await split(peer, { maxLength: 8, maxBytes: 1_000_000 });
    await peer.send(FIRST, 'two', { count: 2 });
    const full = await peer.append(FIRST, 'more');
    t.deepEqual(full, { kind: 'full', room: 0, messages: 2, bytes: 3, maxLength: 2, maxBytes: 1_000_000 });
    await peer.send(partitionName(BANK, 1), 'there is room');
    await split(peer, { maxLength: 400, maxBytes: 1_000_000 });
    t.is((await peer.append(FIRST, 'more', { number: 2 })).kind, 'accepted');
  });

  promised('the depth of a mailbox that was split is that of all its partitions', async (t, stage) => {
    const peer = await stage.peer('peer');
    const basket = await own(peer);
    await peer.send(FIRST, 'abc', { count: 2 });
    await peer.send(partitionName(BANK, 3), 'defg');
    const at = peer.link.now();
    await peer.send(partitionName(BANK, 3), 'later', { at: at + 60_000 });
    await basket.holds(1);
    const { oldestAt, ...depth } = await peer.link.broker.depth(BANK);
    t.deepEqual([depth.messages, depth.bytes, depth.dead], [4, 12, 0]);
    t.true(oldestAt !== undefined && oldestAt <= at);
  });
}
