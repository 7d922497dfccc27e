import type { MailboxDepth, MailboxLimits } from '../../ports/broker.ts';
import type { Timers } from '../../ground/clock.ts';
import { Consumers, type Consumer, type Round, type Seat } from './consumers.ts';
import { DeadLetters } from './dead-letters.ts';
import type { DueSet } from './due-set.ts';
import { chargeCrash, claimOf, makeEntry, workOf, type Entry, type EntryStart } from './entry.ts';
import { Heap } from './heap.ts';
import { Line } from './line.ts';
import { DEFAULT_LIMITS, type Place } from './place.ts';
import { Queue } from '../../ground/queue.ts';

/** Most handed-back entries that are looked at in one round for one that somebody with room may have. */
const LOOK_AHEAD = 128;

/** One in-order log, what its members hold, and what lies between two members. */
export class Mailbox implements Place {
  readonly name: string;
  dead: DeadLetters = new DeadLetters();
  limits: MailboxLimits = DEFAULT_LIMITS;
  hints: string | undefined = undefined;
  /** Into how many it is split; 0: it is not keyed. */
  partitions = 0;
  /** Envelopes not settled yet, and the bytes of their entries; delayed ones included. */
  messages = 0;
  bytes = 0;
  readonly line: Line;
  readonly #timers: Timers;
  readonly #due: DueSet;
  readonly #isMember: (id: string) => boolean;
  readonly #waiting = new Queue<Entry>();
  /** What waits for one member alone. */
  readonly #targeted = new Map<string, Queue<Entry>>();
  /** Members that have read and do so no more: nothing waits for one of them alone. */
  readonly #gone = new Set<string>();
  /** Had an owner and has none now. They go first, oldest first. */
  readonly #orphans = new Heap<Entry>((a, b) => a.order < b.order);
  readonly #pending = new Map<string, Map<string, Entry>>();
  readonly #consumers = new Consumers();
  #delayed = 0;
  #lastOrder = 0;
  #rung = false;
  /** Grows when it is emptied: what is due later and was put in before does not come. */
  #epoch = 0;

  constructor(
    name: string,
    timers: Timers,
    due: DueSet,
    isMember: (id: string) => boolean,
    turnCame: (id: string) => void,
  ) {
    this.name = name;
    this.line = new Line({
      elapsed: () => timers.clock.elapsed(),
      isMember,
      hasRoom: () => this.messages < this.limits.maxLength && this.bytes < this.limits.maxBytes,
      tell: turnCame,
    });
    this.#isMember = isMember;
    this.#timers = timers;
    this.#due = due;
  }

  /** Puts an entry in, at once or not before `at`. Limits are the caller's business: redelivery is never refused. */
  put(start: EntryStart, at?: number): string {
    this.#lastOrder += 1;
    const entry = makeEntry(this.#lastOrder, start);
    this.messages += workOf(entry);
    this.bytes += entry.frame.length;
    if (at === undefined || at <= this.#timers.clock.now()) {
      this.#arrive(entry);
    } else {
      this.#delayed += 1;
      const epoch = this.#epoch;
      this.#due.add(at, () => {
        if (epoch !== this.#epoch) return;
        this.#delayed -= 1;
        this.#arrive(entry);
      });
    }
    return entry.id;
  }

  /** Whether so much more would be within its limits. */
  hasRoom(messages: number, bytes: number): boolean {
    const { maxLength, maxBytes } = this.limits;
    return this.messages + messages <= maxLength && this.bytes + bytes <= maxBytes;
  }

  /** Whether somebody reads it, or will when it has joined again. */
  get isOpen(): boolean {
    return this.#consumers.size > 0;
  }

  /** Whether a living node reads it. */
  get isServed(): boolean {
    return this.#consumers.anyReads();
  }

