import test from 'ava';
import fc from 'fast-check';
import { Kind, toWireError, type Extras } from '../src/wire/envelope.ts';
import { FrameInvalid, PayloadTooLarge, SerializationError } from '../src/ground/errors.ts';
import {
  DEFAULT_MAX_BODY_BYTES,
  encodeBody,
  FrameWriter,
  MAX_ENVELOPES,
  MAX_EXTRAS_BYTES,
  MAX_FRAME_BYTES,
  readBody,
  readFrame,
  type Frame,
} from '../src/wire/frame.ts';

const SENT_AT = 1_700_000_000_000;
const NODE = 'node-1.V1StGXR8';

function opened(maxBodyBytes = DEFAULT_MAX_BODY_BYTES): FrameWriter {
  const writer = new FrameWriter(maxBodyBytes);
  writer.open(SENT_AT);
  return writer;
}

function sent(writer: FrameWriter): Frame {
  return readFrame(Buffer.from(writer.finish(NODE, 1, NODE)));
}

function bodies(frame: Frame): unknown[] {
  return frame.envelopes.map((envelope) => readBody(frame.bytes, envelope.bodyStart, envelope.bodyEnd));
}

test('calls, casts, replies and errors arrive as they were added', (t) => {
  const writer = opened();
  const extras = { id: 'once', key: 'user:1', headers: { trace: 'ä', empty: '' }, priority: -3 };
  writer.addCall('getUser', { id: 1 }, 7, SENT_AT + 2000, extras);
  writer.addCall('getUser', null, 8, 0);
  writer.addCall('$health', undefined, 2 ** 53 - 1, SENT_AT);
  writer.addCast('a.b-c_d', [1], 0);
  writer.addCast('a.b-c_d', undefined, SENT_AT + 1);
  writer.addCast('other', 0, 0, { priority: 5 });
  writer.addReply(9, 'done');
  writer.addReply(10, undefined);
  writer.addReplyBytes(11, encodeBody({ stored: true }, 1000));
  writer.addReplyBytes(12, undefined);
  writer.addError(13, toWireError(new Error('boom')));
  const frame = sent(writer);
  t.is(frame.from, NODE);
  t.is(frame.replyTo, NODE);
  t.is(frame.number, 1);
  t.is(frame.sentAt, SENT_AT);
  t.deepEqual(
    frame.envelopes.map(({ kind, method, correlation, deadline, extras: asked }) => [
      kind,
      method,
      correlation,
      deadline,
      asked,
    ]),
    [
      [Kind.call, 'getUser', 7, SENT_AT + 2000, extras],
      [Kind.call, 'getUser', 8, 0, undefined],
      [Kind.call, '$health', 2 ** 53 - 1, SENT_AT, undefined],
      [Kind.cast, 'a.b-c_d', 0, 0, undefined],
      [Kind.cast, 'a.b-c_d', 0, SENT_AT + 1, undefined],
      [Kind.cast, 'other', 0, 0, { priority: 5 }],
      [Kind.reply, '', 9, 0, undefined],
      [Kind.reply, '', 10, 0, undefined],
      [Kind.reply, '', 11, 0, undefined],
      [Kind.reply, '', 12, 0, undefined],
      [Kind.error, '', 13, 0, undefined],
    ],
  );
  t.deepEqual(bodies(frame), [
    { id: 1 },
    null,
    undefined,
    [1],
    undefined,
    0,
    'done',
    undefined,
    { stored: true },
    undefined,
    toWireError(new Error('boom')),
  ]);
});

test('a body is frozen when it is added', (t) => {
  const writer = opened();
  const body = { list: [1] };
  writer.addCast('m', body, 0);
  body.list.push(2);
  t.deepEqual(bodies(sent(writer)), [{ list: [1] }]);
});

test('what was added is counted in envelopes and bytes', (t) => {
  const writer = opened();
  t.is(writer.bytes, 0);
  const first = writer.addCast('m', 'x', 0);
  const second = writer.addReply(1, 'y');
  t.is(writer.count, 2);
  t.is(writer.bytes, first + second);
  const head = 1 + 1 + (1 + NODE.length) * 2 + 9 + 9 + 3;
  t.is(writer.finish(NODE, 1, NODE).length, head + first + second);
  writer.open(SENT_AT);
  t.is(writer.count + writer.bytes, 0);
});

