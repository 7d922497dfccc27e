/**
 * Turns the bytes of a body into values. By hand, because it is hot, must not depend on an optional native addon, and
 * must not run extensions that somebody registered for the whole process. It stays inside its bounds on any bytes, but
 * the limits on depth and size are `scan.ts`'s.
 */
import { FrameInvalid } from '../ground/errors.ts';
import { isForbiddenKey } from './scan.ts';

const NOTHING = Buffer.alloc(0);
/**
 * Short strings are cut out of a window that is decoded once, which is much faster than decoding each. A string of more
 * than 12 characters keeps its window alive: hence a small one.
 */
const WINDOW_BYTES = 256;
const LONGEST_CUT = 64;
/** Largest moment a Date can hold, ms. */
const MAX_DATE_MS = 8.64e15;

// One body at a time, and nothing of the user's runs meanwhile: plain variables are what is fastest.
let bytes: Buffer = NOTHING;
let at = 0;
let end = 0;
let window = '';
let windowAt = 0;
let windowEnd = 0;

/** Keys seen lately, by a hash of their bytes: most messages hold the same few. ASCII only. */
const keys: string[] = Array.from({ length: 1024 }, () => '');
const scratch: DataView = new DataView(new ArrayBuffer(8));

/**
 * The value in `source` from `start` to `stop`, as `readFrame` found it; `undefined` when both are 0. Binary data is
 * copied, so that it does not keep the whole frame alive.
 *
 * @throws FrameInvalid `body` when the bytes are not one value.
 */
export function readBody(source: Uint8Array, start: number, stop: number): unknown {
  if (stop === 0) return undefined;
  bytes = Buffer.isBuffer(source) ? source : Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  at = start;
  end = Math.min(stop, bytes.length);
  windowEnd = 0;
  try {
    const read = value();
    if (at !== end) throw invalid();
    return read;
  } catch {
    throw invalid();
  } finally {
    bytes = NOTHING;
    window = '';
  }
}

function invalid(): FrameInvalid {
  return new FrameInvalid('body');
}

function value(): unknown {
  if (at >= end) throw invalid();
  const form = bytes[at++] as number;
  if (form < 0x80) return form;
  if (form >= 0xe0) return form - 0x100;
  if (form >= 0xa0 && form < 0xc0) return text(form & 0x1f);
  if (form < 0x90) return map(form & 0x0f);
  if (form < 0xa0) return array(form & 0x0f);
  return wide(form);
}

function wide(form: number): unknown {
  switch (form) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
      return binary(big(1));
    case 0xc5:
      return binary(big(2));
    case 0xc6:
      return binary(big(4));
    case 0xca:
      return eight(4).getFloat32(0);
    case 0xcb:
      return eight(8).getFloat64(0);
    case 0xcc:
      return big(1);
    case 0xcd:
      return big(2);
    case 0xce:
      return big(4);
    case 0xcf:
      return eight(8).getBigUint64(0);
    case 0xd0:
      return (big(1) << 24) >> 24;
    case 0xd1:
      return (big(2) << 16) >> 16;
    case 0xd2:
      return big(4) | 0;
    case 0xd3:
      return eight(8).getBigInt64(0);
    case 0xd6:
      return timestamp(4);
    case 0xd7:
      return timestamp(8);
    case 0xc7:
      return timestamp(big(1));
    case 0xd9:
      return text(big(1));
    case 0xda:
      return text(big(2));
    case 0xdb:
      return text(big(4));
    case 0xdc:
      return array(big(2));
    case 0xdd:
      return array(big(4));
    case 0xde:
      return map(big(2));
    case 0xdf:
      return map(big(4));
    default:
      throw invalid();
  }
}

/** Moves over `size` bytes and answers where they begin. */
function take(size: number): number {
  const start = at;
  if (size > end - start) throw invalid();
  at = start + size;
  return start;
}

function big(size: number): number {
  let index = take(size);
  let number = bytes[index++] as number;
  while (index < at) number = number * 0x100 + (bytes[index++] as number);
  return number;
}

function eight(size: number): DataView {
  const start = take(size);
  for (let index = 0; index < size; index++) scratch.setUint8(index, bytes[start + index] as number);
  return scratch;
}

function text(size: number): string {
  const start = take(size);
  const stop = at;
  const source = bytes;
  let bits = 0;
  for (let index = start; index < stop; index++) bits |= source[index] as number;
  if (bits > 0x7f) return source.toString('utf8', start, stop);
  if (size > LONGEST_CUT) return source.toString('latin1', start, stop);
  if (stop > windowEnd) {
    windowAt = start;
    windowEnd = Math.min(start + WINDOW_BYTES, end);
    window = source.toString('latin1', windowAt, windowEnd);
  }
  return window.substring(start - windowAt, stop - windowAt);
}

function binary(size: number): Uint8Array {
  const start = take(size);
  return Uint8Array.prototype.slice.call(bytes, start, at);
}

function timestamp(size: number): Date {
  if (big(1) !== 0xff) throw invalid();
  let seconds: number;
  let nanos = 0;
  if (size === 4) seconds = big(4);
  else if (size === 8) {
    const high = big(4);
    nanos = Math.floor(high / 4);
    seconds = (high & 3) * 0x1_0000_0000 + big(4);
  } else if (size === 12) {
    nanos = big(4);
    seconds = Number(eight(8).getBigInt64(0));
  } else throw invalid();
  const ms = seconds * 1000 + Math.floor(nanos / 1_000_000);
  if (Math.abs(ms) > MAX_DATE_MS) throw invalid();
  return new Date(ms);
}

function array(count: number): unknown[] {
  if (count > end - at) throw invalid();
  const items: unknown[] = [];
  for (let left = count; left > 0; left--) items.push(value());
  return items;
}

function map(count: number): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (let left = count; left > 0; left--) {
    const name = key();
    fields[name] = value();
  }
  return fields;
}

function key(): string {
  if (at >= end) throw invalid();
  const source = bytes;
  const form = source[at] as number;
  if (form <= 0xa0 || form >= 0xc0) return rareKey();
  at++;
  const size = form & 0x1f;
  const start = take(size);
  const hash =
    ((size * 31 + (source[start] as number)) * 31 + (source[at - 1] as number)) * 31 +
    (source[start + (size >> 1)] as number);
  const known = keys[hash & 0x3ff] as string;
  if (known.length === size) {
    let index = 0;
    while (index < size && known.charCodeAt(index) === source[start + index]) index++;
    if (index === size) return known;
  }
  at = start - 1;
  const name = rareKey();
  // Kept for long: it must not keep the window alive, nor be anything but one character per byte.
  if (name.length === size) keys[hash & 0x3ff] = source.toString('latin1', start, at);
  return name;
}

/** A key that is long, empty, or not seen lately. */
function rareKey(): string {
  const name = value();
  if (typeof name !== 'string' || isForbiddenKey(name)) throw invalid();
  return name;
}
