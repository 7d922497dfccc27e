import test from 'ava';
import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { encodeBody, readBody } from '../src/wire/frame.ts';
import { FrameInvalid, PayloadTooLarge, SerializationError } from '../src/ground/errors.ts';
import { Scanner } from '../src/wire/scan.ts';
import { DEFAULT_MAX_BODY_BYTES } from '../src/wire/wire.ts';

const LIMIT = DEFAULT_MAX_BODY_BYTES;

function encode(value: unknown, limit = LIMIT): Buffer {
  return Buffer.from(encodeBody(value, limit) as Uint8Array);
}

/** Through the bytes and back, by way of the scan every body passes. */
function travel(value: unknown): unknown {
  const bytes = encode(value);
  const scanner = new Scanner(bytes);
  scanner.skip();
  if (!scanner.done) throw new Error('the scan stopped early');
  return readBody(bytes, 0, bytes.length);
}

test('every kind of value arrives as it left', (t) => {
  const values = [
    null,
    true,
    false,
    '',
    'a',
    'ü',
    '日本語',
    '🙂',
    'x'.repeat(31),
    'x'.repeat(32),
    'ü'.repeat(31),
    'x'.repeat(255),
    'x'.repeat(256),
    'ü'.repeat(128),
    'x'.repeat(65_535),
    'x'.repeat(65_536),
    'ü'.repeat(32_768),
    0,
    -0,
    1,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
    -1,
    -32,
    -33,
    -128,
    -129,
    -32_768,
    -32_769,
    -(2 ** 31),
    -(2 ** 31) - 1,
    Number.MIN_SAFE_INTEGER,
    1.5,
    -1.5,
    5e-324,
    1.8e308,
    NaN,
    Infinity,
    -Infinity,
    0n,
    5n,
    -5n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
    -(2n ** 63n),
    new Date(0),
    new Date(1),
    new Date(-1),
    new Date(1_700_000_000_000),
    new Date(1_700_000_000_123),
    new Date(2 ** 32 * 1000),
    new Date(2 ** 34 * 1000),
    new Date(-8.64e15),
    new Date(8.64e15),
    Buffer.alloc(0),
    Buffer.from('hi'),
    Buffer.alloc(255, 1),
    Buffer.alloc(256, 1),
    Buffer.alloc(65_536, 1),
    [],
    [1, [2, [3]]],
    Array.from({ length: 16 }, (_, index) => index),
    Array.from({ length: 70_000 }, (_, index) => index),
    {},
    { a: { b: { c: [{ d: null }] } } },
    { '': 1, ü: 2, '0': 3, 'a key that is longer than thirty-one characters': 4 },
    Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, index])),
    Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index])),
  ];
  for (const value of values) t.deepEqual(travel(value), value);
});

test('a number stays a number and a bigint stays a bigint', (t) => {
  for (const value of [5, 5n, 2 ** 40, BigInt(2 ** 40)]) t.is(travel(value), value);
});

test('what has no form of its own arrives as its nearest plain one', (t) => {
  class Point {
    readonly x = 1;
    readonly #secret = 2;
    get secret(): number {
      return this.#secret;
    }
  }
  const sparse: unknown[] = [undefined, 1];
  sparse[3] = 2;
  const cases: [unknown, unknown][] = [
    [
      new Map<string, unknown>([
        ['a', 1],
        ['b', new Map()],
      ]),
      { a: 1, b: {} },
    ],
    [new Set([1, 'a']), [1, 'a']],
    [new URL('http://host/path'), 'http://host/path'],
    [{ toJSON: () => ({ plain: true }) }, { plain: true }],
    [{ first: 1, toJSON: () => 'all' }, 'all'],
    [new Point(), { x: 1 }],
    [Object.assign(Object.create({ inherited: 1 }) as object, { own: 2 }), { own: 2 }],
    [Object.assign(Object.create(null) as object, { own: 2 }), { own: 2 }],
    [{ a: undefined, b: 1, [Symbol('s')]: 2 }, { b: 1 }],
    [sparse, [null, 1, null, 2]],
    [new Uint8Array([1, 2]).buffer, Buffer.from([1, 2])],
    [new Uint8Array([1, 2]), Buffer.from([1, 2])],
    [new String('boxed'), 'boxed'], // oxlint-disable-line no-new-wrappers
    [
      Object.assign(new TypeError('no', { cause: 'secret' }), { code: 'X' }),
      { code: 'X', name: 'TypeError', message: 'no' },
    ],
    ['\uD800', '\uFFFD'],
  ];
  for (const [value, arrived] of cases) t.deepEqual(travel(value), arrived);
});

