/**
 * Reads this node's own stream, the news and the alert log with one blocking XREAD. Its next read is on its way before what came is
 * handed over; news are told after whatever came to the inbox before them; what lies behind the inbox's cursor is trimmed now and then. On each new connection the cursors are
 * compared with what the server last gave out: after a lost tail they would wait for an id that comes in a year.
 */
import { isMuch } from './claims.ts';
import type { Connection } from './connection.ts';
import { sleep, type NewsItem } from './core.ts';
import { replyCode } from './errors.ts';
import type { Ground } from './ground.ts';
import { readNews } from './news.ts';
import { isBefore } from './stream-ids.ts';

const MOST_ENTRIES = 64;
/** Trimmed after so many bytes or entries; and whenever a read brings nothing. */
const TRIM_BYTES = 1024 * 1024;
const TRIM_ENTRIES = 256;
const REFUSED_MS = 50;
/** How long a read of the inbox alone blocks, ms. */
const ALONE_MS = 1_000;
/** News kept back at most. */
const MOST_EARLY = 10_000;

type Entry = readonly [id: Buffer, fields: readonly Buffer[]];
type InboxReply = readonly (readonly [key: Buffer, entries: readonly Entry[]])[] | null;

/** A stream that is read from `cursor` on. */
export interface ReadStream {
  readonly key: string;
  cursor: string;
}

export interface ReadStreams {
  readonly inbox: ReadStream;
  readonly news: ReadStream;
  /** Of alerts. */
  readonly log: ReadStream;
}

export class Inbox {
  readonly #ground: Ground;
  readonly #connection: Connection;
  #opened: ReadStreams | undefined;
  #checkedEpoch = 0;
  #untrimmed = 0;
  #untrimmedBytes = 0;
  #closed = false;
  /** News that are newer than what has been read of the inbox: what a node sent before it left is heard before that. */
  #early: readonly Entry[] = [];
  /** Where news or log is no stream, the next read is of the inbox alone; who tells the next item heals it. */
  #alone = false;
  readonly #ending = new AbortController();
  #resume: (() => void) | undefined;
  #running: Promise<void> | undefined;
  /** Frames in order. Must not throw. */
  onFrames: ((frames: readonly Uint8Array[]) => void) | undefined;
  /** News in order. Must not throw. */
  onNews: ((items: readonly NewsItem[]) => void) | undefined;
  /** Items of the alert log in order. Must not throw. */
  onAlerts: ((items: readonly NewsItem[]) => void) | undefined;
  /** Another node says that there is something to adopt. */
  onPoke: (() => void) | undefined;
  /** It is this node's turn to append to a mailbox that was full. */
  onTurn: ((mailbox: string) => void) | undefined;

  constructor(ground: Ground) {
    this.#ground = ground;
    this.#connection = ground.readerConnection('inbox', ground.inboxBlockMs);
  }

  /** Reads for a new member. A read for the former one is given up with its connection. */
  open(streams: ReadStreams): void {
    const again = this.#opened !== undefined;
    this.#opened = streams;
    this.#early = [];
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
        const entries = advance(opened.inbox, reply);
        const news = this.#inTurn(opened.inbox, entries.length === MOST_ENTRIES, advance(opened.news, reply));
        const log = advance(opened.log, reply);
        this.#trim(opened.inbox, entries.length === 0);
        // A few answers: first what is asked next, then the next read. Many: the next ones travel meanwhile.
        const many = isMuch(entries);
        if (many && this.#connection.ready && !this.#closed) reading = this.#read(opened);
        this.#tell(log, this.onAlerts);
        this.#handOver(entries);
        this.#tell(news, this.onNews);
        if (!many && entries.length > 0) await new Promise((resolve) => setImmediate(resolve));
      } catch (error) {
        reading = undefined;
        const code = replyCode(error);
        if (code !== '') {
          this.#ground.log.warn({ reader: 'inbox', code }, 'Redis refused a read; trying again');
          await sleep(REFUSED_MS, this.#ending.signal);
        }
        this.#alone = code === 'WRONGTYPE';
        if (code === 'READONLY' || code === 'UNBLOCKED') this.#connection.reset();
      }
    }
  }

