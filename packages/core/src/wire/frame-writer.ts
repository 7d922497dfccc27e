/**
 * Writes frames. Each envelope is encoded when it is added, behind room kept free for the head: who sends the frame and
 * under which number is known last, and writing it then moves nothing.
 */
import { BodyWriter } from './body.ts';
import { Kind, type Extras, type WireError } from './envelope.ts';
import { PayloadTooLarge, SerializationError } from '../ground/errors.ts';
import { MAX_ENVELOPES, MAX_EXTRAS_BYTES, MAX_ID_BYTES, METHOD, NO_BODY, NODE_ID, VERSION } from './wire.ts';

/** Array head and version, two ids with two bytes of head each, number, sentAt, head of the envelopes. */
const HEAD_BYTES: number = 2 + 2 * (MAX_ID_BYTES + 2) + 9 + 9 + 3;
const FIRST_BYTES = 4096;
/** A stream that may last longer ends after this: what an integer of 32 bits holds, 49 days, ms. */
const MAX_UNTIL_MS = 0xffff_ffff;
/** A buffer larger than this is given back once a frame has needed less than a quarter of it. */
const KEPT_BYTES: number = 256 * 1024;

export class FrameWriter {
  /** Envelopes so far. */
  count = 0;
  readonly #maxBodyBytes: number;
  readonly #writer: BodyWriter = new BodyWriter(FIRST_BYTES);
  /** Where the last whole envelope ends; what lies behind was never finished. */
  #end = HEAD_BYTES;
  /** Where each envelope begins. */
  readonly #starts: Uint32Array = new Uint32Array(MAX_ENVELOPES);
  #sentAt = 0;
  /** The method last checked; a frame mostly holds one. */
  #method = '';

  /** @param maxBodyBytes the most one encoded body may take. */
  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Bytes of the envelopes so far. */
  get bytes(): number {
    return this.#end - HEAD_BYTES;
  }

  /** What `open` was given, in whole ms. */
  get sentAt(): number {
    return this.#sentAt;
  }

