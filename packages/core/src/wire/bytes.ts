/**
 * A growing buffer and the msgpack forms written into it. The hot end of every send: each form reserves its room first
 * and then writes plain bytes.
 */

/** Longest text that is given three bytes for every character; longer ones are measured first. */
const SHORT_TEXT = 1024;

/** What the buffer calls when it is asked to grow past its ceiling. It must throw. */
type Overflow = (needed: number) => never;

export class Bytes {
  buffer: Buffer;
  /** Where the next byte goes. */
  at = 0;
  /** No byte may be written at or beyond this position; `overflow` is called instead. */
  ceiling: number = Number.MAX_SAFE_INTEGER;
  readonly #overflow: Overflow;
  #view: DataView;
  #size: number;

  constructor(size: number, overflow: Overflow) {
    this.#overflow = overflow;
    this.buffer = Buffer.allocUnsafeSlow(size);
    this.#view = viewOf(this.buffer);
    this.#size = size;
  }

  /** Forgets the content and takes a new buffer of `size` bytes. */
  replace(size: number): void {
    this.buffer = Buffer.allocUnsafeSlow(size);
    this.#view = viewOf(this.buffer);
    this.#size = size;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.at + count > this.#size) this.#grow(count);
  }

  #grow(count: number): void {
    const needed = this.at + count;
    if (needed > this.ceiling) this.#overflow(needed);
    let size = this.#size * 2;
    while (size < needed) size *= 2;
    const larger = Buffer.allocUnsafeSlow(size);
    larger.set(this.buffer.subarray(0, this.at));
    this.buffer = larger;
    this.#view = viewOf(larger);
    this.#size = size;
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.at++] = value;
  }

  /** A number: an integer of up to 32 bits in its smallest form, anything else as float64. */
  number(value: number): void {
    this.reserve(9);
    const int = value | 0;
    if (int === value && (int !== 0 || 1 / value > 0)) {
      if (int >= 0) this.#small(int);
      else this.#negative(int);
    } else if (value >>> 0 === value && int !== 0) {
      this.#word(0xce, value);
    } else {
      this.buffer[this.at] = 0xcb;
      this.#view.setFloat64(this.at + 1, value);
      this.at += 9;
    }
  }

  /** A whole number from 0 to 2^53 in its smallest form. */
  uint(value: number): void {
    this.reserve(9);
    if (value <= 0x7fff_ffff) this.#small(value);
    else if (value <= 0xffff_ffff) this.#word(0xce, value);
    else this.uint64(value);
  }

  /** A whole number from 0 to 2^53, always in nine bytes. */
  uint64(value: number): void {
    this.reserve(9);
    this.buffer[this.at] = 0xcf;
    this.#view.setUint32(this.at + 1, Math.floor(value / 0x1_0000_0000));
    this.#view.setUint32(this.at + 5, value >>> 0);
    this.at += 9;
  }

  /** A bigint, which must fit 64 bits, always in nine bytes: the form alone tells it from a number. */
  bigint(value: bigint): void {
    this.reserve(9);
    const unsigned = value > 0x7fff_ffff_ffff_ffffn;
    this.buffer[this.at] = unsigned ? 0xcf : 0xd3;
    if (unsigned) this.#view.setBigUint64(this.at + 1, value);
    else this.#view.setBigInt64(this.at + 1, value);
    this.at += 9;
  }

  /** A timestamp in the shortest of its three forms; `ms` must be whole and finite. */
  timestamp(ms: number): void {
    this.reserve(15);
    const seconds = Math.floor(ms / 1000);
    const nanos = (ms - seconds * 1000) * 1_000_000;
    const buffer = this.buffer;
    const view = this.#view;
    if (nanos === 0 && seconds >= 0 && seconds <= 0xffff_ffff) {
      buffer[this.at] = 0xd6;
      buffer[this.at + 1] = 0xff;
      view.setUint32(this.at + 2, seconds);
      this.at += 6;
    } else if (seconds >= 0 && seconds < 2 ** 34) {
      buffer[this.at] = 0xd7;
      buffer[this.at + 1] = 0xff;
      view.setUint32(this.at + 2, nanos * 4 + Math.floor(seconds / 0x1_0000_0000));
      view.setUint32(this.at + 6, seconds >>> 0);
      this.at += 10;
    } else {
      buffer[this.at] = 0xc7;
      buffer[this.at + 1] = 12;
      buffer[this.at + 2] = 0xff;
      view.setUint32(this.at + 3, nanos);
      view.setBigInt64(this.at + 7, BigInt(seconds));
      this.at += 15;
    }
  }

  /** A string; lone surrogates become U+FFFD, as UTF-8 cannot hold them. */
  text(value: string): void {
    const length = value.length;
    const start = this.at;
    if (length >= 0x20 || start + 0x20 > this.#size) {
      this.#longText(value);
      return;
    }
    const buffer = this.buffer;
    let at = start;
    buffer[at++] = 0xa0 | length;
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) {
        this.#longText(value);
        return;
      }
      buffer[at++] = unit;
    }
    this.at = at;
  }

  #longText(value: string): void {
    const length = value.length;
    const most = 5 + length * 3;
    if (this.at + most > this.#size) this.reserve(length <= SHORT_TEXT ? most : 5 + Buffer.byteLength(value));
    const buffer = this.buffer;
    const start = this.at;
    const guess = textHead(length);
    const size = buffer.write(value, start + guess);
    const head = textHead(size);
    if (head !== guess) buffer.copyWithin(start + head, start + guess, start + guess + size);
    if (head === 1) buffer[start] = 0xa0 | size;
    else if (head === 2) {
      buffer[start] = 0xd9;
      buffer[start + 1] = size;
    } else if (head === 3) {
      buffer[start] = 0xda;
      this.#view.setUint16(start + 1, size);
    } else {
      buffer[start] = 0xdb;
      this.#view.setUint32(start + 1, size);
    }
    this.at = start + head + size;
  }

  binary(value: Uint8Array): void {
    const size = value.byteLength;
    this.reserve(5 + size);
    const buffer = this.buffer;
    if (size < 0x100) {
      buffer[this.at++] = 0xc4;
      buffer[this.at++] = size;
    } else if (size < 0x1_0000) {
      buffer[this.at] = 0xc5;
      this.#view.setUint16(this.at + 1, size);
      this.at += 3;
    } else {
      buffer[this.at] = 0xc6;
      this.#view.setUint32(this.at + 1, size);
      this.at += 5;
    }
    buffer.set(value, this.at);
    this.at += size;
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): void {
    this.reserve(value.byteLength);
    this.buffer.set(value, this.at);
    this.at += value.byteLength;
  }

  arrayHead(count: number): void {
    this.reserve(5);
    if (count < 16) this.buffer[this.at++] = 0x90 | count;
    else this.#wideHead(this.at, 0xdc, count);
  }

  /** Writes the head of a map of `count` entries before what was written since `start`, which left one byte for it. */
  mapHeadAt(start: number, count: number): void {
    if (count < 16) {
      this.buffer[start] = 0x80 | count;
      return;
    }
    const head = count < 0x1_0000 ? 3 : 5;
    this.reserve(head - 1);
    this.buffer.copyWithin(start + head, start + 1, this.at);
    const end = this.at + head - 1;
    this.#wideHead(start, 0xde, count);
    this.at = end;
  }

  #wideHead(start: number, form16: number, count: number): void {
    if (count < 0x1_0000) {
      this.buffer[start] = form16;
      this.#view.setUint16(start + 1, count);
      this.at = start + 3;
    } else {
      this.buffer[start] = form16 + 1;
      this.#view.setUint32(start + 1, count);
      this.at = start + 5;
    }
  }

  #small(value: number): void {
    const buffer = this.buffer;
    if (value < 0x80) buffer[this.at++] = value;
    else if (value < 0x100) {
      buffer[this.at++] = 0xcc;
      buffer[this.at++] = value;
    } else if (value < 0x1_0000) {
      buffer[this.at++] = 0xcd;
      buffer[this.at++] = value >>> 8;
      buffer[this.at++] = value & 0xff;
    } else this.#word(0xce, value);
  }

  #negative(value: number): void {
    const buffer = this.buffer;
    if (value >= -32) buffer[this.at++] = value & 0xff;
    else if (value >= -0x80) {
      buffer[this.at++] = 0xd0;
      buffer[this.at++] = value & 0xff;
    } else if (value >= -0x8000) {
      buffer[this.at++] = 0xd1;
      buffer[this.at++] = (value >> 8) & 0xff;
      buffer[this.at++] = value & 0xff;
    } else this.#word(0xd2, value);
  }

  #word(form: number, value: number): void {
    this.buffer[this.at] = form;
    this.#view.setUint32(this.at + 1, value);
    this.at += 5;
  }
}

function textHead(size: number): number {
  if (size < 0x20) return 1;
  if (size < 0x100) return 2;
  return size < 0x1_0000 ? 3 : 5;
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