test('a refused envelope leaves the frame as it was', (t) => {
  const writer = opened(100);
  writer.addCast('m', 1, 0);
  const before = Buffer.from(writer.finish(NODE, 1, null));
  const refused: [() => void, typeof SerializationError | typeof PayloadTooLarge][] = [
    [() => writer.addCast('m', () => 1, 0), SerializationError],
    [() => writer.addCast('m', { fine: 1, broken: 2n ** 70n }, 0), SerializationError],
    [() => writer.addCast('m', 'x'.repeat(101), 0), PayloadTooLarge],
    [() => writer.addReplyBytes(1, new Uint8Array(101)), PayloadTooLarge],
    [() => writer.addCast('', 1, 0), SerializationError],
    [() => writer.addCast('no spaces', 1, 0), SerializationError],
    [() => writer.addCast('1st', 1, 0), SerializationError],
    [() => writer.addCast('m'.repeat(129), 1, 0), SerializationError],
    [() => writer.addCall('m', 1, 0, 0), SerializationError],
    [() => writer.addCall('m', 1, 1.5, 0), SerializationError],
    [() => writer.addReply(2 ** 53, 1), SerializationError],
    [() => writer.addCast('m', 1, 0, { headers: { big: 'x'.repeat(MAX_EXTRAS_BYTES) } }), PayloadTooLarge],
    [() => writer.addCast('m', 1, 0, { headers: { n: 5 } } as unknown as Extras), SerializationError],
    [() => writer.addCast('m', 1, 0, { id: 5 } as unknown as Extras), SerializationError],
    [() => writer.addCast('m', 1, 0, { key: {} } as unknown as Extras), SerializationError],
    [() => writer.addCast('m', 1, 0, { priority: 1.5 }), SerializationError],
  ];
  for (const [add, kind] of refused) {
    t.throws(add, { instanceOf: kind });
    t.is(writer.count, 1);
    t.deepEqual(Buffer.from(writer.finish(NODE, 1, null)), before);
  }
  writer.addCast('m', 2, 0);
  t.deepEqual(bodies(sent(writer)), [1, 2]);
});

test('details that cannot travel are left off an error', (t) => {
  const writer = opened();
  writer.addError(1, { code: 'X', message: 'm', retryable: false, outcome: 'failed', details: { f: () => 1 } });
  t.deepEqual(bodies(sent(writer)), [{ code: 'X', message: 'm', retryable: false, outcome: 'failed' }]);
});

test('a getter of the body that sends into the same frame is refused, and harms nothing', (t) => {
  const writer = opened();
  writer.addCast('m', 'first', 0);
  for (const act of [() => writer.addCast('m', 'inner', 0), () => writer.open(SENT_AT)]) {
    const body = {
      before: 1,
      get trap(): unknown {
        return act();
      },
    };
    t.throws(() => writer.addCast('m', body, 0), {
      instanceOf: SerializationError,
      message: /reading body.trap failed/,
    });
  }
  t.deepEqual(bodies(sent(writer)), ['first']);
});

test('128 envelopes fit and one more does not', (t) => {
  const writer = opened();
  for (let index = 0; index < MAX_ENVELOPES; index++) writer.addCast('m', index, 0);
  t.throws(() => writer.addCast('m', 0, 0), { instanceOf: SerializationError });
  t.is(sent(writer).envelopes.length, MAX_ENVELOPES);
});

test('a frame may be finished again under another id and number', (t) => {
  const writer = opened();
  writer.addCast('m', 'same', 0);
  const first = readFrame(Buffer.from(writer.finish('n', 1, null)));
  const second = readFrame(Buffer.from(writer.finish('x'.repeat(128), 2 ** 53 - 1, 'y'.repeat(128))));
  t.deepEqual([first.from, first.number, first.replyTo], ['n', 1, null]);
  t.deepEqual([second.from, second.number, second.replyTo], ['x'.repeat(128), 2 ** 53 - 1, 'y'.repeat(128)]);
  t.deepEqual(bodies(first), bodies(second));
});