  /** Starts an empty frame. `sentAt` is backend time, ms since the epoch; deadlines travel relative to it. */
  open(sentAt: number): void {
    const { bytes } = this.#writer;
    if (this.#writer.busy) throw reentered();
    if (bytes.buffer.length > KEPT_BYTES && this.#end * 4 < bytes.buffer.length) bytes.replace(FIRST_BYTES);
    this.#end = HEAD_BYTES;
    this.count = 0;
    this.#sentAt = Math.max(0, Math.round(sentAt));
  }

  /**
   * Adds a call and answers the bytes it took. `deadline` is absolute (backend time, ms; 0: none).
   * `maxBodyBytes`: where this body has a stricter limit.
   *
   * @throws SerializationError, PayloadTooLarge; the frame is then as it was. So with every `add`.
   */
  addCall(
    method: string,
    body: unknown,
    correlation: number,
    deadline: number,
    extras?: Extras,
    maxBodyBytes: number = this.#maxBodyBytes,
  ): number {
    this.#begin();
    this.#request(Kind.call, method, body, correlation, deadline, extras, maxBodyBytes);
    return this.#commit();
  }

  /** Adds a cast. `deadline` as with `addCall`. */
  addCast(
    method: string,
    body: unknown,
    deadline: number,
    extras?: Extras,
    maxBodyBytes: number = this.#maxBodyBytes,
  ): number {
    this.#begin();
    this.#request(Kind.cast, method, body, 0, deadline, extras, maxBodyBytes);
    return this.#commit();
  }

  /** Adds the answer to the call with this correlation. */
  addReply(correlation: number, body: unknown): number {
    this.#begin();
    this.#answer(Kind.reply, correlation, body === undefined);
    this.#body(body);
    return this.#commit();
  }

  /** Adds an answer whose body is encoded already, by `encodeBody`. */
  addReplyBytes(correlation: number, body: Uint8Array | undefined): number {
    if (body !== undefined && body.byteLength > this.#maxBodyBytes)
      throw new PayloadTooLarge(body.byteLength, this.#maxBodyBytes);
    this.#begin();
    this.#answer(Kind.reply, correlation, body === undefined);
    if (body === undefined) this.#body(undefined);
    else this.#writer.bytes.raw(body);
    return this.#commit();
  }

  /** Adds the refusal of the call with this correlation. Details that cannot travel are left off. */
  addError(correlation: number, error: WireError): number {
    try {
      return this.#addError(correlation, error);
    } catch {
      const { code, message, retryable, outcome } = error;
      return this.#addError(correlation, { code, message, retryable, outcome });
    }
  }

  /** Adds an item of the stream that answers the call with this correlation. @param number its place, from 1 on. */
  addItem(correlation: number, number: number, body: unknown): number {
    this.#begin();
    this.#numbered(Kind.item, correlation, body === undefined);
    this.#body(body);
    this.#writer.bytes.uint(number);
    return this.#commit();
  }

  /** Adds how many items of a stream its reader has taken. */
  addCredit(correlation: number, taken: number): number {
    this.#begin();
    this.#numbered(Kind.credit, correlation, true);
    this.#body(undefined);
    this.#writer.bytes.uint(taken);
    return this.#commit();
  }

  /** Adds that nobody waits any more for what the call with this correlation is answered with. */
  addCancel(correlation: number): number {
    this.#begin();
    this.#answer(Kind.cancel, correlation, true);
    this.#body(undefined);
    return this.#commit();
  }

  #addError(correlation: number, error: WireError): number {
    this.#begin();
    this.#answer(Kind.error, correlation, false);
    this.#body(error);
    return this.#commit();
  }

  /** Adds what `other` holds from envelope `first` on, as it is: both were opened with the same `sentAt`. */
  addFrom(other: FrameWriter, first: number): void {
    for (let index = first; index < other.count; index += 1) {
      const start = other.#starts[index] as number;
      const end = index + 1 < other.count ? (other.#starts[index + 1] as number) : other.#end;
      this.#begin();
      this.#writer.bytes.raw(other.#writer.bytes.buffer.subarray(start, end));
      this.#commit();
    }
  }

  /** Takes back the envelope added last. */
  undo(): void {
    if (this.count === 0) throw new RangeError('the frame is empty');
    this.#end = this.#starts[--this.count] as number;
  }

  /** Drops the envelopes for which `keep` answers false; the others move together. A view from `finish` is void then. */
  retain(keep: (index: number) => boolean): void {
    const { buffer } = this.#writer.bytes;
    const count = this.count;
    let end = HEAD_BYTES;
    let kept = 0;
    for (let index = 0; index < count; index++) {
      const start = this.#starts[index] as number;
      const next = index + 1 < count ? (this.#starts[index + 1] as number) : this.#end;
      if (!keep(index)) continue;
      buffer.copyWithin(end, start, next);
      this.#starts[kept++] = end;
      end += next - start;
    }
    this.count = kept;
    this.#end = end;
  }

  /**
   * The frame, as a view on this writer's own buffer: valid until the next `open`. May be called again, with another
   * `from` and `number`.
   *
   * @throws SerializationError when an id is no node id.
   */
  finish(from: string, number: number, replyTo: string | null): Uint8Array {
    if (!NODE_ID.test(from) || (replyTo !== null && !NODE_ID.test(replyTo))) {
      throw new SerializationError('a node id must be 1 to 128 printable ASCII characters without braces');
    }
    if (!Number.isSafeInteger(number) || number < 0)
      throw new SerializationError('the number of a frame is a whole number from 0 to 2^53 - 1');
    const { bytes } = this.#writer;
    const start = HEAD_BYTES - (2 + textBytes(from) + 9 + (replyTo === null ? 1 : textBytes(replyTo)) + 9 + 3);
    bytes.at = start;
    bytes.arrayHead(6);
    bytes.byte(VERSION);
    bytes.text(from);
    bytes.uint64(number);
    if (replyTo === null) bytes.byte(0xc0);
    else bytes.text(replyTo);
    bytes.uint64(this.#sentAt);
    bytes.byte(0xdc);
    bytes.byte(this.count >>> 8);
    bytes.byte(this.count & 0xff);
    return bytes.buffer.subarray(start, this.#end);
  }

  #begin(): void {
    if (this.#writer.busy) throw reentered();
    if (this.count >= MAX_ENVELOPES) throw new SerializationError(`a frame holds at most ${MAX_ENVELOPES} envelopes`);
    this.#writer.bytes.at = this.#end;
  }

  #commit(): number {
    const size = this.#writer.bytes.at - this.#end;
    this.#starts[this.count++] = this.#end;
    this.#end += size;
    return size;
  }

  #request(
    kind: number,
    method: string,
    body: unknown,
    correlation: number,
    deadline: number,
    extras: Extras | undefined,
    maxBodyBytes: number,
  ): void {
    if (method !== this.#method) {
      if (!METHOD.test(method))
        throw new SerializationError('a method name is a letter or $ and up to 127 of A-Z a-z 0-9 . _ $ -');
      this.#method = method;
    }
    const { bytes } = this.#writer;
    const parts = extras !== undefined ? 6 : deadline !== 0 ? 5 : kind === Kind.call ? 4 : 3;
    bytes.byte(0x90 | parts);
    bytes.byte(body === undefined ? kind | NO_BODY : kind);
    bytes.text(method);
    this.#body(body, maxBodyBytes);
    if (parts === 3) return;
    if (kind === Kind.call) this.#correlation(correlation);
    else bytes.byte(0xc0);
    if (parts === 4) return;
    if (deadline === 0) bytes.byte(0xc0);
    else bytes.uint(Math.max(0, Math.round(deadline) - this.#sentAt));
    if (extras !== undefined) this.#extras(extras);
  }

  #answer(kind: number, correlation: number, empty: boolean): void {
    const { bytes } = this.#writer;
    bytes.byte(0x93);
    bytes.byte(empty ? kind | NO_BODY : kind);
    this.#correlation(correlation);
  }

  #numbered(kind: number, correlation: number, empty: boolean): void {
    const { bytes } = this.#writer;
    bytes.byte(0x94);
    bytes.byte(empty ? kind | NO_BODY : kind);
    this.#correlation(correlation);
  }

  #correlation(correlation: number): void {
    if (!Number.isSafeInteger(correlation) || correlation <= 0)
      throw new SerializationError('a correlation is a whole number from 1 to 2^53 - 1');
    this.#writer.bytes.uint(correlation);
  }

  #body(body: unknown, maxBytes: number = this.#maxBodyBytes): void {
    this.#writer.write(body, Math.min(maxBytes, this.#maxBodyBytes));
  }

  #extras({ id, key, headers, priority, claim, orphan, until }: Extras): void {
    if (id !== undefined && typeof id !== 'string') throw new SerializationError('id must be a string');
    if (key !== undefined && typeof key !== 'string') throw new SerializationError('key must be a string');
    if (priority !== undefined && priority !== (priority | 0))
      throw new SerializationError('priority must be an integer of up to 32 bits');
    for (const name in headers) {
      if (typeof headers[name] !== 'string') throw new SerializationError(`header ${name} must be a string`);
    }
    const left =
      until === undefined ? undefined : Math.min(MAX_UNTIL_MS, Math.max(0, Math.round(until) - this.#sentAt));
    const { bytes } = this.#writer;
    const start = bytes.at;
    let count = 0;
    bytes.byte(0x80);
    if (id !== undefined) count += this.#extra('i', id);
    if (key !== undefined) count += this.#extra('k', key);
    if (headers !== undefined) {
      count += 1;
      bytes.text('h');
      this.#writer.write(headers, MAX_EXTRAS_BYTES);
    }
    if (priority !== undefined) count += this.#extra('p', priority);
    if (claim !== undefined) count += this.#extra('c', claim);
    if (orphan !== undefined) count += this.#extra('o', orphan);
    if (left !== undefined) count += this.#extra('u', left);
    bytes.mapHeadAt(start, count);
    if (bytes.at - start > MAX_EXTRAS_BYTES) throw new PayloadTooLarge(bytes.at - start, MAX_EXTRAS_BYTES);
  }

  /** Answers 1: so many were added. */
  #extra(name: string, value: string | number): 1 {
    const { bytes } = this.#writer;
    bytes.text(name);
    if (typeof value === 'string') bytes.text(value);
    else bytes.number(value);
    return 1;
  }
}

function reentered(): SerializationError {
  return new SerializationError('the body cannot travel: reading it sent another message');
}

function textBytes(id: string): number {
  return id.length + (id.length < 0x20 ? 1 : 2);
}
