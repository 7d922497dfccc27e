/**
 * Walks over raw bytes before anything decodes them: what comes from outside is hostile until it has passed here.
 * Bounds what a value may cost (depth, number of values) and refuses what we never write: extensions other than the
 * timestamp, keys that are no strings, keys that reach into prototypes.
 */
import { FrameInvalid } from '../ground/errors.ts';

/** Deepest nesting of arrays and maps in one body. */
export const MAX_DEPTH = 64;
/** Most values (elements of arrays and maps, keys not counted) in all bodies of one frame. */
export const MAX_VALUES = 100_000;

/** Keys that no map may hold. */
export function isForbiddenKey(key: string): boolean {
  const length = key.length;
  return (length === 9 && (key === '__proto__' || key === 'prototype')) || (length === 11 && key === 'constructor');
}

const FORBIDDEN = ['__proto__', 'prototype', 'constructor'].map((key) => Buffer.from(key));

/** A place in bytes, with the values seen so far. Every method moves `at` and throws `FrameInvalid` on what is wrong. */
export class Scanner {
  readonly bytes: Buffer;
  at = 0;
  #values = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.at === this.bytes.length;
  }

  /** The next byte, without moving. */
  peek(): number {
    if (this.at >= this.bytes.length) throw new FrameInvalid('truncated');
    return this.bytes[this.at] as number;
  }

  byte(): number {
    if (this.at >= this.bytes.length) throw new FrameInvalid('truncated');
    return this.bytes[this.at++] as number;
  }

  /** Steps over `nil` if it is next. */
  nil(): boolean {
    if (this.peek() !== 0xc0) return false;
    this.at++;
    return true;
  }

  /** A whole number from 0 to 2^53 - 1, in any form. */
  uint(): number {
    const form = this.byte();
    if (form < 0x80) return form;
    if (form === 0xcc) return this.#big(1);
    if (form === 0xcd) return this.#big(2);
    if (form === 0xce) return this.#big(4);
    if (form !== 0xcf) throw new FrameInvalid('number');
    const value = this.#big(4) * 0x1_0000_0000 + this.#big(4);
    if (value > Number.MAX_SAFE_INTEGER) throw new FrameInvalid('number');
    return value;
  }

  /** A whole number of up to 32 bits with its sign, in any form. */
  int(): number {
    const form = this.peek();
    if (form >= 0xe0) return this.byte() - 0x100;
    if (form < 0xd0 || form > 0xd2) return this.uint();
    this.at++;
    if (form === 0xd0) return (this.#big(1) << 24) >> 24;
    if (form === 0xd1) return (this.#big(2) << 16) >> 16;
    return this.#big(4) | 0;
  }

  /** The number of bytes of a string; `at` is then at the first of them, and all are there. */
  textHead(): number {
    const form = this.byte();
    let length: number;
    if (form >= 0xa0 && form < 0xc0) length = form & 0x1f;
    else if (form === 0xd9) length = this.#big(1);
    else if (form === 0xda) length = this.#big(2);
    else if (form === 0xdb) length = this.#big(4);
    else throw new FrameInvalid('text');
    if (length > this.bytes.length - this.at) throw new FrameInvalid('truncated');
    return length;
  }

  /** The number of elements of an array. */
  arrayHead(): number {
    const form = this.byte();
    if (form >= 0x90 && form < 0xa0) return form & 0x0f;
    if (form === 0xdc) return this.#big(2);
    if (form === 0xdd) return this.#big(4);
    throw new FrameInvalid('array');
  }

  /** The number of entries of a map. */
  mapHead(): number {
    const form = this.byte();
    if (form >= 0x80 && form < 0x90) return form & 0x0f;
    if (form === 0xde) return this.#big(2);
    if (form === 0xdf) return this.#big(4);
    throw new FrameInvalid('map');
  }

  /** Steps over the key of a map. */
  key(): void {
    const form = this.peek();
    if ((form < 0xa0 || form >= 0xc0) && (form < 0xd9 || form > 0xdb)) throw new FrameInvalid('key');
    const length = this.textHead();
    if ((length === 9 || length === 11) && this.#forbidden(length)) throw new FrameInvalid('forbidden-key');
    this.at += length;
  }

  /** Steps over one value, whatever it is. */
  skip(depth = 0): void {
    const form = this.byte();
    if (form < 0x80 || form >= 0xe0) return;
    if (form >= 0xa0 && form < 0xc0) this.#pass(form & 0x1f);
    else if (form < 0x90) this.#map(form & 0x0f, depth + 1);
    else if (form < 0xa0) this.#array(form & 0x0f, depth + 1);
    else this.#wide(form, depth);
  }

  #wide(form: number, depth: number): void {
    switch (form) {
      case 0xc0: // nil
      case 0xc2: // false
      case 0xc3: // true
        return;
      case 0xc4: // bin
      case 0xd9: // str
        return this.#pass(this.#big(1));
      case 0xc5:
      case 0xda:
        return this.#pass(this.#big(2));
      case 0xc6:
      case 0xdb:
        return this.#pass(this.#big(4));
      case 0xcc: // uint, int
      case 0xd0:
        return this.#pass(1);
      case 0xcd:
      case 0xd1:
        return this.#pass(2);
      case 0xca: // float32
      case 0xce:
      case 0xd2:
        return this.#pass(4);
      case 0xcb: // float64
      case 0xcf:
      case 0xd3:
        return this.#pass(8);
      case 0xd6: // timestamp
        return this.#timestamp(4);
      case 0xd7:
        return this.#timestamp(8);
      case 0xc7: {
        if (this.byte() !== 12) throw new FrameInvalid('extension');
        return this.#timestamp(12);
      }
      case 0xdc:
        return this.#array(this.#big(2), depth + 1);
      case 0xdd:
        return this.#array(this.#big(4), depth + 1);
      case 0xde:
        return this.#map(this.#big(2), depth + 1);
      case 0xdf:
        return this.#map(this.#big(4), depth + 1);
      case 0xc1:
        throw new FrameInvalid('form');
      default:
        throw new FrameInvalid('extension');
    }
  }

  #array(count: number, depth: number): void {
    this.#enter(count, depth);
    for (let left = count; left > 0; left--) this.skip(depth);
  }

  #map(count: number, depth: number): void {
    this.#enter(count, depth);
    for (let left = count; left > 0; left--) {
      this.key();
      this.skip(depth);
    }
  }

  #enter(count: number, depth: number): void {
    if (depth > MAX_DEPTH) throw new FrameInvalid('too-deep');
    if (count > this.bytes.length - this.at) throw new FrameInvalid('truncated');
    this.#values += count;
    if (this.#values > MAX_VALUES) throw new FrameInvalid('too-many-values');
  }

  #timestamp(length: number): void {
    if (this.byte() !== 0xff) throw new FrameInvalid('extension');
    this.#pass(length);
  }

  #pass(length: number): void {
    if (length > this.bytes.length - this.at) throw new FrameInvalid('truncated');
    this.at += length;
  }

  /** The next `size` bytes as a big-endian number. */
  #big(size: 1 | 2 | 4): number {
    const { bytes, at } = this;
    if (size > bytes.length - at) throw new FrameInvalid('truncated');
    this.at += size;
    let value = bytes[at] as number;
    for (let index = 1; index < size; index++) value = value * 0x100 + (bytes[at + index] as number);
    return value;
  }

  #forbidden(length: number): boolean {
    return FORBIDDEN.some(
      (word) => word.length === length && word.every((byte, index) => this.bytes[this.at + index] === byte),
    );
  }
}