test('ids and numbers that a reader would refuse are not written', (t) => {
  const writer = opened();
  writer.addCast('m', 1, 0);
  for (const id of ['', 'x'.repeat(129), 'a b', 'a\n', '{a}', 'ü']) {
    t.throws(() => writer.finish(id, 1, null), { instanceOf: SerializationError });
    t.throws(() => writer.finish(NODE, 1, id), { instanceOf: SerializationError });
  }
  for (const number of [-1, 1.5, NaN, 2 ** 53])
    t.throws(() => writer.finish(NODE, number, null), { instanceOf: SerializationError });
  t.notThrows(() => sent(writer));
});

test('deadlines keep their moment to the millisecond, and one already past is due at once', (t) => {
  const writer = new FrameWriter(1000);
  writer.open(SENT_AT + 0.4);
  writer.addCast('m', 1, SENT_AT + 1500.4);
  writer.addCast('m', 1, SENT_AT - 5000);
  t.deepEqual(
    sent(writer).envelopes.map(({ deadline }) => deadline),
    [SENT_AT + 1500, SENT_AT],
  );
});

test('the newest envelope can be taken back', (t) => {
  const writer = opened();
  writer.addCast('m', 1, 0);
  const { bytes } = writer;
  writer.addCast('m', 'too much', 0);
  writer.undo();
  t.is(writer.count, 1);
  t.is(writer.bytes, bytes);
  writer.addCast('m', 2, 0);
  t.deepEqual(bodies(sent(writer)), [1, 2]);
  writer.open(SENT_AT);
  t.throws(() => writer.undo(), { instanceOf: RangeError });
});

test('some envelopes are dropped, the others stay in order', (t) => {
  const writer = opened();
  for (let index = 0; index < 10; index++) writer.addCast('m', 'x'.repeat(index), 0);
  writer.retain((index) => index % 3 === 0);
  t.is(writer.count, 4);
  writer.retain(() => true);
  writer.addCast('m', 'new', 0);
  t.deepEqual(bodies(sent(writer)), ['', 'xxx', 'xxxxxx', 'xxxxxxxxx', 'new']);
  writer.retain(() => false);
  t.is(writer.count + writer.bytes, 0);
  writer.addCast('m', 'again', 0);
  t.deepEqual(bodies(sent(writer)), ['again']);
});

test('a large body grows the buffer, and the frames after it give the room back', (t) => {
  const writer = opened();
  writer.addCast('m', 'small', 0);
  writer.addCast('m', Buffer.alloc(1024 * 1024, 7), 0);
  t.deepEqual(bodies(sent(writer)), ['small', Buffer.alloc(1024 * 1024, 7)]);
  writer.open(SENT_AT);
  writer.addCast('m', 'small', 0);
  t.true(writer.finish(NODE, 1, null).buffer.byteLength > 1024 * 1024);
  writer.open(SENT_AT);
  writer.addCast('m', 'small', 0);
  t.true(writer.finish(NODE, 1, null).buffer.byteLength <= MAX_FRAME_BYTES);
});

test('frames are read from a part of a larger buffer, and from a plain Uint8Array', (t) => {
  const writer = opened();
  writer.addCast('m', { a: 'b' }, 0);
  const bytes = writer.finish(NODE, 1, null);
  const padded = new Uint8Array(bytes.length + 20);
  padded.set(bytes, 10);
  t.deepEqual(bodies(readFrame(padded.subarray(10, 10 + bytes.length))), [{ a: 'b' }]);
});

