import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { FrameWriter, readBody, readFrame, type Frame } from '../src/wire/frame.ts';

// Bytes that are in somebody's Redis already. When one of these tests fails, the change needs a new version, not new bytes.

const SENT_AT = 1_700_000_000_000;

interface Golden {
  readonly what: string;
  readonly hex: string;
  write(writer: FrameWriter): Uint8Array;
  readonly envelopes: readonly (readonly [
    kind: number,
    method: string,
    correlation: number,
    deadline: number,
    extras: unknown,
    body: unknown,
    number?: number,
  ])[];
}

const GOLDEN: Golden[] = [
  {
    what: 'a plain cast',
    hex: '96 01 a16e cf0000000000000001 c0 cf0000018bcfe56800 dc0001 93 02 a3616464 81a26964 07',
    write: (writer) => {
      writer.addCast('add', { id: 7 }, 0);
      return writer.finish('n', 1, null);
    },
    envelopes: [[2, 'add', 0, 0, undefined, { id: 7 }]],
  },
  {
    what: 'a call with a deadline',
    hex: '96 01 a16e cf0000000100000002 a16e cf0000018bcfe56800 dc0001 95 01 a3676574 01 ce00010000 cd1388',
    write: (writer) => {
      writer.addCall('get', 1, 65_536, SENT_AT + 5000);
      return writer.finish('n', 2 ** 32 + 2, 'n');
    },
    envelopes: [[1, 'get', 65_536, SENT_AT + 5000, undefined, 1]],
  },
  {
    what: 'requests without a body, with a null body, with extras',
    hex: `96 01 a16e cf0000000000000003 a16d cf0000018bcfe56800 dc0004
      94 11 a161 c0 01
      93 12 a161 c0
      96 02 a162 c0 c0 c0 84 a169a178 a16ba3753a31 a16881a174a176 a170fe
      96 01 a163 c3 cd0100 ccc8 81a169a179`,
    write: (writer) => {
      writer.addCall('a', undefined, 1, 0);
      writer.addCast('a', undefined, 0);
      writer.addCast('b', null, 0, { id: 'x', key: 'u:1', headers: { t: 'v' }, priority: -2 });
      writer.addCall('c', true, 256, SENT_AT + 200, { id: 'y' });
      return writer.finish('n', 3, 'm');
    },
    envelopes: [
      [1, 'a', 1, 0, undefined, undefined],
      [2, 'a', 0, 0, undefined, undefined],
      [2, 'b', 0, 0, { id: 'x', key: 'u:1', headers: { t: 'v' }, priority: -2 }, null],
      [1, 'c', 256, SENT_AT + 200, { id: 'y' }, true],
    ],
  },
  {
    what: 'answers',
    hex: `96 01 a16e cf0000000000000004 c0 cf0000018bcfe56800 dc0003
      93 03 01 a26f6b
      93 13 02 c0
      93 04 03 84 a4636f6465a158 a76d657373616765a16d a9726574727961626c65c3 a76f7574636f6d65a66661696c6564`,
    write: (writer) => {
      writer.addReply(1, 'ok');
      writer.addReply(2, undefined);
      writer.addError(3, { code: 'X', message: 'm', retryable: true, outcome: 'failed' });
      return writer.finish('n', 4, null);
    },
    envelopes: [
      [3, '', 1, 0, undefined, 'ok'],
      [3, '', 2, 0, undefined, undefined],
      [4, '', 3, 0, undefined, { code: 'X', message: 'm', retryable: true, outcome: 'failed' }],
    ],
  },
  {
    what: 'a stream: its call, items, credit, the cancellation of another',
    hex: `96 01 a16e cf0000000000000006 c0 cf0000018bcfe56800 dc0005
      96 01 a46c697374 01 07 cd07d0 82a16fa4736b6970 a175cdea60
      94 05 07 a26f6b 01
      94 15 07 c0 cd0100
      94 16 07 c0 ccff
      93 17 08 c0`,
    write: (writer) => {
      writer.addCall('list', 1, 7, SENT_AT + 2000, { orphan: 'skip', until: SENT_AT + 60_000 });
      writer.addItem(7, 1, 'ok');
      writer.addItem(7, 256, undefined);
      writer.addCredit(7, 255);
      writer.addCancel(8);
      return writer.finish('n', 6, null);
    },
    envelopes: [
      [1, 'list', 7, SENT_AT + 2000, { orphan: 'skip', until: SENT_AT + 60_000 }, 1],
      [5, '', 7, 0, undefined, 'ok', 1],
      [5, '', 7, 0, undefined, undefined, 256],
      [6, '', 7, 0, undefined, undefined, 255],
      [7, '', 8, 0, undefined, undefined],
    ],
  },
  {
    what: 'a body of every form',
    hex: `96 01 a16e cf0000000000000005 c0 cf0000018bcfe56800 dc0001 93 02 a161
      dc0012 c0 c2 c3 7f cc80 cd0100 ce00010000 ceffffffff ff d080 d18000 d280000000 cb4270000000000000 cb8000000000000000
      d30000000000000005 cfffffffffffffffff c4020102
      83 a175 d6ff00000001 a0 d7ff003d090000000000 a178 c70cff 00000000 ffffffffffffffff`,
    write: (writer) => {
      const dates = { u: new Date(1000), '': new Date(1), x: new Date(-1000) };
      writer.addCast(
        'a',
        [
          null,
          false,
          true,
          127,
          128,
          256,
          65_536,
          2 ** 32 - 1,
          -1,
          -128,
          -32_768,
          -(2 ** 31),
          2 ** 40,
          -0,
          5n,
          2n ** 64n - 1n,
          Buffer.from([1, 2]),
          dates,
        ],
        0,
      );
      return writer.finish('n', 5, null);
    },
    envelopes: [
      [
        2,
        'a',
        0,
        0,
        undefined,
        [
          null,
          false,
          true,
          127,
          128,
          256,
          65_536,
          2 ** 32 - 1,
          -1,
          -128,
          -32_768,
          -(2 ** 31),
          2 ** 40,
          -0,
          5n,
          2n ** 64n - 1n,
          Buffer.from([1, 2]),
          { u: new Date(1000), '': new Date(1), x: new Date(-1000) },
        ],
      ],
    ],
  },
];

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
}

