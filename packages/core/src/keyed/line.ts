/**
 * Who may run next of one partition: one message at a time for each key, in the order of the log. Bookkeeping alone: it
 * starts nothing and reads nothing.
 *
 * Not everything that waits is in memory. Where a key has more than its share, what comes behind is skipped: it stays in
 * the log, and the key is closed: it takes nothing more until the log is read again from there. Each reading from some
 * place on is a pass. A pass that began before what was skipped opens the key again: where it meets it, or where it comes
 * to the furthest that was ever met, because then there is nothing left of it.
 */
import { comparePositions, justBefore } from './position.ts';

/** Messages of one key in memory, the one that runs included. */
export const MAX_PER_KEY = 256;
/** What is left of a key's share when room is needed: one in so many, and the one that runs. */
const SHED_TO = 8;
/** An entry of the log. */
export interface InLog {
  readonly id: string;
}

export interface Place<Entry extends InLog> {
  readonly entry: Entry;
  readonly index: number;
}

interface Closed {
  /** No skipped message of the key stands before this entry. */
  readonly at: string;
  /** In which pass it was met last. */
  readonly pass: number;
}

/** The messages of one key that are in memory, in order. */
export class KeyQueue<Entry extends InLog> {
  readonly key: string;
  readonly places: Place<Entry>[] = [];
  /** The first one runs, or waits until it may be tried again. */
  busy = false;
  /** The first one has failed, and waits. */
  held = false;
  /** The first one may run and has been told to be ready. */
  ready = false;
  closed: Closed | undefined = undefined;

  constructor(key: string) {
    this.key = key;
  }

  get head(): Place<Entry> | undefined {
    return this.places[0];
  }
}

export interface LineEvents<Entry extends InLog> {
  /** The first message of the key may run. */
  ready(queue: KeyQueue<Entry>): void;
  /** A message that was kept is not any more: it stays in the log. */
  dropped(place: Place<Entry>): void;
}

export class Line<Entry extends InLog> {
  /** Messages in memory. */
  waiting = 0;
  /** Keys whose first message may run. */
  runnable = 0;
  readonly #events: LineEvents<Entry>;
  readonly #maxPerKey: number;
  readonly #queues = new Map<string, KeyQueue<Entry>>();
  readonly #closed = new Set<KeyQueue<Entry>>();
  /** Open again in this pass, which has not come to the furthest yet: what it has not met, they lack. */
  readonly #catchingUp = new Set<KeyQueue<Entry>>();
  #pass = 1;
  /** Behind which place this pass began. */
  #behind = '';
  /** The last entry that it has met. */
  #at: string | undefined;
  /** The furthest entry that any pass has met. */
  #furthest: string | undefined;

  constructor(events: LineEvents<Entry>, maxPerKey: number = MAX_PER_KEY) {
    this.#events = events;
    this.#maxPerKey = maxPerKey;
  }

  get keys(): number {
    return this.#queues.size;
  }

  /** It reads what it has met before. */
  get rereads(): boolean {
    return this.#furthest !== undefined && this.#at !== this.#furthest;
  }

