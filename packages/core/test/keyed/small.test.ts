import { pino } from 'pino';
import test from 'ava';
import { z } from 'zod';
import { closesCycle, extended, linkOf } from '../../src/calling/chain.ts';
import { CastNumbers, CastWriter, HeldCasts } from '../../src/calling/held-casts.ts';
import { SplitMailboxes } from '../../src/calling/split-mailboxes.ts';
import { contract } from '../../src/contract/contract.ts';
import { partitionOf } from '../../src/keyed/partition-of.ts';
import { Relay } from '../../src/keyed/relay.ts';
import { States } from '../../src/keyed/states.ts';
import { Transaction } from '../../src/keyed/transaction.ts';
import type { AppendRequest, AppendResult } from '../../src/ports/broker.ts';
import type { RelayedFrame } from '../../src/ports/partitions.ts';
import type { Instance } from '../../src/registry/instance.ts';
import { waitFor } from '../../src/testing/wait-for.ts';
import { readBody, readFrame } from '../../src/wire/frame.ts';

const SILENT = pino({ level: 'silent' });
const writer = (numbers = new CastNumbers()): CastWriter =>
  new CastWriter(
    10_000,
    () => 'node-1',
    () => 1_000,
    numbers,
  );

test('a key belongs to the same partition for ever', (t) => {
  // FNV-1a, 32 bits: 0xafd071e5 for "test", as its authors publish.
  t.is(partitionOf('test', 2 ** 31), 0xafd071e5 % 2 ** 31);
  t.is(partitionOf('', 7), 0x811c9dc5 % 7);
  t.is(partitionOf('ünï', 1_000), partitionOf('ünï', 1_000));
  const counts = new Array<number>(8).fill(0);
  for (let key = 0; key < 8_000; key += 1) counts[partitionOf(`user:${key}`, 8)]! += 1;
  t.true(Math.min(...counts) > 800 && Math.max(...counts) < 1_200, counts.join(' '));
});

test('a chain holds the keys that wait, the latest where they are many, and tells nobody which', (t) => {
  const chain = extended(extended(undefined, linkOf('a@1', 'x')), linkOf('b@1', 'y'));
  t.true(closesCycle(chain, 'a@1', 'x'));
  t.true(closesCycle(chain, 'b@1', 'y'));
  t.false(closesCycle(chain, 'a@1', 'y'));
  t.false(closesCycle(undefined, 'a@1', 'x'));
  t.false(chain.includes('x'));
  let long: string | undefined;
  for (let key = 0; key < 100; key += 1) long = extended(long, linkOf('a@1', String(key)));
  t.true(closesCycle(long, 'a@1', '99'));
  t.true(closesCycle(long, 'a@1', '68'));
  t.false(closesCycle(long, 'a@1', '67'));
  t.true(long!.length < 600);
});

test('state in memory: what was used longest ago goes first, what is idle goes, and what a partition took with it', (t) => {
  const states = new States();
  for (let key = 0; key < 10_001; key += 1) states.put(0, `k${key}`, new Uint8Array(1), key);
  t.is(states.size, 10_000);
  t.is(states.get('k0', 0), undefined);
  t.truthy(states.get('k1', 20_000));
  states.dropIdle(10_000);
  t.is(states.size, 2, 'the last one, and the one that was used since');
  states.put(1, 'other', undefined, 20_000);
  t.deepEqual(states.get('other', 20_000)?.bytes, undefined);
  states.dropPartition(0);
  t.is(states.size, 1);
  for (let key = 0; key < 40; key += 1) states.put(2, `big${key}`, new Uint8Array(1024 * 1024), 30_000);
  t.true(states.size <= 32);
});

test('a handler has values of its own, and what it sets is frozen as it is then', (t) => {
  const needs = {
    mailbox: 'bank@1',
    schema: z.object({ n: z.number(), at: z.string().default('here') }),
    maxBodyBytes: 1_000,
    writer: writer(),
  };
  const transaction = new Transaction(needs, 'k', undefined);
  t.is(transaction.get(), undefined);
  t.false(transaction.changes);
  const value = { n: 1 };
  transaction.set(value);
  value.n = 2;
  t.deepEqual(transaction.get(), { n: 1, at: 'here' });
  const later = new Transaction(needs, 'k', transaction.written as Uint8Array);
  const read = later.get() as { n: number };
  read.n = 9;
  t.false(later.changes, 'what is changed in the value is not kept');
  t.is(later.written, undefined);
  t.throws(() => later.set({ n: 'x' }), { code: 'VALIDATION' });
  t.throws(() => later.set(undefined), { code: 'SERIALIZATION' });
  t.throws(() => later.set({ n: 1, at: 'x'.repeat(2_000) }), { code: 'PAYLOAD_TOO_LARGE' });
  t.is(later.written, undefined);
  later.delete();
  t.is(later.written, null);
  t.is(later.get(), undefined);
});