function envelopesOf(frame: Frame): unknown[] {
  return frame.envelopes.map(({ kind, method, correlation, deadline, extras, number, bodyStart, bodyEnd }) => [
    kind,
    method,
    correlation,
    deadline,
    extras,
    readBody(frame.bytes, bodyStart, bodyEnd),
    ...(number === 0 ? [] : [number]),
  ]);
}

for (const { what, hex, write, envelopes } of GOLDEN) {
  test(`${what}: these bytes and no others are written, and read (S0-46)`, (t) => {
    const writer = new FrameWriter(10_000);
    writer.open(SENT_AT);
    t.is(Buffer.from(write(writer)).toString('hex'), bytesOf(hex).toString('hex'));
    const frame = readFrame(bytesOf(hex));
    t.is(frame.sentAt, SENT_AT);
    t.deepEqual(envelopesOf(frame), envelopes);
  });
}

test('bytes of other writers are read: wider forms, no fixed widths', (t) => {
  const frame = readFrame(
    bytesOf('96 01 d9016e 01 c0 ce65000000 91 dc0005 02 da000161 de0001 db0000000161 dd00000001 ca3fc00000 c0 cd0001'),
  );
  t.is(frame.sentAt, 0x6500_0000);
  t.deepEqual(envelopesOf(frame), [[2, 'a', 0, 0x6500_0001, undefined, { a: [1.5] }]]);
});

