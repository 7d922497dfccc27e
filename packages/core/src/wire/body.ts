/**
 * Turns what users send into plain msgpack that any language reads: `docs/wire.md` lists the forms. By hand: faster
 * than a general packer, and it refuses what would not arrive as it left.
 */
import { types } from 'node:util';
import { Bytes } from './bytes.ts';
import { messageOf, PayloadTooLarge, SerializationError, type HomeostatError } from '../ground/errors.ts';
import { isForbiddenKey, MAX_DEPTH, MAX_VALUES } from './scan.ts';

/** Room the widest single form may ask for beyond what it writes, so that only real excess overflows. */
const SLACK = 16;
/** Longest path shown in an error, in UTF-16 units. */
const MAX_PATH_SHOWN = 200;

/** In a `for in` loop V8 leaves this call out; `Object.hasOwn` costs 100 ns a message. */
const { hasOwnProperty } = Object.prototype;

type Path = (string | number)[];
type Fields = Record<string, unknown>;

/** Writes values into `bytes`. Not re-entrant: a getter of the value that leads back here is refused. */
export class BodyWriter {
  readonly bytes: Bytes;
  /** A value is being read right now. */
  busy = false;
  #maxBytes = 0;
  #start = 0;
  #values = 0;
  /** Where the writer is inside the value: the key taken at each level. */
  readonly #path: Path = [];
  #level = 0;

  constructor(size: number) {
    this.bytes = new Bytes(size, (needed) => {
      throw new PayloadTooLarge(needed - this.#start, this.#maxBytes);
    });
  }

  /**
   * Appends `value`, frozen as it is now, in at most `maxBytes`. Throws `SerializationError` (naming the path) or
   * `PayloadTooLarge`; then `bytes.at` is where it was.
   */
  write(value: unknown, maxBytes: number): void {
    if (this.busy) throw new SerializationError('the body cannot travel: reading it sent another message');
    const bytes = this.bytes;
    const start = bytes.at;
    this.busy = true;
    this.#start = start;
    this.#maxBytes = maxBytes;
    this.#values = 0;
    this.#level = 0;
    bytes.ceiling = start + maxBytes + SLACK;
    try {
      this.#value(value, 0);
      if (bytes.at - start > maxBytes) throw new PayloadTooLarge(bytes.at - start, maxBytes);
    } catch (error) {
      bytes.at = start;
      throw this.#explain(error, value);
    } finally {
      this.busy = false;
      bytes.ceiling = Number.MAX_SAFE_INTEGER;
    }
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.bytes.text(value);
        return;
      case 'number':
        this.bytes.number(value);
        return;
      case 'boolean':
        this.bytes.byte(value ? 0xc3 : 0xc2);
        return;
      case 'object':
        if (value === null) this.bytes.byte(0xc0);
        else this.#object(value, depth + 1);
        return;
      case 'undefined':
        this.bytes.byte(0xc0);
        return;
      case 'bigint':
        if (value < -0x8000_0000_0000_0000n || value > 0xffff_ffff_ffff_ffffn)
          throw new Fault('is an integer beyond 64 bits');
        this.bytes.bigint(value);
        return;
      default:
        throw new Fault(`is a ${typeof value}`);
    }
  }