  /** Ends everything in it, wherever that is, dead letters included. Who reads it goes on. */
  empty(): void {
    this.#epoch += 1;
    while (this.#waiting.shift() !== undefined);
    while (this.#orphans.pop() !== undefined);
    this.#targeted.clear();
    this.#pending.clear();
    this.dead = new DeadLetters();
    this.messages = 0;
    this.bytes = 0;
    this.#delayed = 0;
  }

  held(member: string, id: string): Entry | undefined {
    return this.#pending.get(member)?.get(id);
  }

  /** The entry has come to its end. */
  end(member: string, entry: Entry): void {
    this.#letGo(member, entry);
    this.messages -= workOf(entry);
    this.bytes -= entry.frame.length;
  }

  /** The member hands the entry back; for `keepOffMs` everybody else goes first. */
  handBack(member: string, entry: Entry, keepOffMs: number): void {
    this.#letGo(member, entry);
    entry.target = undefined;
    entry.mark = undefined;
    entry.parkedBy = member;
    entry.parkedUntil = this.#timers.clock.elapsed() + keepOffMs;
    this.#orphans.push(entry);
    this.ring();
  }

  /** Takes out what is in nobody's hands and for nobody alone, in order. */
  takeUnclaimed(): Entry[] {
    const taken: Entry[] = [];
    for (let entry = this.#orphans.pop(); entry !== undefined; entry = this.#orphans.pop()) taken.push(entry);
    for (let entry = this.#waiting.shift(); entry !== undefined; entry = this.#waiting.shift()) taken.push(entry);
    for (const entry of taken) {
      this.messages -= workOf(entry);
      this.bytes -= entry.frame.length;
    }
    return taken;
  }

  /** The member is gone: what it held, and what waited for it alone, is for the others. */
  release(member: string, crashed: boolean): void {
    this.#share(member);
    this.#gone.delete(member);
    const held = this.#pending.get(member);
    this.#pending.delete(member);
    for (const entry of held?.values() ?? []) {
      if (crashed) chargeCrash(entry);
      entry.target = undefined;
      entry.mark = undefined;
      this.#orphans.push(entry);
    }
    this.ring();
  }

  open(consumer: Consumer): void {
    this.#consumers.add(consumer);
    const member = consumer.member();
    if (member !== undefined) this.#gone.delete(member);
    this.ring();
  }

  /** What waits for its member alone is for the others then, as it reads no more. */
  shut(consumer: Consumer): void {
    this.#consumers.remove(consumer);
    const member = consumer.member();
    if (member !== undefined && !this.#consumers.reads(member)) {
      this.#gone.add(member);
      this.#share(member);
    }
    this.ring();
  }

  /** Something waits or somebody has room: deals on the next turn of the event loop. */
  ring(): void {
    if (this.#rung || this.#consumers.size === 0) return;
    if (this.#waiting.size === 0 && this.#orphans.size === 0 && this.#targeted.size === 0) return;
    this.#rung = true;
    setImmediate(() => {
      this.#rung = false;
      this.#deal();
    });
  }

  depth(): MailboxDepth {
    const { messages, bytes, dead } = this;
    let [waiting, pending] = [this.#waiting.size + this.#orphans.size + this.#delayed, 0];
    let oldestAt = Math.min(this.#waiting.peek()?.arrivedAt ?? Infinity, this.#orphans.peek()?.arrivedAt ?? Infinity);
    for (const queue of this.#targeted.values()) {
      waiting += queue.size;
      oldestAt = Math.min(oldestAt, queue.peek()?.arrivedAt ?? Infinity);
    }
    for (const held of this.#pending.values()) {
      pending += held.size;
      for (const { arrivedAt } of held.values()) oldestAt = Math.min(oldestAt, arrivedAt);
    }
    const depth = { messages, bytes, waiting, pending, dead: dead.size };
    return oldestAt === Infinity ? depth : { ...depth, oldestAt };
  }

  #arrive(entry: Entry): void {
    entry.arrivedAt = this.#timers.clock.now();
    this.#lineUp(entry);
    this.ring();
  }

  #lineUp(entry: Entry): void {
    const { target } = entry;
    if (target === undefined || !this.#isMember(target) || this.#gone.has(target)) {
      entry.target = undefined;
      this.#waiting.push(entry);
      return;
    }
    let queue = this.#targeted.get(target);
    if (queue === undefined) this.#targeted.set(target, (queue = new Queue()));
    queue.push(entry);
  }

  /** What waits for the member alone is for everybody now. */
  #share(member: string): void {
    const queue = this.#targeted.get(member);
    this.#targeted.delete(member);
    for (let entry = queue?.shift(); entry !== undefined; entry = queue?.shift()) {
      entry.target = undefined;
      this.#waiting.push(entry);
    }
  }

  #letGo(member: string, entry: Entry): void {
    const held = this.#pending.get(member);
    held?.delete(entry.id);
    if (held?.size === 0) this.#pending.delete(member);
  }

  #deal(): void {
    const round = this.#consumers.round();
    for (const seat of round.seats) this.#dealTargeted(seat);
    this.#dealOrphans(round);
    while (this.#waiting.size > 0) {
      const seat = round.next();
      if (seat === undefined) break;
      this.#hand(seat, this.#waiting.shift() as Entry);
    }
    for (const seat of round.seats) {
      if (seat.claims.length > 0) seat.consumer.intake.take(seat.claims);
    }
    // Whoever filled its round may have room for more; without room this ends with a round of no seats.
    if (round.seats.some((seat) => seat.room === 0)) this.ring();
  }

  #dealTargeted(seat: Seat): void {
    const queue = this.#targeted.get(seat.member);
    while (queue !== undefined && queue.size > 0 && seat.room > 0) this.#hand(seat, queue.shift() as Entry);
    if (queue?.size === 0) this.#targeted.delete(seat.member);
  }

  #dealOrphans(round: Round): void {
    const now = this.#timers.clock.elapsed();
    const kept: Entry[] = [];
    while (kept.length < LOOK_AHEAD && round.hasRoom()) {
      const entry = this.#orphans.pop();
      if (entry === undefined) break;
      const seat = round.next(now < entry.parkedUntil ? entry.parkedBy : undefined);
      if (seat === undefined) kept.push(entry);
      else this.#hand(seat, entry);
    }
    for (const entry of kept) this.#orphans.push(entry);
  }

  #hand(seat: Seat, entry: Entry): void {
    entry.parkedBy = undefined;
    let held = this.#pending.get(seat.member);
    if (held === undefined) {
      held = new Map();
      this.#pending.set(seat.member, held);
    }
    held.set(entry.id, entry);
    seat.room -= 1;
    seat.claims.push(claimOf(this.name, entry));
  }
}