test('the examples of docs/wire.md are what is written (S0-46)', (t) => {
  const page = readFileSync(new URL('../../../../docs/wire.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```hex\n(.*?)```/gs)].map(([, block]) =>
    (block as string)
      .trim()
      .split('\n')
      .map((line) => (/^(?:[0-9a-f]{2} ?)+(?= |$)/.exec(line.trim()) ?? [''])[0].replaceAll(' ', ''))
      .join(''),
  );
  const writer = new FrameWriter(10_000);
  writer.open(SENT_AT);
  writer.addCall('getUser', { id: 1 }, 42, SENT_AT + 2000);
  writer.addCast('rename', { id: 1, name: 'Zoë', at: new Date(SENT_AT + 500) }, 0, { id: 'job-1' });
  const request = Buffer.from(writer.finish('orders-1', 7, 'orders-1')).toString('hex');
  writer.open(SENT_AT + 1000);
  writer.addReply(42, { name: 'Ada', tags: [] });
  writer.addReply(43, undefined);
  writer.addError(44, {
    code: 'EMAIL_TAKEN',
    message: 'taken',
    retryable: false,
    outcome: 'failed',
    details: { email: 'a@b.c' },
  });
  const answer = Buffer.from(writer.finish('users-1', 3, null)).toString('hex');
  writer.open(SENT_AT + 1000);
  writer.addItem(45, 1, { name: 'Ada' });
  writer.addItem(45, 2, { name: 'Zoë' });
  writer.addReply(45, 2);
  const stream = Buffer.from(writer.finish('users-1', 4, null)).toString('hex');
  writer.open(SENT_AT + 1002);
  writer.addCredit(45, 2);
  writer.addCancel(46);
  const taken = Buffer.from(writer.finish('orders-1', 12, null)).toString('hex');
  t.deepEqual(blocks, [request, answer, stream, taken]);
});

test('every code that docs/wire.md names is one that refuses, and every one that refuses is named', (t) => {
  const page = readFileSync(new URL('../../../../docs/wire.md', import.meta.url), 'utf8');
  const named = new Set(
    [...(/^Codes: (.*?)\.\n/ms.exec(page)?.[1] ?? '').matchAll(/`([a-z-]+)`/g)].map(([, code]) => code),
  );
  const source = ['scan.ts', 'frame-reader.ts', 'body-reader.ts']
    .map((file) => readFileSync(new URL(`../../src/wire/${file}`, import.meta.url), 'utf8'))
    .join('');
  const used = new Set([...source.matchAll(/new FrameInvalid\('([a-z-]+)'\)/g)].map(([, code]) => code));
  t.deepEqual(
    [...named].filter((code) => !used.has(code)),
    [],
  );
  t.deepEqual(
    [...used].filter((code) => !named.has(code)),
    [],
  );
});

test('a client in another language writes frames that are read', (t) => {
  let printed: string;
  try {
    printed = execFileSync('python3', [new URL('../../test/wire-client.py', import.meta.url).pathname, '--encode'], {
      encoding: 'utf8',
    });
  } catch (error) {
    t.is((error as { code?: string }).code, 'ENOENT', String(error));
    t.log('skipped: there is no python3');
    return;
  }
  const [cast, call] = printed
    .trim()
    .split('\n')
    .map((line) => readFrame(bytesOf(line)));
  t.deepEqual([cast?.from, cast?.number, cast?.replyTo, cast?.sentAt], ['py-1', 1, null, SENT_AT]);
  t.deepEqual(cast && envelopesOf(cast), [
    [
      2,
      'user.add',
      0,
      0,
      undefined,
      { id: 7, tags: ['a', 'ü'], score: 1.5, ok: true, none: null, big: 2 ** 40, low: -5 },
    ],
  ]);
  t.deepEqual([call?.from, call?.number, call?.replyTo], ['py-1', 2, 'py-1']);
  t.deepEqual(call && envelopesOf(call), [[1, 'user.get', 99, SENT_AT + 5000, undefined, { id: 7 }]]);
});
