/** Reads frames: checks every byte, finds the envelopes, and leaves the bodies encoded for whoever will run them. */
import { Kind, type Envelope, type Extras } from './envelope.ts';
import { FrameInvalid } from '../ground/errors.ts';
import { Scanner } from './scan.ts';
import {
  DEFAULT_MAX_BODY_BYTES,
  KIND_BITS,
  MAX_ENVELOPES,
  MAX_EXTRAS_BYTES,
  METHOD,
  NO_BODY,
  NODE_ID,
  VERSION,
} from './wire.ts';

export interface Frame {
  readonly bytes: Uint8Array;
  readonly from: string;
  readonly number: number;
  /** The node whose inbox awaits the replies. */
  readonly replyTo: string | null;
  /** Backend time, ms since the epoch. */
  readonly sentAt: number;
  readonly envelopes: readonly Envelope[];
}

/**
 * Checks every byte of a frame and finds its envelopes; the bodies stay encoded, for `readBody`.
 *
 * @throws FrameInvalid, and nothing else. Its reason is a short code.
 */
export function readFrame(bytes: Uint8Array, limits: { readonly maxBodyBytes?: number } = {}): Frame {
  const maxBodyBytes = limits.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  const scanner = new Scanner(asBuffer(bytes));
  if (scanner.arrayHead() !== 6) throw new FrameInvalid('head');
  if (scanner.uint() !== VERSION) throw new FrameInvalid('version');
  const from = readId(scanner);
  const number = scanner.uint();
  const replyTo = scanner.nil() ? null : readId(scanner);
  const sentAt = scanner.uint();
  const count = scanner.arrayHead();
  if (count === 0 || count > MAX_ENVELOPES) throw new FrameInvalid('count');
  const reader = new EnvelopeReader(scanner, sentAt, maxBodyBytes);
  const envelopes: Envelope[] = [];
  for (let index = 0; index < count; index++) envelopes.push(reader.next());
  if (!scanner.done) throw new FrameInvalid('trailing');
  return { bytes, from, number, replyTo, sentAt, envelopes };
}

class EnvelopeReader {
  readonly #scanner: Scanner;
  readonly #bytes: Buffer;
  readonly #sentAt: number;
  readonly #maxBodyBytes: number;
  /** The method of the envelope before, and where it lies: mostly the next one is the same. */
  #method = '';
  #methodAt = 0;

  constructor(scanner: Scanner, sentAt: number, maxBodyBytes: number) {
    this.#scanner = scanner;
    this.#bytes = scanner.bytes;
    this.#sentAt = sentAt;
    this.#maxBodyBytes = maxBodyBytes;
  }

  next(): Envelope {
    const scanner = this.#scanner;
    const parts = scanner.arrayHead();
    const form = scanner.byte();
    const kind = form & KIND_BITS;
    if (form >= 2 * NO_BODY || kind === 0) throw new FrameInvalid('kind');
    const empty = (form & NO_BODY) !== 0;
    return kind === Kind.call || kind === Kind.cast
      ? this.#request(kind, empty, parts)
      : this.#answer(kind, empty, parts);
  }

  /** `[kind, method, body, correlation, deadline, extras]`, what is nil at the end left off. */
  #request(kind: number, empty: boolean, parts: number): Envelope {
    const scanner = this.#scanner;
    if (parts < (empty ? 2 : 3) || parts > 6) throw new FrameInvalid('parts');
    const method = this.#readMethod();
    const bodyStart = scanner.at;
    const bodyEnd = parts < 3 ? 0 : this.#body(empty);
    const correlation = parts < 4 || scanner.nil() ? 0 : scanner.uint();
    if ((kind === Kind.call) !== (correlation !== 0)) throw new FrameInvalid('correlation');
    const deadline = parts < 5 || scanner.nil() ? 0 : this.#sentAt + scanner.uint();
    if (deadline > Number.MAX_SAFE_INTEGER) throw new FrameInvalid('deadline');
    const extras = parts < 6 || scanner.nil() ? undefined : readExtras(scanner, this.#sentAt);
    const start = bodyEnd === 0 ? 0 : bodyStart;
    return { kind, method, correlation, deadline, extras, number: 0, bodyStart: start, bodyEnd };
  }