test('undefined has no bytes', (t) => {
  t.is(encodeBody(undefined, LIMIT), undefined);
  t.is(readBody(Buffer.alloc(8), 0, 0), undefined);
});

test('a value that cannot travel is refused with its path', (t) => {
  const cycle: Record<string, unknown> = { items: [] };
  (cycle['items'] as unknown[]).push({ back: cycle });
  const thrower = {
    get bad(): never {
      throw new RangeError('not today');
    },
  }; // oxlint-disable-line getter-return
  const cases: [unknown, string][] = [
    [() => 1, 'body is a function'],
    [{ a: [1, { b: () => 1 }] }, 'body.a[1].b is a function'],
    [[{ fine: { deep: [1] } }, Symbol('s')], 'body[1] is a symbol'],
    [{ n: 2n ** 64n }, 'body.n is an integer beyond 64 bits'],
    [{ n: -(2n ** 63n) - 1n }, 'body.n is an integer beyond 64 bits'],
    [{ when: new Date(NaN) }, 'body.when is an invalid Date'],
    [cycle, 'body.items[0].back leads back to an object that holds it'],
    [{ constructor: 1 }, 'body.constructor is a key that may not travel'],
    [JSON.parse('{"a":{"__proto__":1}}'), 'body.a.__proto__ is a key that may not travel'],
    [new Map([['prototype', 1]]), 'body.prototype is a key that may not travel'],
    [{ m: new Map([[1, 2]]) }, 'body.m is a Map with a key that is no string'],
    [{ p: Promise.resolve(1) }, 'body.p is a promise: await it first'],
    [{ f: new Float64Array(1) }, 'body.f is a typed array of another kind'],
    [{ r: /x/ }, 'body.r is of a class that holds no plain data'],
    [{ in: thrower }, 'reading body.in.bad failed: not today'],
    [
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('trap');
          },
        },
      ),
      'reading body failed: trap',
    ],
    [
      {
        self: {
          toJSON(): unknown {
            return this;
          },
        },
      },
      'failed: Maximum call stack size exceeded',
    ],
    [Array.from({ length: 100_001 }, () => 0), 'more than 100000 values'],
  ];
  for (const [value, message] of cases) {
    const error = t.throws(() => encodeBody(value, LIMIT), { instanceOf: SerializationError });
    t.true(error.message.includes(message), `${error.message} <> ${message}`);
    t.is(error.outcome, 'not-executed');
  }
  t.true(t.throws(() => encodeBody({ in: thrower }, LIMIT)).cause instanceof RangeError);
  t.deepEqual(travel({ fine: true }), { fine: true });
});

test('the same object may be sent twice in one body, but not so often that it multiplies without end', (t) => {
  const shared = { a: 1 };
  t.deepEqual(travel([shared, shared]), [shared, shared]);
  let bomb: unknown = 'x';
  for (let level = 0; level < 60; level++) bomb = [bomb, bomb];
  const start = performance.now();
  t.throws(() => encodeBody(bomb, LIMIT));
  t.true(performance.now() - start < 1000);
});

test('64 levels travel and 65 do not', (t) => {
  const nest = (levels: number): unknown => {
    let value: unknown = 1;
    for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { v: value };
    return value;
  };
  t.deepEqual(travel(nest(64)), nest(64));
  t.throws(() => encodeBody(nest(65), LIMIT), { instanceOf: SerializationError, message: /more than 64 levels deep/ });
});

test('100,000 values travel', (t) => {
  t.is((travel(Array.from({ length: 100_000 }, () => 0)) as unknown[]).length, 100_000);
});

test('a body may take exactly its limit', (t) => {
  t.is(encode('x'.repeat(97), 99).length, 99);
  const error = t.throws(() => encodeBody('x'.repeat(98), 99), { instanceOf: PayloadTooLarge });
  t.deepEqual(error.details, { bytes: 100, limit: 99 });
  t.throws(() => encodeBody('ü'.repeat(49), 99), { instanceOf: PayloadTooLarge });
});