  /** An entry has come from the log: everything of it is admitted before the next one comes. */
  meet(id: string): void {
    if (this.#at !== undefined && comparePositions(id, this.#at) <= 0) this.#begin(justBefore(id));
    this.#at = id;
    if (this.#furthest !== undefined && comparePositions(id, this.#furthest) < 0) return;
    this.#furthest = id;
    for (const queue of this.#closed) {
      if (!this.#isAhead(queue)) continue;
      this.#open(queue);
      this.#tidy(queue);
    }
    for (const queue of this.#catchingUp) {
      this.#catchingUp.delete(queue);
      this.#tidy(queue);
    }
  }

  /** Keeps a message of the entry that was met last, or skips it: answers which. */
  admit(entry: Entry, index: number, key: string): boolean {
    const queue = this.#queueOf(key);
    if (queue.closed !== undefined && !this.#opens(queue)) return false;
    if (queue.places.length >= (queue.held ? 1 : this.#maxPerKey)) {
      this.#close(queue, entry.id);
      return false;
    }
    queue.places.push({ entry, index });
    this.waiting += 1;
    this.offer(queue);
    return true;
  }

  /** Its first message starts now. */
  started(queue: KeyQueue<Entry>): void {
    this.passOver(queue);
    queue.busy = true;
  }

  /** Its first message may run, if there is one that does not already. */
  offer(queue: KeyQueue<Entry>): void {
    if (queue.busy || queue.ready || queue.places.length === 0) return;
    queue.ready = true;
    this.runnable += 1;
    this.#events.ready(queue);
  }

  /** What was passed over may run after all. */
  offerAll(): void {
    for (const queue of this.#queues.values()) this.offer(queue);
  }

  /** It was ready, and is not any more. */
  passOver(queue: KeyQueue<Entry>): void {
    if (!queue.ready) return;
    queue.ready = false;
    this.runnable -= 1;
  }

  find(key: string): KeyQueue<Entry> | undefined {
    return this.#queues.get(key);
  }

  /** The first message of the key has come to its end. */
  ended(queue: KeyQueue<Entry>): void {
    queue.places.shift();
    this.waiting -= 1;
    this.again(queue);
    this.#tidy(queue);
  }

  /** The first message of the key may run (again). */
  again(queue: KeyQueue<Entry>): void {
    queue.busy = false;
    queue.held = false;
    this.offer(queue);
  }

  /** The first message has failed and stays: what is behind it need not be kept meanwhile. */
  hold(queue: KeyQueue<Entry>): void {
    queue.held = true;
    this.#truncate(queue, 1);
  }

  /** Drops what is kept of an entry's message, and all of its key that is behind it. */
  drop(entry: Entry, index: number, key: string): void {
    const queue = this.#queues.get(key);
    if (queue === undefined) return;
    const place = queue.places.findIndex((one) => one.entry === entry && one.index === index);
    if (place < 0) return;
    if (place === 0) {
      this.passOver(queue);
      queue.busy = false;
      queue.held = false;
    }
    this.#truncate(queue, place);
  }

  /** Makes room for what others want to run: nothing that is kept can. */
  shed(): void {
    for (const queue of [...this.#queues.values()])
      if (queue.places.length > 1) this.#truncate(queue, 1 + Math.floor((queue.places.length - 1) / SHED_TO));
  }

  /** Where to read again from, so that keys that have nothing left in memory get what was skipped; undefined: nowhere. */
  wanted(): string | undefined {
    let first: string | undefined;
    for (const queue of this.#closed) {
      const { places, closed } = queue;
      if (closed === undefined || places.length > 0 || this.#isAhead(queue)) continue;
      if (first === undefined || comparePositions(closed.at, first) < 0) first = closed.at;
    }
    return first;
  }

  /** The log is read again from this entry on. */
  rewound(from: string): void {
    this.#begin(justBefore(from));
  }

  /** Behind which entry to go on, as nobody needs what lies between; undefined: go on here. */
  leap(): string | undefined {
    if (!this.rereads || this.#catchingUp.size > 0) return undefined;
    for (const queue of this.#closed) if (this.#isAhead(queue)) return undefined;
    return this.#furthest;
  }

  /** It goes on behind the furthest. */
  leapt(): void {
    if (this.#furthest === undefined) return;
    this.#begin(this.#furthest);
    this.#at = this.#furthest;
  }

  #begin(behind: string): void {
    if (this.#at !== undefined) for (const queue of this.#catchingUp) this.#close(queue, this.#at);
    this.#pass += 1;
    this.#behind = behind;
    this.#at = undefined;
  }

  #queueOf(key: string): KeyQueue<Entry> {
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, (queue = new KeyQueue(key)));
    return queue;
  }

  /** A skipped message of the key has come, or one behind it. */
  #opens(queue: KeyQueue<Entry>): boolean {
    if (!this.#isAhead(queue)) return false;
    this.#open(queue);
    if (this.rereads) this.#catchingUp.add(queue);
    return true;
  }

  #open(queue: KeyQueue<Entry>): void {
    queue.closed = undefined;
    this.#closed.delete(queue);
  }

  /** This pass will come to what was skipped of the key, or has. */
  #isAhead({ closed }: KeyQueue<Entry>): boolean {
    return closed !== undefined && closed.pass < this.#pass && comparePositions(this.#behind, closed.at) < 0;
  }

  #close(queue: KeyQueue<Entry>, at: string): void {
    queue.closed = { at, pass: this.#pass };
    this.#closed.add(queue);
    this.#catchingUp.delete(queue);
  }

  #truncate(queue: KeyQueue<Entry>, length: number): void {
    const dropped = queue.places.splice(length);
    const [first] = dropped;
    if (first === undefined) return;
    this.waiting -= dropped.length;
    this.#close(queue, first.entry.id);
    for (const place of dropped) this.#events.dropped(place);
  }

  #tidy(queue: KeyQueue<Entry>): void {
    if (queue.places.length > 0 || queue.closed !== undefined || this.#catchingUp.has(queue)) return;
    this.#queues.delete(queue.key);
  }
}
