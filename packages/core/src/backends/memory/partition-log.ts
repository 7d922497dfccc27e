import type { Timers } from '../../ground/clock.ts';
import type { MailboxDepth, MailboxLimits } from '../../ports/broker.ts';
import { DeadLetters } from './dead-letters.ts';
import type { DueSet } from './due-set.ts';
import { makeEntry, workOf, type Entry, type EntryStart } from './entry.ts';
import { Line, type LineNeeds } from './line.ts';
import { DEFAULT_LIMITS, type Place } from './place.ts';

/** Ended entries that are worth a copy of the others. */
const COMPACT_AT = 256;

/** The log of one partition: what came, in order, until it ends. */
export class PartitionLog implements Place {
  readonly dead: DeadLetters = new DeadLetters();
  limits: MailboxLimits = DEFAULT_LIMITS;
  hints: string | undefined = undefined;
  messages = 0;
  bytes = 0;
  readonly line: Line;
  /** Told of every entry that comes. */
  onArrival: (() => void) | undefined = undefined;
  readonly #timers: Timers;
  readonly #due: DueSet;
  readonly #left = new Map<string, Entry>();
  /** In order; those that ended stay until they are many. */
  #entries: Entry[] = [];
  #delayed = 0;
  #lastOrder = 0;

  constructor(timers: Timers, due: DueSet, inLine: Pick<LineNeeds, 'isMember' | 'tell'>) {
    this.line = new Line({
      ...inLine,
      elapsed: () => timers.clock.elapsed(),
      hasRoom: () => this.messages < this.limits.maxLength && this.bytes < this.limits.maxBytes,
    });
    this.#timers = timers;
    this.#due = due;
  }

  put(start: EntryStart, at?: number): string {
    this.#lastOrder += 1;
    const entry = makeEntry(this.#lastOrder, start);
    this.messages += workOf(entry);
    this.bytes += entry.frame.length;
    if (at === undefined || at <= this.#timers.clock.now()) {
      this.#arrive(entry);
      return entry.id;
    }
    this.#delayed += 1;
    this.#due.add(at, () => {
      this.#delayed -= 1;
      this.#lastOrder += 1;
      // Its place is where the log ends when it is due.
      this.#arrive({ ...entry, id: String(this.#lastOrder), order: this.#lastOrder });
    });
    return `due-${entry.id}`;
  }

  find(id: string): Entry | undefined {
    return this.#left.get(id);
  }

  /** What is left, in no particular order. */
  left(): Iterable<Entry> {
    return this.#left.values();
  }

  /** The id of the last entry that is left; `''`: there is none. */
  last(): string {
    for (let at = this.#entries.length - 1; at >= 0; at -= 1) {
      const { id } = this.#entries[at] as Entry;
      if (this.#left.has(id)) return id;
    }
    return '';
  }

  /** At most so many of what is left behind an order, in order. */
  after(order: number, limit: number): Entry[] {
    const found: Entry[] = [];
    for (let at = this.#placeBehind(order); at < this.#entries.length && found.length < limit; at += 1) {
      const entry = this.#entries[at] as Entry;
      if (this.#left.has(entry.id)) found.push(entry);
    }
    return found;
  }

  /** The entry has come to its end. */
  end(_member: string, entry: Entry): void {
    if (!this.#left.delete(entry.id)) return;
    this.messages -= workOf(entry);
    this.bytes -= entry.frame.length;
    const ended = this.#entries.length - this.#left.size;
    if (ended >= COMPACT_AT && ended * 2 >= this.#entries.length)
      this.#entries = this.#entries.filter(({ id }) => this.#left.has(id));
  }

  depth(): MailboxDepth {
    const { messages, bytes, dead } = this;
    const depth = { messages, bytes, waiting: this.#left.size + this.#delayed, pending: 0, dead: dead.size };
    const [oldest] = this.after(0, 1);
    return oldest === undefined ? depth : { ...depth, oldestAt: oldest.arrivedAt };
  }

  #arrive(entry: Entry): void {
    entry.arrivedAt = this.#timers.clock.now();
    this.#left.set(entry.id, entry);
    this.#entries.push(entry);
    this.onArrival?.();
  }

  /** Where the first entry behind that order stands. */
  #placeBehind(order: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle] as Entry).order <= order) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
