/** An entry of a partition in its owner's hands. Its messages stay where they are until they end: they are tried again in place. */
import { Batch } from '../serving/batch.ts';
import type { Claim, HistoryItem } from '../ports/broker.ts';
import { withHistory } from '../serving/settlements.ts';
import { Kind } from '../wire/envelope.ts';
import type { Frame } from '../wire/frame.ts';
import type { Partition } from './partition.ts';

/** Not in hand: it stays in the log. */
const LEFT = 0;
/** In the line of its key: it waits, runs, or waits to be tried again. */
const KEPT = 1;
/** Its handler has ended; its answer or its commit is under way. */
const OVER = 2;

export class KeyedBatch extends Batch {
  readonly partition: Partition;
  /** Messages that are in hand. */
  held = 0;
  /** Its messages are being looked at, one after the other. */
  arriving = false;
  readonly #hold: Uint8Array;
  #spent: Map<number, number> | undefined;
  #history: string | undefined;
  #applied: Map<number, Uint8Array> | undefined;

  constructor(partition: Partition, claim: Claim, frame: Frame, claimedAt: number, suspect: boolean) {
    super(claim, frame, claimedAt, suspect);
    this.partition = partition;
    this.#hold = new Uint8Array(claim.count);
    this.#history = claim.history;
  }

  /** A sender counts its frames for each partition anew. */
  override messageId(index: number): string {
    return `${super.messageId(index)}#${this.partition.number}`;
  }

  override get history(): string | undefined {
    return this.#history;
  }

  /** Nobody has died of what stands behind a message: only marks count. */
  override spent(index: number): number {
    return this.#spent?.get(index) ?? this.claim.deliveries + (this.claim.charges?.get(index) ?? 0);
  }

  /** A delivery has failed and the message will be tried again; answers what the backend should know of that. */
  failed(
    index: number,
    deliveries: number,
    item: HistoryItem,
  ): { charges: ReadonlyMap<number, number>; history: string } {
    (this.#spent ??= new Map()).set(index, deliveries);
    this.#history = withHistory(this.#history, [item]);
    return { charges: new Map([[index, deliveries - this.claim.deliveries]]), history: this.#history };
  }

  /** A message comes back to its turn, for which it has paid: it shall not pay again. */
  cameBack(item: HistoryItem): void {
    this.#history = withHistory(this.#history, [item]);
  }

  /** The answer of a message that must not be run again: what it changes is written. */
  appliedAnswer(index: number): Uint8Array | undefined {
    return this.#applied?.get(index) ?? this.claim.applied?.get(index);
  }

  applied(index: number, answer: Uint8Array): void {
    (this.#applied ??= new Map()).set(index, answer);
  }

  /** What an earlier reading of the entry has ended has ended, whether or not the backend has heard of it. */
  inherit(earlier: KeyedBatch): void {
    for (let index = 0; index < this.claim.count; index += 1) if (!earlier.isTodo(index)) this.end(index);
    this.untold = 0;
    this.#spent = earlier.#spent;
    this.#history = earlier.#history;
    this.#applied = earlier.#applied;
  }

  get id(): string {
    return this.claim.id;
  }

  keyOf(index: number): string | undefined {
    return this.frame.envelopes[index]?.extras?.key;
  }

  isCast(index: number): boolean {
    return this.frame.envelopes[index]?.kind === Kind.cast;
  }

  isLeft(index: number): boolean {
    return this.#hold[index] === LEFT && this.isTodo(index);
  }

  isKept(index: number): boolean {
    return this.#hold[index] === KEPT;
  }

  keep(index: number): void {
    if (this.#hold[index] === LEFT) this.held += 1;
    this.#hold[index] = KEPT;
  }

  over(index: number): void {
    if (this.#hold[index] === LEFT) this.held += 1;
    this.#hold[index] = OVER;
  }

  /** It stays in the log, or has ended there. */
  leave(index: number): void {
    if (this.#hold[index] !== LEFT) this.held -= 1;
    this.#hold[index] = LEFT;
  }
}
