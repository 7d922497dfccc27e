/**
 * Reads this node's own stream with one blocking XREAD. Its next read is on its way before what came is handed over;
 * what lies behind the cursor is trimmed now and then. On each new connection the cursor is compared with what the
 * server last gave out: after a lost tail it would wait for an id that comes in a year.
 */
import { isMuch } from './claims.ts';
import type { Connection } from './connection.ts';
import { sleep } from './core.ts';
import { replyCode } from './errors.ts';
import type { Ground } from './ground.ts';

const MOST_ENTRIES = 64;
/** Trimmed after so many bytes or entries; and whenever a read brings nothing. */
const TRIM_BYTES = 1024 * 1024;
const TRIM_ENTRIES = 256;
const REFUSED_MS = 50;

type InboxReply =
  | readonly (readonly [key: Buffer, entries: readonly (readonly [id: Buffer, fields: readonly Buffer[]])[]])[]
  | null;

interface Opened {
  readonly id: string;
  readonly key: string;
}

export class Inbox {
  readonly #ground: Ground;
  readonly #connection: Connection;
  #opened: Opened | undefined;
  #cursor = '0-0';
  #checkedEpoch = 0;
  #untrimmed = 0;
  #untrimmedBytes = 0;
  #closed = false;
  readonly #ending = new AbortController();
  #resume: (() => void) | undefined;
  #running: Promise<void> | undefined;
  /** Frames in order. Must not throw. */
  onFrames: ((frames: readonly Uint8Array[]) => void) | undefined;
  /** Another node says that there is something to adopt. */
  onPoke: (() => void) | undefined;

  constructor(ground: Ground) {
    this.#ground = ground;
    this.#connection = ground.readerConnection('inbox', ground.inboxBlockMs);
  }

  /** Reads the inbox of a new member from `cursor` on. A read of the former one is given up with its connection. */
  open(id: string, key: string, cursor: string): void {
    const again = this.#opened !== undefined;
    this.#opened = { id, key };
    this.#cursor = cursor;
    this.#untrimmed = 1;
    this.#untrimmedBytes = 0;
    if (this.#running === undefined) {
      this.#connection.onReady = () => this.#nudge();
      this.#connection.start();
      this.#running = this.#run();
    } else if (again) {
      this.#connection.reset();
    }
    this.#nudge();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ending.abort();
    this.#connection.close();
    this.#nudge();
    await this.#running;
  }

  #nudge(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  async #run(): Promise<void> {
    let reading: Promise<InboxReply> | undefined;
    while (!this.#closed) {
      const opened = this.#opened;
      try {
        if (!this.#connection.ready || opened === undefined) {
          await new Promise<void>((resolve) => (this.#resume = resolve));
          continue;
        }
        if (this.#checkedEpoch !== this.#connection.epoch) await this.#check(opened);
        const reply = await (reading ?? this.#read(opened));
        reading = undefined;
        if (this.#opened !== opened) continue;
        const entries = reply?.[0]?.[1] ?? [];
        const last = entries.at(-1);
        if (last !== undefined) this.#cursor = last[0].toString('latin1');
        this.#trim(opened, entries.length === 0);
        // A few answers: first what is asked next, then the next read. Many: the next ones travel meanwhile.
        const many = isMuch(entries);
        if (many && this.#connection.ready && !this.#closed) reading = this.#read(opened);
        this.#handOver(entries);
        if (!many && entries.length > 0) await new Promise((resolve) => setImmediate(resolve));
      } catch (error) {
        reading = undefined;
        const code = replyCode(error);
        if (code !== '') {
          this.#ground.log.warn({ reader: 'inbox', code }, 'Redis refused a read; trying again');
          await sleep(REFUSED_MS, this.#ending.signal);
        }
        if (code === 'READONLY' || code === 'UNBLOCKED') this.#connection.reset();
      }
    }
  }

  #read(opened: Opened): Promise<InboxReply> {
    const reading = this.#connection.send<InboxReply>('xread', [
      'COUNT',
      MOST_ENTRIES,
      'BLOCK',
      this.#ground.inboxBlockMs,
      'STREAMS',
      opened.key,
      this.#cursor,
    ]);
    reading.catch(() => undefined); // Awaited in the next turn; until then a failure must not look unhandled.
    return reading;
  }

  #handOver(entries: readonly (readonly [id: Buffer, fields: readonly Buffer[]])[]): void {
    const frames: Uint8Array[] = [];
    let poked = false;
    for (const [, fields] of entries) {
      const name = fields[0];
      const value = fields[1];
      if (name === undefined || value === undefined || name.length !== 1) continue;
      this.#untrimmedBytes += value.length;
      if (name[0] === 0x66) frames.push(value); // f
      else if (name[0] === 0x6f) poked = true; // o
    }
    this.#untrimmed += entries.length;
    if (poked) this.onPoke?.();
    if (frames.length === 0) return;
    try {
      this.onFrames?.(frames);
    } catch (error) {
      this.#ground.log.error({ err: error }, 'the receiver of the inbox threw');
    }
  }

  /** Behind the cursor only: what lies before it has been handed over. */
  #trim(opened: Opened, quiet: boolean): void {
    if (this.#untrimmed === 0 || !(quiet || this.#untrimmed >= TRIM_ENTRIES || this.#untrimmedBytes >= TRIM_BYTES))
      return;
    this.#untrimmed = 0;
    this.#untrimmedBytes = 0;
    const [ms = '0', sequence = '0'] = this.#cursor.split('-');
    this.#connection.sendText('xtrim', [opened.key, 'MINID', `${ms}-${Number(sequence) + 1}`]).catch(() => undefined);
  }

  async #check(opened: Opened): Promise<void> {
    const epoch = this.#connection.epoch;
    try {
      const info = await this.#connection.sendText<(string | number)[]>('xinfo', ['STREAM', opened.key]);
      const last = String(info[info.indexOf('last-generated-id') + 1]);
      if (isBefore(last, this.#cursor)) this.#cursor = '0-0';
    } catch (error) {
      if (replyCode(error) !== 'ERR') throw error;
      // No such key: the beat will say that this node is no member any more.
    }
    this.#checkedEpoch = epoch;
  }
}

function isBefore(a: string, b: string): boolean {
  const [aMs = 0, aSequence = 0] = a.split('-').map(Number);
  const [bMs = 0, bSequence = 0] = b.split('-').map(Number);
  return aMs < bMs || (aMs === bMs && aSequence < bSequence);
}