test('1 MiB of text or bytes passes the default limit, 2 MiB do not', (t) => {
  const mebibyte = 1024 * 1024;
  t.deepEqual(travel({ data: Buffer.alloc(mebibyte, 7) }), { data: Buffer.alloc(mebibyte, 7) });
  t.deepEqual(travel({ data: 'x'.repeat(mebibyte) }), { data: 'x'.repeat(mebibyte) });
  t.throws(() => encodeBody({ data: 'x'.repeat(2 * mebibyte) }, LIMIT), { instanceOf: PayloadTooLarge });
  t.throws(() => encodeBody({ data: Buffer.alloc(2 * mebibyte) }, LIMIT), { instanceOf: PayloadTooLarge });
  t.throws(
    () =>
      encodeBody(
        Array.from({ length: 90_000 }, () => 'twelve chars'),
        LIMIT,
      ),
    { instanceOf: PayloadTooLarge },
  );
});

test('a getter that encodes something of its own disturbs nothing', (t) => {
  const value = {
    before: 'b',
    get inner(): Uint8Array | undefined {
      return encodeBody({ nested: true }, LIMIT);
    },
    after: 'a',
  };
  t.deepEqual(travel(value), { before: 'b', inner: encode({ nested: true }), after: 'a' });
});

test('binary data is a copy: it neither changes with the frame nor keeps it alive', (t) => {
  const bytes = encode({ data: Buffer.from('keep') });
  const { data } = readBody(bytes, 0, bytes.length) as { data: Buffer };
  bytes.fill(0);
  t.is(data.toString(), 'keep');
  t.true(data.buffer.byteLength < 64);
});

const plain = fc
  .letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.constantFrom(null, true, false, '', -0, NaN, Infinity),
      fc.double(),
      fc.integer(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.string({ maxLength: 300 }),
      fc.date({ noInvalidDate: true }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(fc.string({ unit: 'binary', maxLength: 40 }), tie('value'), { maxKeys: 20, noNullPrototype: true }),
    ),
  }))
  .value.filter((value) => !holdsForbiddenKey(value));

function holdsForbiddenKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return false;
  return Object.entries(value).some(
    ([key, item]) => ['__proto__', 'prototype', 'constructor'].includes(key) || holdsForbiddenKey(item),
  );
}

function seeded(t: { log(text: string): void }): { seed: number; numRuns: number } {
  const seed = Date.now() & 0x7fff_ffff;
  t.log(`seed ${seed}`);
  return { seed, numRuns: 2000 };
}

test('any plain value comes back equal', (t) => {
  fc.assert(
    fc.property(plain, (value) => t.deepEqual(travel(value), value)),
    seeded(t),
  );
});

test('another msgpack library reads what is written and writes what is read', (t) => {
  const options = {
    useRecords: false,
    mapsAsObjects: true,
    int64AsType: 'bigint',
    copyBuffers: true,
    variableMapSize: true,
  } as const;
  const unpackr = new Unpackr(options);
  const packr = new Packr(options);
  fc.assert(
    fc.property(plain, (value) => {
      t.deepEqual(unpackr.unpack(encode(value)), value);
      const theirs = packr.pack(value);
      t.deepEqual(readBody(theirs, 0, theirs.length), unpackr.unpack(theirs));
    }),
    seeded(t),
  );
});

test('reading stays inside its bounds on any bytes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
      try {
        readBody(bytes, 0, bytes.length);
      } catch (error) {
        t.true(error instanceof FrameInvalid);
      }
    }),
    { ...seeded(t), numRuns: 20_000 },
  );
  for (const hex of [
    'df ffffffff',
    'dd ffffffff',
    'c6 ffffffff',
    'db ffffffff 61',
    'd9',
    'c7',
    'd7ff',
    '81 a9 5f5f70726f746f5f5f 80',
    'c7 04 ff 00000000 00',
  ]) {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    t.throws(() => readBody(bytes, 0, bytes.length), { instanceOf: FrameInvalid, message: /: body$/ });
  }
});
