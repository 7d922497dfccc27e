/**
 * A mailbox of several lines at one dispatcher: each line is claimed for by itself, all of them share the pool. What is
 * claimed waits by rank, and within a rank parties take turns where the contract asks for it.
 */
import type { Batch } from './batch.ts';
import { RANK, type Line, type Rank } from '../contract/lines.ts';
import type { Claim } from '../ports/broker.ts';
import { MAX_ENVELOPES } from '../wire/frame.ts';
import { LineIntake, type LineDesk } from './line-intake.ts';
import { FairBatches, type Party } from './fair-batches.ts';
import type { Places } from './places.ts';
import { RANKS, type Ranks } from './ranks.ts';
import { WaitingBatches, type Waiting } from './waiting-batches.ts';

/** What a dispatcher tells its lines. */
export interface LinesHost {
  readonly lines: readonly Line[];
  /** Between whom turns are taken; undefined: first come first served. */
  readonly partyOf: Party | undefined;
  /** Shared with calls in this process, which have no line. */
  readonly places: Places;
  /** It claims, and not too much is in hand. */
  mayClaim(): boolean;
  /** Smoothed time of its handlers, ms. */
  typicalMs(): number;
  take(claims: readonly Claim[], line: LineIntake): void;
}

/** Most frames asked for at once. */
const MOST_FRAMES = 64;
/** Work in hand that drains sooner than this need not keep the next frame from travelling, ms. */
const AHEAD_MS = 2;
/** Where all places are taken, spread lines bring a frame each only when it would start sooner than this, ms. */
const SOON_MS = 20;
/** What has not started for so long while all places are taken is for whoever has room, ms. */
export const OVERSTAYED_MS = 1_000;

export class Lines implements Omit<Waiting, 'untouched'>, LineDesk {
  readonly intakes: readonly LineIntake[];
  /** The one that brought something last stands last: the others are asked before it. */
  readonly #asked: LineIntake[];
  readonly #host: LinesHost;
  readonly #places: Places;
  readonly #ranks: Ranks;
  /** By rank. */
  readonly #waiting: readonly Waiting[];
  index = -1;

  constructor(host: LinesHost) {
    const { lines, partyOf, places } = host;
    this.#host = host;
    this.intakes = lines.map((line) => new LineIntake(line, this));
    this.#asked = [...this.intakes];
    this.#places = places;
    this.#ranks = places.ranks!;
    this.#waiting = RANKS.map(() => (partyOf === undefined ? new WaitingBatches() : new FairBatches(partyOf)));
  }

  get envelopes(): number {
    return this.#waiting.reduce((sum, { envelopes }) => sum + envelopes, 0);
  }

  get first(): Batch | undefined {
    let oldest: Batch | undefined;
    for (const { first } of this.#waiting)
      if (first !== undefined && (oldest === undefined || first.claimedAt < oldest.claimedAt)) oldest = first;
    return oldest;
  }

  add(batch: Batch): void {
    this.#counted(batch, (waiting) => waiting.add(batch));
  }

  forget(batch: Batch): void {
    this.#counted(batch, (waiting) => waiting.forget(batch));
  }

  clear(): void {
    for (const waiting of this.#waiting) waiting.clear();
    for (const intake of this.intakes) intake.waiting = 0;
  }

  /** The runtime's own messages need no place: they run no handler. */
  nextControl(): Batch | undefined {
    return this.#nextOf(RANK.control);
  }

  /** Of whichever rank has the next place. */
  next(): Batch | undefined {
    const rank = this.#ranks.next((one) => this.#waiting[one]!.envelopes, this.#places.capacity.atOnce);
    return rank === undefined ? undefined : this.#nextOf(rank);
  }

  /** Room may have returned to lines that had none. */
  wake(): void {
    for (const intake of this.#asked) intake.wake();
  }

  take(claims: readonly Claim[], intake: LineIntake): void {
    if (intake.spread && this.#asked.at(-1) !== intake) {
      this.#asked.splice(this.#asked.indexOf(intake), 1);
      this.#asked.push(intake);
    }
    this.#host.take(claims, intake);
  }

  async close(): Promise<void> {
    await Promise.all(this.intakes.map((intake) => intake.close()));
  }

  /**
   * Frames that a line may bring. One of several over which a rank is spread has at most one in hand, so that every party
   * can have its turn. Any other has as many as fit behind what is in hand of its rank and above; and one, when its rank
   * has been passed over for long enough.
   */
  roomOf(intake: LineIntake): number {
    if (!this.#host.mayClaim()) return 0;
    const { taken, capacity } = this.#places;
    const { rank, waiting, frameSize } = intake;
    if (rank === RANK.control) return waiting < MAX_ENVELOPES ? 1 : 0;
    let above = 0;
    for (let higher: number = RANK.high; higher < rank; higher += 1) above += this.#waiting[higher]!.envelopes;
    const own = this.#waiting[rank]!.envelopes;
    const before = above + own;
    const free = Math.min(capacity.available - taken, this.#ranks.free(rank, capacity.atOnce)) - before;
    if (own === 0 && free <= 0 && this.#ranks.isOverdue(rank)) return 1;
    if (intake.spread) {
      if (waiting > 0) return this.#drainMs(before) < AHEAD_MS && waiting <= MAX_ENVELOPES ? 1 : 0;
      return free > 0 || (above === 0 && this.#soonMs(own) < SOON_MS) ? 1 : 0;
    }
    const fitting = free > 0 ? Math.max(1, Math.floor(free / frameSize)) : 0;
    const ahead = waiting <= MAX_ENVELOPES && this.#drainMs(before + fitting * frameSize) < AHEAD_MS ? 1 : 0;
    return Math.min(MOST_FRAMES, fitting + ahead);
  }

  /** Frames of which nothing has started for long although every place is taken: others may have room. */
  overstayed(now: number): readonly Batch[] {
    if (this.#places.taken < this.#places.capacity.available) return [];
    const since = now - OVERSTAYED_MS;
    return this.#waiting.flatMap((waiting) => [...waiting.untouched()]).filter(({ claimedAt }) => claimedAt < since);
  }

  /** Until all that runs, and what stands before it, has ended. */
  #drainMs(before: number): number {
    return ((this.#places.taken + before) * this.#host.typicalMs()) / this.#places.capacity.available;
  }

  /** Until so many have found places. */
  #soonMs(before: number): number {
    return ((before + 1) * this.#host.typicalMs()) / this.#places.capacity.available;
  }

  #nextOf(rank: Rank): Batch | undefined {
    const waiting = this.#waiting[rank]!;
    const before = waiting.envelopes;
    const batch = waiting.next();
    if (batch === undefined) return undefined;
    batch.line!.waiting -= before - waiting.envelopes;
    this.index = waiting.index;
    return batch;
  }

  #counted(batch: Batch, change: (waiting: Waiting) => void): void {
    const intake = batch.line!;
    const waiting = this.#waiting[intake.rank]!;
    const before = waiting.envelopes;
    change(waiting);
    intake.waiting += waiting.envelopes - before;
  }
}
