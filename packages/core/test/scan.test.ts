import test from 'ava';
import { FrameInvalid } from '../src/ground/errors.ts';
import { Scanner } from '../src/wire/scan.ts';

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

function scan(bytes: Buffer): void {
  const scanner = new Scanner(bytes);
  scanner.skip();
  if (!scanner.done) throw new FrameInvalid('trailing');
}

const HOSTILE: [string, string, string][] = [
  ['nothing at all', '', 'truncated'],
  ['an array of 4 G elements', 'dd ffffffff', 'truncated'],
  ['a map of 4 G entries', 'df ffffffff', 'truncated'],
  ['a string of 4 G bytes', 'db ffffffff 61', 'truncated'],
  ['binary data of 4 G bytes', 'c6 ffffffff 00', 'truncated'],
  ['a string cut short', 'a5 6161', 'truncated'],
  ['a length cut short', 'da 01', 'truncated'],
  ['a number cut short', 'cb 3ff80000', 'truncated'],
  ['an array cut short', '93 01 02', 'truncated'],
  ['a map without its last value', '82 a161 01 a162', 'truncated'],
  ['bytes behind the end', '01 02', 'trailing'],
  ['the form that is never used', 'c1', 'form'],
  ['a record definition', 'd4 72 40 91 a161 01', 'extension'],
  ['a regular expression', '92 c7 03 78 92a0a0', 'extension'],
  ['an error object', 'c7 05 65 00000000 93c0c0c0', 'extension'],
  ['a set', 'd4 73 00 90', 'extension'],
  ['a typed array', 'c7 04 74 00 010203', 'extension'],
  ['an object reference', 'd6 69 00000001', 'extension'],
  ['bundled strings', 'd6 62 00000001', 'extension'],
  ['an extension of 16 bytes', 'd8 ff 00000000000000000000000000000000', 'extension'],
  ['an extension of 64 KiB', 'c8 ffff ff', 'extension'],
  ['an extension of 4 G bytes', 'c9 ffffffff ff', 'extension'],
  ['a timestamp of 5 bytes', 'c7 05 ff 0000000000', 'extension'],
  ['a timestamp of 1 byte', 'd4 ff 00', 'extension'],
  ['a key that is a number', '81 01 01', 'key'],
  ['a key that is nil', '81 c0 01', 'key'],
  ['a key that is a map', '81 80 01', 'key'],
  ['a key that is binary', '81 c401 61 01', 'key'],
  ['the key __proto__', '81 a9 5f5f70726f746f5f5f 80', 'forbidden-key'],
  ['the key __proto__ in a wider form', '81 d909 5f5f70726f746f5f5f 80', 'forbidden-key'],
  ['the key constructor, nested', '91 81 a161 81 db0000000b 636f6e7374727563746f72 80', 'forbidden-key'],
  ['the key prototype', '81 da0009 70726f746f74797065 80', 'forbidden-key'],
];

for (const [what, hex, reason] of HOSTILE) {
  test(`${what} is refused as ${reason}`, (t) => {
    const error = t.throws(() => scan(bytesOf(hex)), { instanceOf: FrameInvalid });
    t.is(error.reason, reason);
  });
}

test('words that only look like the forbidden keys pass', (t) => {
  for (const key of ['__proto_', '__proto___', '_proto__x', 'constructors', 'Constructor', 'prototypes']) {
    const bytes = Buffer.concat([Buffer.from([0x81, 0xa0 | key.length]), Buffer.from(key), Buffer.from([1])]);
    t.notThrows(() => scan(bytes));
  }
  t.notThrows(() => scan(bytesOf('a9 5f5f70726f746f5f5f')));
});

test('64 levels pass and 65 are too deep, as arrays and as maps', (t) => {
  t.notThrows(() => scan(Buffer.concat([Buffer.alloc(64, 0x91), Buffer.from([1])])));
  t.is(
    t.throws(() => scan(Buffer.concat([Buffer.alloc(65, 0x91), Buffer.from([1])])), { instanceOf: FrameInvalid })
      .reason,
    'too-deep',
  );
  const maps = (levels: number): Buffer =>
    Buffer.concat([...Array.from({ length: levels }, () => bytesOf('81a161')), Buffer.from([1])]);
  t.notThrows(() => scan(maps(64)));
  t.is(t.throws(() => scan(maps(65)), { instanceOf: FrameInvalid }).reason, 'too-deep');
  t.is(t.throws(() => scan(Buffer.alloc(1_000_000, 0x91)), { instanceOf: FrameInvalid }).reason, 'too-deep');
});

test('100,000 values pass and one more is too many, together or apart', (t) => {
  const array = (count: number): Buffer => {
    const bytes = Buffer.alloc(5 + count, 0x80);
    bytes[0] = 0xdd;
    bytes.writeUInt32BE(count, 1);
    return bytes;
  };
  t.notThrows(() => scan(array(100_000)));
  t.is(t.throws(() => scan(array(100_001)), { instanceOf: FrameInvalid }).reason, 'too-many-values');
  const scanner = new Scanner(Buffer.concat([array(60_000), array(60_000)]));
  scanner.skip();
  t.is(t.throws(() => scanner.skip(), { instanceOf: FrameInvalid }).reason, 'too-many-values');
});

test('whole numbers are read in every unsigned form up to 2^53 - 1', (t) => {
  const read = (hex: string): number => new Scanner(bytesOf(hex)).uint();
  t.is(read('7f'), 127);
  t.is(read('cc ff'), 255);
  t.is(read('cd 0001'), 1);
  t.is(read('ce ffffffff'), 2 ** 32 - 1);
  t.is(read('cf 001fffffffffffff'), Number.MAX_SAFE_INTEGER);
  for (const hex of ['cf 0020000000000000', 'cf ffffffffffffffff', 'd0 01', 'ff', 'cb 3ff0000000000000', 'c0', 'a0']) {
    t.is(t.throws(() => read(hex), { instanceOf: FrameInvalid }).reason, 'number');
  }
});

test('what is refused says nothing of the bytes', (t) => {
  const secret = 'hunter2';
  const bytes = Buffer.concat([Buffer.from([0x92, 0xa7]), Buffer.from(secret), Buffer.from([0xc1])]);
  const error = t.throws(() => scan(bytes), { instanceOf: FrameInvalid });
  t.false(`${error.message} ${error.stack} ${JSON.stringify(error)}`.includes(secret));
});