  /** `[kind, correlation, body]`, of items and credits with a number behind; kinds to come may have more. */
  #answer(kind: number, empty: boolean, parts: number): Envelope {
    const scanner = this.#scanner;
    const numbered = kind === Kind.item || kind === Kind.credit;
    const known = numbered || kind === Kind.reply || kind === Kind.error || kind === Kind.cancel;
    if (parts < (numbered ? 4 : empty ? 2 : 3) || (known && parts > (numbered ? 4 : 3)))
      throw new FrameInvalid('parts');
    const correlation = scanner.uint();
    if (known && correlation === 0) throw new FrameInvalid('correlation');
    const bodyStart = scanner.at;
    const bodyEnd = parts < 3 ? 0 : this.#body(empty);
    const number = numbered ? scanner.uint() : 0;
    if (numbered && number === 0) throw new FrameInvalid('number');
    for (let more = parts - (numbered ? 4 : 3); more > 0; more--) scanner.skip();
    return {
      kind,
      method: '',
      correlation,
      deadline: 0,
      extras: undefined,
      number,
      bodyStart: bodyEnd === 0 ? 0 : bodyStart,
      bodyEnd,
    };
  }

  /** Where the body ends; 0 when there is none. */
  #body(empty: boolean): number {
    const scanner = this.#scanner;
    if (empty) {
      if (!scanner.nil()) throw new FrameInvalid('body');
      return 0;
    }
    const start = scanner.at;
    scanner.skip();
    if (scanner.at - start > this.#maxBodyBytes) throw new FrameInvalid('body-too-large');
    return scanner.at;
  }

  #readMethod(): string {
    const scanner = this.#scanner;
    const length = scanner.textHead();
    const start = scanner.at;
    scanner.at += length;
    if (length === this.#method.length && this.#sameMethod(start)) return this.#method;
    const method = this.#bytes.toString('latin1', start, scanner.at);
    if (!METHOD.test(method)) throw new FrameInvalid('method');
    this.#method = method;
    this.#methodAt = start;
    return method;
  }

  #sameMethod(start: number): boolean {
    const bytes = this.#bytes;
    const length = this.#method.length;
    for (let index = 0; index < length; index++) {
      if (bytes[start + index] !== bytes[this.#methodAt + index]) return false;
    }
    return length > 0;
  }
}

function readId(scanner: Scanner): string {
  const id = readText(scanner);
  if (!NODE_ID.test(id)) throw new FrameInvalid('id');
  return id;
}

function readText(scanner: Scanner): string {
  const length = scanner.textHead();
  const start = scanner.at;
  scanner.at += length;
  return scanner.bytes.toString('utf8', start, scanner.at);
}

function readExtras(scanner: Scanner, sentAt: number): Extras {
  const start = scanner.at;
  const extras: { -readonly [Name in keyof Extras]: Extras[Name] } = {};
  for (let left = scanner.mapHead(); left > 0; left--) {
    switch (readKey(scanner)) {
      case 'i':
        extras.id = readText(scanner);
        break;
      case 'k':
        extras.key = readText(scanner);
        break;
      case 'h':
        extras.headers = readHeaders(scanner);
        break;
      case 'c':
        extras.claim = readText(scanner);
        break;
      case 'p':
        extras.priority = readPriority(scanner);
        break;
      case 'o':
        if (readText(scanner) === 'skip') extras.orphan = 'skip';
        break;
      case 'u':
        extras.until = sentAt + scanner.uint();
        if (extras.until > Number.MAX_SAFE_INTEGER) throw new FrameInvalid('deadline');
        break;
      default:
        scanner.skip();
    }
  }
  if (scanner.at - start > MAX_EXTRAS_BYTES) throw new FrameInvalid('extras-too-large');
  return extras;
}

function readPriority(scanner: Scanner): number {
  const priority = scanner.int();
  if (priority !== (priority | 0)) throw new FrameInvalid('priority');
  return priority;
}

function readHeaders(scanner: Scanner): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let left = scanner.mapHead(); left > 0; left--) headers[readKey(scanner)] = readText(scanner);
  return headers;
}

function readKey(scanner: Scanner): string {
  const start = scanner.at;
  scanner.key();
  scanner.at = start;
  return readText(scanner);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