  #object(value: object, depth: number): void {
    if (depth > MAX_DEPTH) throw new Fault('', true);
    if (Array.isArray(value)) this.#array(value, depth);
    else {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === Object.prototype || prototype === null) this.#fields(value as Fields, depth);
      else this.#instance(value, depth);
    }
  }

  #array(items: readonly unknown[], depth: number): void {
    const count = items.length;
    this.#charge(count);
    this.bytes.arrayHead(count);
    for (let index = 0; index < count; index++) {
      this.#path[depth] = index;
      this.#level = depth;
      this.#value(items[index], depth);
    }
    this.#level = depth - 1;
  }

  #fields(fields: Fields, depth: number): void {
    const bytes = this.bytes;
    const start = bytes.at;
    bytes.byte(0x80);
    let count = 0;
    for (const key in fields) {
      if (!hasOwnProperty.call(fields, key)) continue;
      this.#path[depth] = key;
      this.#level = depth;
      const value = fields[key];
      if (value === undefined) continue;
      if (key === 'toJSON' && typeof value === 'function') {
        bytes.at = start;
        this.#level = depth - 1;
        this.#value(value.call(fields, ''), depth - 1);
        return;
      }
      this.#key(key);
      this.#value(value, depth);
      count++;
    }
    this.#charge(count);
    bytes.mapHeadAt(start, count);
    this.#level = depth - 1;
  }

  #key(key: string): void {
    if (isForbiddenKey(key)) throw new Fault('is a key that may not travel');
    this.bytes.text(key);
  }

  /** Anything that is neither a plain object nor an array. The checks look at what it is, not at what it says it is. */
  #instance(value: object, depth: number): void {
    if (types.isDate(value)) this.#date(value);
    else if (types.isUint8Array(value)) this.bytes.binary(value);
    else if (types.isAnyArrayBuffer(value)) this.bytes.binary(new Uint8Array(value));
    else if (types.isMap(value)) this.#map(value, depth);
    else if (types.isSet(value)) this.#array([...value], depth);
    else if (ArrayBuffer.isView(value))
      throw new Fault('is a typed array of another kind than Uint8Array: send Array.from(it)');
    else if (types.isPromise(value)) throw new Fault('is a promise: await it first');
    else if (types.isRegExp(value) || types.isWeakMap(value) || types.isWeakSet(value))
      throw new Fault('is of a class that holds no plain data');
    else if (types.isBoxedPrimitive(value)) this.#value(value.valueOf(), depth - 1);
    else if (typeof (value as Fields)['toJSON'] === 'function')
      this.#value((value as { toJSON(key: string): unknown }).toJSON(''), depth - 1);
    else if (types.isNativeError(value))
      this.#fields(Object.assign<Fields, Error>({ name: value.name, message: value.message }, value), depth);
    else this.#fields(value as Fields, depth);
  }

  #date(value: Date): void {
    const ms = value.getTime();
    if (Number.isNaN(ms)) throw new Fault('is an invalid Date');
    this.bytes.timestamp(ms);
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    const start = this.bytes.at;
    this.bytes.byte(0x80);
    let count = 0;
    for (const [key, value] of map) {
      if (typeof key !== 'string') {
        this.#level = depth - 1;
        throw new Fault('is a Map with a key that is no string');
      }
      this.#path[depth] = key;
      this.#level = depth;
      this.#key(key);
      this.#value(value, depth);
      count++;
    }
    this.#charge(count);
    this.bytes.mapHeadAt(start, count);
    this.#level = depth - 1;
  }

  #charge(count: number): void {
    this.#values += count;
    if (this.#values > MAX_VALUES) throw new Fault(`makes the body hold more than ${MAX_VALUES} values`);
  }

  #explain(error: unknown, root: unknown): HomeostatError {
    if (error instanceof PayloadTooLarge) return error;
    if (error instanceof Fault) {
      const path = this.#path.slice(1, this.#level + 1);
      const what = error.deep ? whyDeep(root, path) : error.message;
      return new SerializationError(`the body cannot travel: ${show(path)} ${what}`);
    }
    // Overflow of the stack included: a getter or proxy may do anything.
    const path = this.#path.slice(1, this.#level + 1);
    return new SerializationError(`the body cannot travel: reading ${show(path)} failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Why a value cannot travel; the path is added where it is caught. Never leaves this file. */
class Fault extends Error {
  readonly deep: boolean;
  constructor(message: string, deep = false) {
    super(message);
    this.deep = deep;
  }
}

/** A cycle looks like depth; walking the path again tells them apart, and shortens it to where it closes. */
function whyDeep(root: unknown, path: Path): string {
  const seen = new Set<unknown>();
  let value = root;
  for (let level = 0; level <= path.length; level++) {
    if (seen.has(value)) {
      path.length = level;
      return 'leads back to an object that holds it';
    }
    seen.add(value);
    const key = path[level];
    if (key === undefined || typeof value !== 'object' || value === null) break;
    value = types.isMap(value) ? value.get(key) : (value as Fields)[key];
  }
  return `is nested more than ${MAX_DEPTH} levels deep`;
}

function show(path: Path): string {
  const text = path.reduce<string>(
    (shown, step) => shown + (typeof step === 'number' ? `[${step}]` : `.${step}`),
    'body',
  );
  return text.length <= MAX_PATH_SHOWN ? text : `${text.slice(0, MAX_PATH_SHOWN - 1)}…`;
}

const ENCODER_BYTES = 4096;
/** A buffer grown beyond this by a large value is not kept. */
const ENCODER_KEPT_BYTES = 256 * 1024;
const shared = new BodyWriter(ENCODER_BYTES);

/**
 * `value` as bytes of their own; `undefined` for `undefined`.
 *
 * @throws SerializationError, PayloadTooLarge
 */
export function encodeBody(value: unknown, maxBodyBytes: number): Uint8Array | undefined {
  if (value === undefined) return undefined;
  const writer = shared.busy ? new BodyWriter(ENCODER_BYTES) : shared;
  const { bytes } = writer;
  bytes.at = 0;
  writer.write(value, maxBodyBytes);
  const encoded = new Uint8Array(bytes.buffer.subarray(0, bytes.at));
  if (bytes.buffer.length > ENCODER_KEPT_BYTES) bytes.replace(ENCODER_BYTES);
  return encoded;
}