test('any mixture of envelopes arrives complete and in order', (t) => {
  const seed = Date.now() & 0x7fff_ffff;
  t.log(`seed ${seed}`);
  const method = fc.stringMatching(/^[A-Za-z$][A-Za-z0-9._$-]{0,20}$/);
  const extras = fc.option(
    fc.record(
      {
        id: fc.string({ maxLength: 50 }),
        key: fc.string({ unit: 'binary', maxLength: 50 }),
        headers: fc.constant({ a: 'b' }),
        priority: fc.integer(),
      },
      { requiredKeys: [] },
    ),
    { nil: undefined },
  );
  const json = fc
    .jsonValue({ maxDepth: 3 })
    .filter((value) => !/"(__proto__|prototype|constructor)":/.test(JSON.stringify(value)));
  const deadline = fc.option(
    fc.integer({ min: 0, max: 2 ** 31 }).map((ms) => SENT_AT + ms),
    { nil: 0 },
  );
  const envelope = fc.record({
    kind: fc.integer({ min: 1, max: 3 }),
    method,
    body: fc.option(json, { nil: undefined }),
    correlation: fc.maxSafeNat().map((n) => Math.max(1, n)),
    deadline,
    extras,
  });
  const writer = new FrameWriter(100_000);
  fc.assert(
    fc.property(fc.array(envelope, { minLength: 1, maxLength: 20 }), (envelopes) => {
      writer.open(SENT_AT);
      for (const one of envelopes) {
        if (one.kind === Kind.call) writer.addCall(one.method, one.body, one.correlation, one.deadline, one.extras);
        else if (one.kind === Kind.cast) writer.addCast(one.method, one.body, one.deadline, one.extras);
        else writer.addReply(one.correlation, one.body);
      }
      const frame = sent(writer);
      t.deepEqual(
        bodies(frame),
        envelopes.map(({ body }) => body),
      );
      t.deepEqual(
        frame.envelopes.map((one) => [one.kind, one.method, one.correlation, one.deadline, one.extras]),
        envelopes.map((one) =>
          one.kind === Kind.reply
            ? [3, '', one.correlation, 0, undefined]
            : [one.kind, one.method, one.kind === Kind.call ? one.correlation : 0, one.deadline, one.extras],
        ),
      );
    }),
    { seed, numRuns: 500 },
  );
});

/** A valid head, then what is given. */
function framed(envelopes: string): Buffer {
  return Buffer.from(`9601a16e01c001${envelopes}`.replaceAll(' ', ''), 'hex');
}

