/** The dead letters of one actor: to be looked at, put back, or dropped. */
import type { Broker, DeadEntry, HistoryItem } from '../ports/broker.ts';
import { partitionName } from '../ports/partitions.ts';
import { maskOf } from '../serving/batch.ts';
import type { Extras } from '../wire/envelope.ts';
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
  readonly #mailbox: string;
  readonly #maxBodyBytes: number;
  readonly #partitions: () => Promise<number>;

  /** @param partitions into how many the mailbox is split; 0: it is whole. */
  constructor(broker: Broker, mailbox: string, maxBodyBytes: number, partitions: () => Promise<number>) {
    this.#broker = broker;
    this.#mailbox = mailbox;
    this.#maxBodyBytes = maxBodyBytes;
    this.#partitions = partitions;
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

  /** Every dead letter, oldest first, read page by page; of a keyed actor one partition after the other. */
  async *all(after?: string): AsyncGenerator<DeadLetter, void, void> {
    const from = after === undefined ? undefined : parseId(after);
    const partitions = await this.#partitions();
    for (let part = from?.part ?? WHOLE; part < partitions; part += 1)
      yield* this.#of(part, from?.part === part ? from : undefined);
  }

  async *#of(part: number, after: LetterId | undefined): AsyncGenerator<DeadLetter, void, void> {
    const name = this.#nameOf(part);
    let last: string | undefined;
    if (after !== undefined) {
      // The page before may have ended inside an entry.
      const { entry, index } = after;
      const [same] = await this.#broker.dead(name, { after: before(entry), limit: 1 });
      if (same?.id === entry) yield* this.#letters(part, same).filter((letter) => parseId(letter.id).index > index);
      last = entry;
    }
    for (;;) {
      const entries = await this.#broker.dead(name, {
        limit: PAGE,
        ...(last === undefined ? undefined : { after: last }),
      });
      for (const entry of entries) yield* this.#letters(part, entry);
      last = entries.at(-1)?.id;
      if (last === undefined) return;
    }
  }

  /** Puts one back into the mailbox with all its deliveries before it. False: it is gone. @throws ConfigError for a wrong id */
  replay(id: string): Promise<boolean> {
    return this.#one(id, (name, entry, mask) => this.#broker.replay(name, entry, mask));
  }

  /** Drops one for good. False: it is gone. @throws ConfigError for a wrong id */
  drop(id: string): Promise<boolean> {
    return this.#one(id, (name, entry, mask) => this.#broker.drop(name, entry, mask));
  }

  /** Puts all of them back; answers how many. Those that die meanwhile are left alone. */
  async replayAll(): Promise<number> {
    const ids: string[] = [];
    for await (const letter of this.all()) ids.push(letter.id);
    let replayed = 0;
    for (const id of ids) if (await this.replay(id)) replayed += 1;
    return replayed;
  }

  async #one(id: string, act: (name: string, entry: string, mask: string) => Promise<boolean>): Promise<boolean> {
    const { part, entry, index, count } = parseId(id);
    return act(this.#nameOf(part), entry, maskOf(count, [index]));
  }

  #nameOf(part: number): string {
    return part === WHOLE ? this.#mailbox : partitionName(this.#mailbox, part);
  }

  #letters(part: number, entry: DeadEntry): DeadLetter[] {
    const frame = this.#frame(entry.frame);
    const history = historyOf(entry.history);
    const letters: DeadLetter[] = [];
    for (let index = 0; index < entry.count; index += 1) {
      if (entry.todo[index] === '1') letters.push(letterOf(part, entry, index, frame, history));
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
  part: number,
  entry: DeadEntry,
  index: number,
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
    id: `${part === WHOLE ? '' : `${part}#`}${entry.id}.${index}.${entry.count}`,
    messageId: frame === undefined ? '' : `${frame.from}/${frame.number}.${index}${part === WHOLE ? '' : `#${part}`}`,
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

/** In place of a partition's number. */
const WHOLE = -1;
const ID = /^(?:(\d+)#)?(\d+-\d+)\.(\d+)\.(\d+)$/;

interface LetterId {
  readonly part: number;
  readonly entry: string;
  readonly index: number;
  readonly count: number;
}

function parseId(id: string): LetterId {
  const match = ID.exec(id);
  const [, part, entry, index, count] = match ?? [];
  if (entry === undefined || Number(index) >= Number(count))
    throw new ConfigError(`"${id}" is no id of a dead letter; take one from list()`);
  return { part: part === undefined ? WHOLE : Number(part), entry, index: Number(index), count: Number(count) };
}

/** The id just before a stream id. */
function before(id: string): string {
  const [ms = '0', sequence = '0'] = id.split('-');
  return sequence === '0' ? `${Math.max(0, Number(ms) - 1)}-18446744073709551615` : `${ms}-${BigInt(sequence) - 1n}`;
}
