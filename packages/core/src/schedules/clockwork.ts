/**
 * Makes ticks happen. Every node that is a member does: each waits a little longer than the one whose turn it is before
 * it, so that usually one works, and when that one is dead the next does. What becomes a message is decided by the broker
 * (once under one number), how far a schedule has come by compare-and-set; so any of them may die at any moment.
 */
import { exponential } from '../ground/backoff.ts';
import type { Timers } from '../ground/clock.ts';
import { asHomeostatError, type HomeostatError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Broker } from '../ports/broker.ts';
import type { Book } from './book.ts';
import { SCHEDULE } from './definition.ts';
import type { Entry } from './entry.ts';
import { advanced, judge, tallyOf, type Outcome } from './judge.ts';
import type { Keeping } from './keeping.ts';
import type { Posting } from './posting.ts';

/** How much longer each next node waits, ms. */
const STAGGER_MS = 100;
const MAX_STAGGER_MS = 5_000;
/** Wait after a failure, ms; doubles each time. */
const AGAIN_MS = 100;
const MAX_AGAIN_MS = 5_000;
/** A clock may be set, and a machine may sleep: it is looked at this often at least, ms. */
const MAX_WAIT_MS = 10_000;
/** Between two looks at all schedules, ms; what falls due in between is late by so much at most. */
const MIN_WAIT_MS = 5;
/** Schedules that are looked into in one go, and ticks under way at once. */
const MAX_LOOKED_INTO = 64;
const MAX_UNDER_WAY = 64;
/** Failures in a row from which on people are told. */
const WORTH_TELLING = 3;
/** Conflicts in a row after which everything is read anew. */
const STALE_AFTER = 2;

export interface ClockworkNeeds {
  readonly broker: Pick<Broker, 'depth'>;
  readonly book: Book;
  readonly posting: Posting;
  readonly keeping: Keeping;
  readonly timers: Timers;
  readonly log: Log;
  /** Of this node, now. */
  isMember(): boolean;
  /** How many living nodes are before this one when it comes to the text. */
  rank(text: string): number;
  isServed(mailbox: string): boolean;
}

interface Turn {
  /** Backend time at which to look into it, ms. */
  at: number;
  isBusy: boolean;
  failures: number;
}

export class Clockwork {
  readonly #needs: ClockworkNeeds;
  readonly #turns = new Map<string, Turn>();
  #cancel: (() => void) | undefined;
  /** Backend time at which the timer rings, ms. */
  #armedAt = Infinity;
  #underWay = 0;
  #closed = false;

  constructor(needs: ClockworkNeeds) {
    this.#needs = needs;
  }

  /** Something about a schedule has changed. */
  changed(name: string): void {
    if (this.#needs.book.get(name) === undefined) {
      this.#turns.delete(name);
      return;
    }
    const turn = this.#turns.get(name);
    if (turn === undefined) this.#turns.set(name, { at: 0, isBusy: false, failures: 0 });
    else turn.at = 0;
    this.#arm(0);
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#turns.clear();
  }