test('state that cannot be read, or does not fit any more, is said to be invalid', (t) => {
  const needs = { mailbox: 'bank@1', schema: z.object({ n: z.number() }), maxBodyBytes: 1_000, writer: writer() };
  t.throws(() => new Transaction(needs, 'k', new Uint8Array([0xc1])).get(), { code: 'STATE_INVALID' });
  t.throws(() => new Transaction(needs, 'k', new Uint8Array([0xa1, 0x41])).get(), { code: 'STATE_INVALID' });
  const late = { ...needs, schema: z.object({ n: z.number() }).refine(async () => true) };
  t.throws(() => new Transaction(late, 'k', undefined).set({ n: 1 }), { code: 'CONFIG' });
});

test('casts are taken down as they are made, and none after the end', (t) => {
  const held = new HeldCasts(writer());
  const body = { n: 1 };
  held.hold({ mailbox: 'm@1', method: 'run', input: body, deadline: 0, extras: { key: 'k' } });
  body.n = 2;
  held.hold({ mailbox: 'm@1', method: 'run', input: body, deadline: 0, extras: undefined });
  const frames = held.frames.map(({ frame }) => readFrame(frame));
  t.deepEqual(
    frames.map(({ bytes, envelopes: [one] }) => readBody(bytes, one!.bodyStart, one!.bodyEnd)),
    [{ n: 1 }, { n: 2 }],
  );
  t.is(new Set(frames.map(({ from, number }) => `${from}/${number}`)).size, 2, 'each has an id of its own');
  t.throws(() => held.hold({ mailbox: 'm@1', method: 'run', input: () => {}, deadline: 0, extras: undefined }), {
    code: 'SERIALIZATION',
  });
  held.close();
  t.throws(() => held.hold({ mailbox: 'm@1', method: 'run', input: 1, deadline: 0, extras: undefined }), {
    code: 'CONFIG',
  });
});

class Outgoing {
  readonly appended: AppendRequest[] = [];
  readonly relay: Relay;
  casts: RelayedFrame[] = [];
  answer: (request: AppendRequest) => AppendResult = () => ({ kind: 'accepted', id: '1' });

  constructor() {
    this.relay = new Relay({
      mailbox: 'bank@1',
      number: 3,
      log: SILENT,
      partitions: {
        outgoing: async (_mailbox, _partition, limit) => this.casts.slice(0, limit),
        relayed: async (_mailbox, _partition, number) => {
          this.casts = this.casts.filter((cast) => cast.number > number);
        },
      },
      broker: {
        append: async (request) => {
          this.appended.push(request);
          return this.answer(request);
        },
      },
    });
  }

  add(number: number, key?: string): void {
    const { frame } = writer().write({
      mailbox: 'to@1',
      method: 'run',
      input: number,
      deadline: 0,
      extras: key === undefined ? undefined : { key },
    });
    this.casts.push({ mailbox: 'to@1', frame, count: 1, number });
  }
}

test('casts are sent on in order, under the number and the name of the partition, until they are accepted', async (t) => {
  const outgoing = new Outgoing();
  for (let number = 1; number <= 100; number += 1) outgoing.add(number);
  let refusals = 3;
  outgoing.answer = ({ number }) =>
    number === 5 && (refusals -= 1) >= 0
      ? { kind: 'full', room: 0, messages: 1, bytes: 1, maxLength: 1, maxBytes: 1 }
      : { kind: 'accepted', id: '1' };
  outgoing.relay.wake(100);
  await waitFor(() => outgoing.casts.length === 0, { withinMs: 5_000, what: 'all to be sent on' });
  t.true(outgoing.appended.every(({ producer }) => producer === 'bank@1#3'));
  t.deepEqual(
    [...new Set(outgoing.appended.map(({ number }) => number))],
    Array.from({ length: 100 }, (_, at) => at + 1),
  );
  await outgoing.relay.close();
});

test('as long as casts cannot leave their partition is full of them, however often they are tried', async (t) => {
  const outgoing = new Outgoing();
  for (let number = 1; number <= 1_100; number += 1) outgoing.add(number);
  let isFull = true;
  outgoing.answer = () =>
    isFull
      ? { kind: 'full', room: 0, messages: 1, bytes: 1, maxLength: 1, maxBytes: 1 }
      : { kind: 'accepted', id: '1' };
  outgoing.relay.wake(1_100);
  await waitFor(() => outgoing.appended.length > 3, { withinMs: 5_000, what: 'it to be tried some times' });
  t.true(outgoing.relay.full);
  isFull = false;
  await waitFor(() => outgoing.casts.length === 0, { withinMs: 5_000, what: 'all to be sent on' });
  await waitFor(() => !outgoing.relay.full, { withinMs: 5_000, what: 'room' });
  await outgoing.relay.close();
});

