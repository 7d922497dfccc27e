import test from 'ava';
import { FrameInvalid, HomeostatError } from '../src/ground/errors.ts';
import { toWireError } from '../src/wire/envelope.ts';
import { FrameWriter, readBody, readFrame } from '../src/wire/frame.ts';

/** How many damaged frames are read. */
const MUTATIONS = 400_000;
/** No frame may cost more than this, ms. The best of some tries counts: the machine may be busy with something else. */
const MAX_MS = 20;

/** A small generator with a seed, so that a failure can be run again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function realFrame(): Buffer {
  const writer = new FrameWriter(100_000);
  writer.open(1_700_000_000_000);
  const user = {
    id: 7,
    name: 'Zoë',
    tags: ['a', 'b'],
    address: { city: 'Bern', geo: [46.9, 7.4] },
    born: new Date(500),
    big: 5n,
    photo: Buffer.from('abc'),
    note: 'x'.repeat(300),
  };
  writer.addCall('getUser', { id: 1 }, 7, 1_700_000_002_000, {
    id: 'once',
    key: 'k',
    headers: { trace: 't', constructo: 'r' },
    priority: 5,
  });
  writer.addCall('getUser', user, 8, 0);
  writer.addCast('users.rename', undefined, 1_700_000_000_500);
  writer.addCast('users.rename', [null, true, -5, 2 ** 40, user], 0);
  writer.addReply(9, { list: [user, user] });
  writer.addReply(10, undefined);
  writer.addError(11, toWireError(new Error('boom')));
  writer.addItem(12, 1, user);
  writer.addItem(12, 300, undefined);
  writer.addCredit(13, 70_000);
  writer.addCancel(14);
  writer.addCall('list', 1, 15, 0, { orphan: 'skip', until: 1_700_000_060_000 });
  return Buffer.from(writer.finish('node-1.V1StGXR8', 3, 'node-1.V1StGXR8'));
}

/** Frame and bodies, or `FrameInvalid`. */
function readAll(bytes: Buffer): unknown[] {
  const frame = readFrame(bytes, { maxBodyBytes: 100_000 });
  return frame.envelopes.map(({ bodyStart, bodyEnd }) => readBody(frame.bytes, bodyStart, bodyEnd));
}

/** What reading costs at best, ms. */
function costOf(bytes: Buffer): number {
  let best = Infinity;
  for (let tries = 0; tries < 5; tries++) {
    const start = performance.now();
    try {
      readAll(bytes);
    } catch {
      // Whether it may be refused is asked elsewhere.
    }
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** Bytes that begin something larger, or something that is refused. */
const TELLING = [
  0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xa9, 0xab, 0xbf, 0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xc9, 0xcb, 0xcf, 0xd3,
  0xd4, 0xd6, 0xd7, 0xd8, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff,
];
const WORDS = ['__proto__', 'constructor', 'prototype'].map((word) =>
  Buffer.concat([Buffer.from([0xa0 | word.length]), Buffer.from(word)]),
);
const PARTS = [
  ...WORDS,
  Buffer.from('81a95f5f70726f746f5f5f81a161c3', 'hex'),
  Buffer.from('d4724091a161', 'hex'),
  Buffer.from('ddffffffff', 'hex'),
  Buffer.alloc(100, 0x91),
];

function damaged(frame: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(frame);
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(bytes.length);
    switch (random(7)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes[at] = TELLING[random(TELLING.length)] as number;
        break;
      case 2:
        bytes[at] = (bytes[at] as number) ^ (1 << random(8));
        break;
      case 3:
        bytes = bytes.subarray(0, at + 1);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length - 1, at + random(16)))]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), PARTS[random(PARTS.length)] as Buffer, bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(bytes.length))]);
    }
  }
  return bytes;
}

test(`${MUTATIONS} damaged frames are read as frames or refused, quickly and without a trace`, (t) => {
  const seed = Date.now() & 0x7fff_ffff;
  t.log(`seed ${seed}`);
  const random = randomFrom(seed);
  const real = realFrame();
  const prototypes = [Object.prototype, Array.prototype, Function.prototype].map(
    (prototype) => Reflect.ownKeys(prototype).length,
  );
  let read = 0;
  let refused = 0;
  let slowest = 0;
  const reasons = new Set<string>();
  for (let run = 0; run < MUTATIONS; run++) {
    const bytes = damaged(real, random);
    const start = performance.now();
    try {
      readAll(bytes);
      read++;
    } catch (error) {
      if (!(error instanceof FrameInvalid)) {
        t.fail(`run ${run}: ${String(error)} for ${bytes.toString('hex')}`);
        return;
      }
      reasons.add(error.reason);
      refused++;
    }
    if (performance.now() - start > slowest) slowest = Math.max(slowest, costOf(bytes));
  }
  t.log(`${read} read, ${refused} refused for ${reasons.size} reasons, slowest ${slowest.toFixed(2)} ms`);
  t.is(read + refused, MUTATIONS);
  t.true(read > 0 && refused > 0);
  t.true(slowest < MAX_MS, `the slowest took ${slowest} ms`);
  t.deepEqual(
    [Object.prototype, Array.prototype, Function.prototype].map((prototype) => Reflect.ownKeys(prototype).length),
    prototypes,
  );
  t.deepEqual(readAll(real).slice(0, 1), [{ id: 1 }]);
});

test('whatever is read can be written again', (t) => {
  const seed = Date.now() & 0x7fff_ffff;
  t.log(`seed ${seed}`);
  const random = randomFrom(seed);
  const real = realFrame();
  const writer = new FrameWriter(100_000);
  let written = 0;
  for (let run = 0; run < 20_000; run++) {
    try {
      const frame = readFrame(damaged(real, random), { maxBodyBytes: 100_000 });
      writer.open(frame.sentAt);
      for (const { method, deadline, extras, bodyStart, bodyEnd } of frame.envelopes)
        writer.addCast(method === '' ? 'm' : method, readBody(frame.bytes, bodyStart, bodyEnd), deadline, extras);
      readFrame(Buffer.from(writer.finish(frame.from, frame.number, frame.replyTo)), { maxBodyBytes: 100_000 });
      written++;
    } catch (error) {
      if (!(error instanceof HomeostatError)) throw error;
    }
  }
  t.true(written > 0);
});

test('a full-size hostile frame costs no more than an honest one', (t) => {
  const head = Buffer.from('9601a16e01c00191', 'hex');
  const hostile: [string, Buffer][] = [
    ['empty maps', Buffer.concat([head, Buffer.from('9302a16ddd000f4240', 'hex'), Buffer.alloc(1_000_000, 0x80)])],
    ['nesting', Buffer.concat([head, Buffer.from('9302a16d', 'hex'), Buffer.alloc(1_000_000, 0x91)])],
    [
      'maps of maps',
      Buffer.concat([head, Buffer.from('9302a16d', 'hex'), Buffer.alloc(900_000, Buffer.from('81a161', 'hex'))]),
    ],
    ['unfinished lengths', Buffer.concat([head, Buffer.from('9302a16d', 'hex'), Buffer.alloc(1_000_000, 0xdd)])],
    ['an endless method', Buffer.concat([head, Buffer.from('9302db000f4240', 'hex'), Buffer.alloc(1_000_001, 0x61)])],
  ];
  for (const [what, bytes] of hostile) {
    t.throws(() => readFrame(bytes), { instanceOf: FrameInvalid }, what);
    t.true(costOf(bytes) < MAX_MS, what);
  }
});