  #read({ inbox, news, log }: ReadStreams): Promise<InboxReply> {
    const alone = this.#alone;
    this.#alone = false;
    const streams = alone ? [inbox] : [inbox, news, log];
    // What is kept back waits for the end of the inbox, not for something new in it.
    const block = this.#early.length > 0 ? [] : ['BLOCK', alone ? ALONE_MS : this.#ground.inboxBlockMs];
    const reading = this.#connection.send<InboxReply>('xread', [
      'COUNT',
      MOST_ENTRIES,
      ...block,
      'STREAMS',
      ...streams.map(({ key }) => key),
      ...streams.map(({ cursor }) => cursor),
    ]);
    reading.catch(() => undefined); // Awaited in the next turn; until then a failure must not look unhandled.
    return reading;
  }

  #handOver(entries: readonly Entry[]): void {
    const frames: Uint8Array[] = [];
    let poked = false;
    for (const [, fields] of entries) {
      const name = fields[0];
      const value = fields[1];
      if (name === undefined || value === undefined || name.length !== 1) continue;
      this.#untrimmedBytes += value.length;
      if (name[0] === 0x66) frames.push(value); // f
      else if (name[0] === 0x6f) poked = true; // o
      else if (name[0] === 0x72) this.onTurn?.(value.toString('latin1')); // r
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

  /** The news that may be told by now. @param more there may be more in the inbox. */
  #inTurn({ cursor }: ReadStream, more: boolean, came: readonly Entry[]): readonly Entry[] {
    if (this.#early.length === 0 && (came.length === 0 || !more)) return came;
    const news = [...this.#early, ...came];
    const readTo = `${cursor.split('-')[0]}-0`;
    const early = more ? news.findIndex(([id]) => !isBefore(id.toString('latin1'), readTo)) : -1;
    this.#early = early < 0 || news.length > MOST_EARLY ? [] : news.slice(early);
    return this.#early.length === 0 ? news : news.slice(0, early);
  }

  #tell(entries: readonly Entry[], receive: ((items: readonly NewsItem[]) => void) | undefined): void {
    if (entries.length === 0) return;
    const { items, invalid } = readNews(entries);
    if (invalid.length > 0) {
      this.#ground.log.warn({ evt: 'news_invalid', entries: invalid }, 'news that cannot be read is skipped');
    }
    if (items.length === 0) return;
    try {
      receive?.(items);
    } catch (error) {
      this.#ground.log.error({ err: error }, 'the receiver of the news threw');
    }
  }

  /** Behind the cursor only: what lies before it has been handed over. */
  #trim({ key, cursor }: ReadStream, quiet: boolean): void {
    if (this.#untrimmed === 0 || !(quiet || this.#untrimmed >= TRIM_ENTRIES || this.#untrimmedBytes >= TRIM_BYTES))
      return;
    this.#untrimmed = 0;
    this.#untrimmedBytes = 0;
    const [ms = '0', sequence = '0'] = cursor.split('-');
    this.#connection.sendText('xtrim', [key, 'MINID', `${ms}-${Number(sequence) + 1}`]).catch(() => undefined);
  }

  async #check({ inbox, news, log }: ReadStreams): Promise<void> {
    const epoch = this.#connection.epoch;
    // Without an inbox the beat will say that this node is no member any more; without news the next are the first.
    for (const stream of [inbox, news, log]) {
      if (isBefore(await this.#lastOf(stream), stream.cursor)) stream.cursor = '0-0';
    }
    this.#checkedEpoch = epoch;
  }

  /** The id that the server last gave out in this stream. */
  async #lastOf({ key }: ReadStream): Promise<string> {
    try {
      const info = await this.#connection.sendText<(string | number)[]>('xinfo', ['STREAM', key]);
      return String(info[info.indexOf('last-generated-id') + 1]);
    } catch (error) {
      if (!['ERR', 'WRONGTYPE'].includes(replyCode(error))) throw error;
      return '0-0';
    }
  }
}

/** What a read brought of this stream; its cursor moves behind it. */
function advance(stream: ReadStream, reply: InboxReply): readonly Entry[] {
  const entries = reply?.find(([key]) => key.toString() === stream.key)?.[1] ?? [];
  const last = entries.at(-1);
  if (last !== undefined) stream.cursor = last[0].toString('latin1');
  return entries;
}
