/** The dead letters of one actor: to be looked at, put back, or dropped. */
import type { Broker, DeadEntry, HistoryItem } from '../ports/broker.ts';
import { maskOf } from '../serving/batch.ts';
import type { Extras } from '../wire/envelope.ts';
import { mailboxOfLine } from '../contract/lines.ts';
import { isPartition, mailboxOfPartition, partitionName } from '../ports/partitions.ts';
import { ConfigError } from '../ground/errors.ts';
import { readBody, readFrame, type Frame } from '../wire/frame.ts';

export interface DeadLetter {
  /** What `replay` and `drop` take. */
  readonly id: string;
  /** Empty when the entry is no valid frame. */
  readonly messageId: string;
  readonly method: string;
  /** The decoded input; undefined when it cannot be decoded. */
  readonly input: unknown;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Error code of the last failure, or why it was not run. */
  readonly reason: string;
  readonly deliveries: number;
  /** When it died, ms in backend time. */
  readonly at: number;
  readonly history: readonly HistoryItem[];
  /** The whole frame as it was stored. */
  readonly bytes: Uint8Array;
}

/** Entries read at once. */
const PAGE = 100;
const DEFAULT_LIMIT = 100;

export class DeadLetters {
  readonly #broker: Broker;
  readonly #mailboxes: readonly string[];
  readonly #partitions: () => Promise<number>;
  readonly #maxBodyBytes: number;