  /** @param at backend time, ms. */
  #arm(at: number): void {
    const { timers } = this.#needs;
    const now = timers.clock.now();
    const ringsAt = Math.min(Math.max(at, now + MIN_WAIT_MS), now + MAX_WAIT_MS);
    if (this.#closed || ringsAt >= this.#armedAt) return;
    this.#cancel?.();
    this.#armedAt = ringsAt;
    this.#cancel = timers.setTimer(Math.ceil(ringsAt - now), () => {
      this.#armedAt = Infinity;
      this.#look();
    });
  }

  #look(): void {
    if (this.#closed) return;
    const now = this.#needs.timers.clock.now();
    let soonest = Infinity;
    let lookedInto = 0;
    for (const [name, turn] of this.#turns) {
      if (turn.isBusy) continue;
      if (turn.at <= now && lookedInto < MAX_LOOKED_INTO && this.#underWay < MAX_UNDER_WAY) {
        lookedInto += 1;
        this.#lookInto(name, turn, now);
      }
      if (!turn.isBusy) soonest = Math.min(soonest, turn.at);
    }
    if (soonest < Infinity) this.#arm(soonest);
  }

  #lookInto(name: string, turn: Turn, now: number): void {
    const { book, rank, isMember } = this.#needs;
    const entry = book.get(name);
    if (entry === undefined) {
      this.#turns.delete(name);
      return;
    }
    const { definition, held, ticks, next } = entry;
    if (definition.ended !== undefined) return this.#outlive(name, turn, held.until ?? Infinity, now);
    if (next === undefined) return this.#start(name, turn, () => this.#end(entry));
    const verdict = judge(definition, ticks, next, now);
    if (verdict.kind === 'wait') {
      turn.at = verdict.until;
      return;
    }
    const turnAt = next + Math.min(MAX_STAGGER_MS, rank(`schedule ${name}`) * STAGGER_MS);
    if (turnAt > now) turn.at = turnAt;
    else if (!isMember()) turn.at = now + AGAIN_MS;
    else if (verdict.kind === 'miss') this.#start(name, turn, () => this.#advance(entry, verdict.tick, 'missed'));
    else this.#start(name, turn, () => this.#fire(entry, verdict.tick));
  }

  /** It has ended; when it is void it is forgotten. */
  #outlive(name: string, turn: Turn, until: number, now: number): void {
    if (until <= now) this.#needs.book.forget(SCHEDULE, name);
    else turn.at = until;
  }

  #start(name: string, turn: Turn, act: () => Promise<void>): void {
    turn.isBusy = true;
    turn.at = Infinity;
    this.#underWay += 1;
    void act()
      .then(
        () => (turn.failures = 0),
        (thrown: unknown) => this.#failed(name, turn, asHomeostatError(thrown)),
      )
      .finally(() => {
        turn.isBusy = false;
        this.#underWay -= 1;
        this.#arm(turn.at);
      });
  }

  #failed(name: string, turn: Turn, error: HomeostatError): void {
    const { book, log, timers } = this.#needs;
    turn.failures += 1;
    turn.at = timers.clock.now() + exponential(turn.failures, AGAIN_MS, MAX_AGAIN_MS);
    // The news of who was first have not come, twice.
    if (error.code === 'REVISION_CONFLICT' && turn.failures === STALE_AFTER) book.resync().catch(() => undefined);
    const facts = { evt: 'schedule_late', schedule: name, code: error.code, reason: error.message };
    if (turn.failures === WORTH_TELLING) log.warn(facts, 'a tick could not be carried out; it is tried again');
    else log.debug(facts, 'a tick could not be carried out; it is tried again');
  }

  async #fire(entry: Entry, tick: number): Promise<void> {
    const { posting, timers, isServed } = this.#needs;
    const { name, definition } = entry;
    const { limit, mailbox } = definition;
    const unserved = !isServed(mailbox);
    if (await this.#isHeldUp(entry, unserved)) return this.#advance(entry, tick, 'skipped');
    const tally = tallyOf(definition, entry.progress);
    // By the tick none of them is lost; where they are counted, by the count: a crash must not let one more through.
    const number = limit === undefined ? tick : (tally?.runs ?? 0) + (tally?.skipped ?? 0) + 1;
    await posting.post({ name, definition, tick, number, now: timers.clock.now() });
    await this.#advance(entry, tick, 'ran', unserved);
  }

  /**
   * What waits or runs keeps a tick from becoming a message. It may be the very message of this tick, by somebody who has
   * not written that down: then the tick is counted as skipped, and no other message comes of it either.
   */
  async #isHeldUp({ definition, progress }: Entry, unserved: boolean): Promise<boolean> {
    const { overlap, mailbox } = definition;
    const isWaiting = unserved && progress?.unserved === true;
    if (overlap === 'allow' && !isWaiting) return false;
    return (await this.#needs.broker.depth(mailbox)).messages > 0;
  }

  async #advance(entry: Entry, tick: number, outcome: Outcome, unserved?: boolean): Promise<void> {
    const { keeping } = this.#needs;
    const { definition, progress } = entry;
    const tally = advanced(tallyOf(definition, progress), tick, outcome);
    await keeping.advance(entry, { ...tally, ...((unserved ?? progress?.unserved) ? { unserved: true } : undefined) });
  }

  /** By what it says it has no further tick, and nobody has written that down. */
  async #end(entry: Entry): Promise<void> {
    await this.#needs.keeping.end(entry, tallyOf(entry.definition, entry.progress));
  }
}