const INVALID: [string, Buffer, string][] = [
  ['no array', Buffer.from('81a16101', 'hex'), 'array'],
  ['a record definition', Buffer.from('d47240', 'hex'), 'array'],
  ['an array of five', Buffer.from('9501a16e01c001', 'hex'), 'head'],
  ['another version', Buffer.from('9602a16e01c00191', 'hex'), 'version'],
  ['an empty sender', Buffer.from('9601a001c0019193 02a16d01'.replace(' ', ''), 'hex'), 'id'],
  ['a sender with braces', Buffer.from('9601a37b617d01c00191', 'hex'), 'id'],
  ['a sender with a line feed', Buffer.from('9601a2610a01c00191', 'hex'), 'id'],
  ['a sender of 129 bytes', Buffer.concat([Buffer.from('9601d981', 'hex'), Buffer.alloc(129, 0x61)]), 'id'],
  ['a sender that is no text', Buffer.from('9601050101c00191', 'hex'), 'text'],
  ['a reply address that is a number', Buffer.from('9601a16e01050191', 'hex'), 'text'],
  ['a negative number', Buffer.from('9601a16effc001', 'hex'), 'number'],
  ['no envelopes', framed('90'), 'count'],
  ['129 envelopes', framed(`dc0081${'9302a16d01'.repeat(129)}`), 'count'],
  ['4 G envelopes', framed('ddffffffff'), 'count'],
  ['fewer envelopes than said', framed('929302a16d01'), 'truncated'],
  ['more envelopes than said', framed('919302a16d019302a16d01'), 'trailing'],
  ['kind 0', framed('919300a16d01'), 'kind'],
  ['kind 16, no body of nothing', framed('919310a16dc0'), 'kind'],
  ['kind 32', framed('919320a16d01'), 'kind'],
  ['a kind that is text', framed('9193a16da16d01'), 'kind'],
  ['an envelope that is no array', framed('91a16d'), 'array'],
  ['a cast without a body', framed('919202a16d'), 'parts'],
  ['a cast of seven parts', framed('919702a16d01c0c0c0c0'), 'parts'],
  ['a reply of four parts', framed('919403010101'), 'parts'],
  ['a method with a space', framed('919302a361206201'), 'method'],
  ['a method without a name', framed('919302a001'), 'method'],
  ['a method of 129 bytes', framed(`919302d981${'61'.repeat(129)}01`), 'method'],
  ['a method that is a number', framed('9193020501'), 'text'],
  ['a call without a correlation', framed('919301a16d01'), 'correlation'],
  ['a call with correlation 0', framed('919401a16d0100'), 'correlation'],
  ['a cast with a correlation', framed('919402a16d0105'), 'correlation'],
  ['a reply with correlation 0', framed('9193030001'), 'correlation'],
  ['a correlation that is text', framed('919401a16d01a131'), 'number'],
  ['a deadline beyond all time', framed('919502a16d01c0cf001fffffffffffff'), 'deadline'],
  ['a body where none is said to be', framed('919312a16d01'), 'body'],
  ['a body with a forbidden key', framed('919302a16d81a95f5f70726f746f5f5f80'), 'forbidden-key'],
  ['extras that are no map', framed('919602a16d01c0c001'), 'map'],
  ['an id that is a number', framed('919602a16d01c0c081a16905'), 'text'],
  ['a header that is a number', framed('919602a16d01c0c081a16881a17805'), 'text'],
  ['a header named __proto__', framed('919602a16d01c0c081a16881a95f5f70726f746f5f5fa178'), 'forbidden-key'],
  ['a priority beyond 32 bits', framed('919602a16d01c0c081a170ce80000000'), 'priority'],
  ['an unknown extra that is hostile', framed('919602a16d01c0c081a17ad47240'), 'extension'],
  ['extras of 17 KiB', framed(`919602a16d01c0c081a169da4400${'61'.repeat(0x4400)}`), 'extras-too-large'],
  ['a body of 2 MiB', framed(`919302a16dc600200000${'00'.repeat(0x20_0000)}`), 'body-too-large'],
  ['a later kind without a correlation', framed('919208c0'), 'parts'],
  ['a later kind with hostile parts', framed('9194080101d47240'), 'extension'],
  ['an item without a number', framed('91930501a178'), 'parts'],
  ['an item with more behind', framed('91950501a1780101'), 'parts'],
  ['an item numbered 0', framed('91940501a17800'), 'number'],
  ['an item with a negative number', framed('91940501a178ff'), 'number'],
  ['an item of no call', framed('91940500a17801'), 'correlation'],
  ['a credit of nothing', framed('91941601c000'), 'number'],
  ['a credit of less than nothing', framed('91941601c0d3ffffffffffffffff'), 'number'],
  ['a credit beyond all numbers', framed('91941601c0cfffffffffffffffff'), 'number'],
  ['a cancellation of no call', framed('91931700c0'), 'correlation'],
  ['a cancellation with more behind', framed('91941701c001'), 'parts'],
  ['an end of a stream that is no number', framed('919602a16d01c0c081a175a178'), 'number'],
  ['an end of a stream beyond all time', framed('919602a16d01c0c081a175cf001fffffffffffff'), 'deadline'],
];

for (const [what, bytes, reason] of INVALID) {
  test(`${what} is no frame: ${reason}`, (t) => {
    t.is(t.throws(() => readFrame(bytes), { instanceOf: FrameInvalid }).reason, reason);
  });
}

test('kinds of later versions parse', (t) => {
  const frame = readFrame(framed('95 9308 07 a178  9218 08  9409 09 01 92c3c0  951f 0a c0 01 02  9302a16d01'));
  t.deepEqual(
    frame.envelopes.map(({ kind, correlation }) => [kind, correlation]),
    [
      [8, 7],
      [8, 8],
      [9, 9],
      [15, 10],
      [2, 0],
    ],
  );
  t.deepEqual(bodies(frame), ['x', undefined, 1, undefined, 1]);
});

test('unknown extras are skipped', (t) => {
  const frame = readFrame(framed('91 96 02a16d01 c0c0 82 a17a 92c381a16101 a169 a178'));
  t.deepEqual(frame.envelopes[0]?.extras, { id: 'x' });
});

test('a smaller body limit holds on reading too', (t) => {
  const writer = opened();
  writer.addCast('m', 'x'.repeat(97), 0);
  const bytes = Buffer.from(writer.finish(NODE, 1, null));
  t.notThrows(() => readFrame(bytes, { maxBodyBytes: 99 }));
  t.is(t.throws(() => readFrame(bytes, { maxBodyBytes: 98 }), { instanceOf: FrameInvalid }).reason, 'body-too-large');
});