  /**
   * @param mailboxes every line of one actor.
   * @param partitions into how many its mailbox is split; 0: it is whole.
   */
  constructor(
    broker: Broker,
    mailboxes: readonly string[],
    maxBodyBytes: number,
    partitions: () => Promise<number> = async () => 0,
  ) {
    this.#broker = broker;
    this.#mailboxes = mailboxes;
    this.#partitions = partitions;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** The oldest dead letters first, at most `limit` (default 100). `after` is the id of the last one of the page before. */
  async list(page: { readonly limit?: number; readonly after?: string } = {}): Promise<readonly DeadLetter[]> {
    const letters: DeadLetter[] = [];
    for await (const letter of this.all(page.after)) {
      if (letters.length >= (page.limit ?? DEFAULT_LIMIT)) break;
      letters.push(letter);
    }
    return letters;
  }

  /** Every dead letter, oldest first, read page by page; of a mailbox with lines or partitions, one after the other. */
  async *all(after?: string): AsyncGenerator<DeadLetter, void, void> {
    const from = after === undefined ? undefined : this.#parsed(after);
    const mailboxes = await this.#places();
    const first = from === undefined ? 0 : mailboxes.indexOf(from.mailbox);
    for (const mailbox of mailboxes.slice(Math.max(0, first)))
      yield* this.#line(mailbox, mailbox === from?.mailbox ? from : undefined);
  }

  async *#line(mailbox: string, after: LetterId | undefined): AsyncGenerator<DeadLetter, void, void> {
    let last: string | undefined;
    if (after !== undefined) {
      // The page before may have ended inside an entry.
      const { entry, index } = after;
      const [same] = await this.#broker.dead(mailbox, { after: before(entry), limit: 1 });
      if (same?.id === entry) yield* this.#letters(mailbox, same).filter((letter) => parseId(letter.id).index > index);
      last = entry;
    }
    for (;;) {
      const entries = await this.#broker.dead(mailbox, {
        limit: PAGE,
        ...(last === undefined ? undefined : { after: last }),
      });
      for (const entry of entries) yield* this.#letters(mailbox, entry);
      last = entries.at(-1)?.id;
      if (last === undefined) return;
    }
  }

  /** Puts one back into the mailbox with all its deliveries before it. False: it is gone. @throws ConfigError for a wrong id */
  replay(id: string): Promise<boolean> {
    return this.#one(id, (mailbox, entry, mask) => this.#broker.replay(mailbox, entry, mask));
  }

  /** Drops one for good. False: it is gone. @throws ConfigError for a wrong id */
  drop(id: string): Promise<boolean> {
    return this.#one(id, (mailbox, entry, mask) => this.#broker.drop(mailbox, entry, mask));
  }

  /** Puts all of them back; answers how many. Those that die meanwhile are left alone. */
  async replayAll(): Promise<number> {
    const ids: string[] = [];
    for await (const letter of this.all()) ids.push(letter.id);
    let replayed = 0;
    for (const id of ids) if (await this.replay(id)) replayed += 1;
    return replayed;
  }

  async #one(id: string, act: (mailbox: string, entry: string, mask: string) => Promise<boolean>): Promise<boolean> {
    const { mailbox, entry, index, count } = this.#parsed(id);
    return act(mailbox, entry, maskOf(count, [index]));
  }

  async #places(): Promise<readonly string[]> {
    const [mailbox = ''] = this.#mailboxes;
    const parts = Array.from({ length: await this.#partitions() }, (_, part) => partitionName(mailbox, part));
    return [...this.#mailboxes, ...parts];
  }

  #parsed(id: string): LetterId & { readonly mailbox: string } {
    const parsed = parseId(id);
    const mailbox = `${mailboxOfLine(this.#mailboxes[0] ?? '')}${parsed.place}`;
    if (!this.#mailboxes.includes(mailbox) && !isPartition(mailbox)) throw noLetter(id);
    return { ...parsed, mailbox };
  }

  #letters(mailbox: string, entry: DeadEntry): DeadLetter[] {
    const place = mailbox.slice(mailboxOfLine(mailboxOfPartition(mailbox)).length);
    const frame = this.#frame(entry.frame);
    const history = historyOf(entry.history);
    const letters: DeadLetter[] = [];
    for (let index = 0; index < entry.count; index += 1) {
      if (entry.todo[index] === '1') letters.push(letterOf(entry, index, place, frame, history));
    }
    return letters;
  }

  #frame(bytes: Uint8Array): Frame | undefined {
    try {
      return readFrame(bytes, { maxBodyBytes: this.#maxBodyBytes });
    } catch {
      return undefined;
    }
  }
}

function letterOf(
  entry: DeadEntry,
  index: number,
  place: string,
  frame: Frame | undefined,
  history: readonly HistoryItem[],
): DeadLetter {
  const envelope = frame?.envelopes[index];
  const extras: Extras | undefined = envelope?.extras;
  let input: unknown;
  if (frame !== undefined && envelope !== undefined) {
    try {
      input = readBody(frame.bytes, envelope.bodyStart, envelope.bodyEnd);
    } catch {
      // Shown as undefined; the bytes are there.
    }
  }
  return {
    id: `${entry.id}.${index}.${entry.count}${place}`,
    messageId: frame === undefined ? '' : `${frame.from}/${frame.number}.${index}${isPartition(place) ? place : ''}`,
    method: envelope?.method ?? '',
    input,
    key: extras?.key,
    headers: extras?.headers ?? {},
    reason: entry.reason,
    deliveries: entry.deliveries,
    at: entry.at,
    history: history.filter((item) => item.index === index),
    bytes: entry.frame,
  };
}

function historyOf(text: string): readonly HistoryItem[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? (parsed as HistoryItem[]) : [];
  } catch {
    return [];
  }
}

interface LetterId {
  readonly entry: string;
  readonly index: number;
  readonly count: number;
  /** What the name of its line or partition has beyond that of the mailbox. */
  readonly place: string;
}

const ID = /^(\d+-\d+)\.(\d+)\.(\d+)([!#].+)?$/;

function parseId(id: string): LetterId {
  const match = ID.exec(id);
  const [, entry, index, count, place = ''] = match ?? [];
  if (entry === undefined || Number(index) >= Number(count)) throw noLetter(id);
  return { entry, index: Number(index), count: Number(count), place };
}

function noLetter(id: string): ConfigError {
  return new ConfigError(`"${id}" is no id of a dead letter; take one from list()`);
}

/** The id just before a stream id. */
function before(id: string): string {
  const [ms = '0', sequence = '0'] = id.split('-');
  return sequence === '0' ? `${Math.max(0, Number(ms) - 1)}-18446744073709551615` : `${ms}-${BigInt(sequence) - 1n}`;
}