test('a relay that ends sends on what can leave, and waits for nothing else', async (t) => {
  const outgoing = new Outgoing();
  for (let number = 1; number <= 100; number += 1) outgoing.add(number);
  outgoing.answer = ({ number }) =>
    number > 90
      ? { kind: 'full', room: 0, messages: 1, bytes: 1, maxLength: 1, maxBytes: 1 }
      : { kind: 'accepted', id: '1' };
  outgoing.relay.wake(100);
  await outgoing.relay.finish();
  t.deepEqual(
    outgoing.casts.map(({ number }) => number),
    [91, 92, 93, 94, 95, 96, 97, 98, 99, 100],
  );
});

test('casts that two actors of a node make have different names', (t) => {
  const cast = { mailbox: 'to@1', method: 'run', input: 1, deadline: 0, extras: undefined };
  const numbers = new CastNumbers();
  const [one, other] = [writer(numbers), writer(numbers)].map((by) => readFrame(by.write(cast).frame));
  t.is(one!.from, other!.from);
  t.not(one!.number, other!.number);
});

test('a cast to what has become keyed meanwhile goes to the partition of its key', async (t) => {
  const outgoing = new Outgoing();
  outgoing.add(1, 'k');
  outgoing.add(2);
  outgoing.answer = ({ mailbox }) =>
    mailbox === 'to@1' ? { kind: 'partitioned', partitions: 4 } : { kind: 'accepted', id: '1' };
  outgoing.relay.wake();
  await waitFor(() => outgoing.casts.length === 0, { withinMs: 5_000, what: 'all to be sent on' });
  t.deepEqual(
    outgoing.appended.map(({ mailbox }) => mailbox),
    ['to@1', `to@1#${partitionOf('k', 4)}`, 'to@1'],
  );
  await outgoing.relay.close();
});

const bank = contract('bank', { methods: { run: {} } });

class Splits {
  readonly counted: string[] = [];
  instances: Pick<Instance, 'mailbox' | 'partitions'>[] = [];
  count = 0;
  isBusy = false;
  now = 0;
  readonly split: SplitMailboxes = new SplitMailboxes({
    partitions: {
      count: async (mailbox) => {
        this.counted.push(mailbox);
        return this.count;
      },
    },
    registry: { peek: () => this.instances as Instance[] },
    clock: { now: () => this.now, elapsed: () => this.now },
    busy: () => this.isBusy,
  });

  find(key: string | undefined, refused = false): Promise<string | undefined> {
    return new Promise((resolve, reject) => this.split.find(bank, key, undefined, refused, resolve, reject));
  }
}

test('a sender learns from whom it sees that a mailbox is split, and asks only when it sees nobody', async (t) => {
  const seen = new Splits();
  seen.instances = [{ mailbox: 'bank@1', partitions: 4 }];
  const expected = `bank@1#${partitionOf('k', 4)}`;
  t.is(await seen.find('k'), expected);
  seen.instances = [];
  t.is(await seen.find('k'), expected, 'it stays split');
  t.deepEqual(seen.counted, []);
  await t.throwsAsync(seen.find(undefined), { code: 'KEY_REQUIRED' });
  const whole = new Splits();
  whole.instances = [{ mailbox: 'bank@1' }];
  t.is(await whole.find('k'), undefined);
  t.deepEqual(whole.counted, []);
  const unseen = new Splits();
  t.is(await unseen.find('k'), undefined);
  t.is(await unseen.find('k'), undefined);
  t.deepEqual(unseen.counted, ['bank@1'], 'for a second it is believed');
  unseen.now = 1_001;
  unseen.count = 4;
  const [first, second] = await Promise.all([unseen.find('k'), unseen.find('k')]);
  t.is(first, expected);
  t.is(second, expected);
  t.is(unseen.counted.length, 2);
});

test('what is sent now does not overtake what is on its way to the whole mailbox, but what that refused goes', async (t) => {
  const splits = new Splits();
  splits.split.learn('bank@1', 4);
  splits.isBusy = true;
  t.is(await splits.find('k'), undefined);
  t.is(await splits.find('k', true), `bank@1#${partitionOf('k', 4)}`);
  splits.isBusy = false;
  t.is(await splits.find('k'), `bank@1#${partitionOf('k', 4)}`);
});
