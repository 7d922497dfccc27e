/** Claimed frames of which something has not started: those whose message it is take turns, one message each. */
import type { Batch } from './batch.ts';
import { WaitingBatches, type Waiting } from './waiting-batches.ts';

interface Item {
  readonly batch: Batch;
  readonly index: number;
}

/** Whose message it is. */
export type Party = (batch: Batch, index: number) => string;

export class FairBatches implements Waiting {
  readonly #partyOf: Party;
  /** In the order of their turns; none is empty. */
  readonly #turns = new Map<string, Item[]>();
  /** In the order in which they came → how many of their envelopes wait. */
  readonly #batches = new Map<Batch, number>();
  /** Frames that killed nodes run one envelope at a time, whosever it is. */
  readonly #suspects = new WaitingBatches();
  #envelopes = 0;
  index = -1;

  constructor(partyOf: Party) {
    this.#partyOf = partyOf;
  }

  get envelopes(): number {
    return this.#envelopes + this.#suspects.envelopes;
  }

  get first(): Batch | undefined {
    const [first] = this.#batches.keys();
    return first ?? this.#suspects.first;
  }

  add(batch: Batch): void {
    if (batch.suspect) {
      this.#suspects.add(batch);
      return;
    }
    let added = 0;
    for (let index = 0; index < batch.claim.count; index += 1) {
      if (!batch.isTodo(index)) continue;
      const party = this.#partyOf(batch, index);
      const items = this.#turns.get(party);
      if (items === undefined) this.#turns.set(party, [{ batch, index }]);
      else items.push({ batch, index });
      added += 1;
    }
    if (added > 0) this.#batches.set(batch, added);
    this.#envelopes += added;
  }

  next(): Batch | undefined {
    const suspect = this.#suspects.next();
    if (suspect !== undefined) {
      this.index = this.#suspects.index;
      return suspect;
    }
    for (const [party, items] of this.#turns) {
      const item = items.shift();
      this.#turns.delete(party);
      if (item === undefined) continue;
      if (items.length > 0) this.#turns.set(party, items);
      this.#envelopes -= 1;
      this.#leaves(item.batch);
      this.index = item.index;
      return item.batch;
    }
    return undefined;
  }

  forget(batch: Batch): void {
    if (batch.suspect) {
      this.#suspects.forget(batch);
      return;
    }
    if (!this.#batches.delete(batch)) return;
    for (const [party, items] of [...this.#turns]) {
      const kept = items.filter((item) => item.batch !== batch);
      this.#envelopes -= items.length - kept.length;
      if (kept.length === 0) this.#turns.delete(party);
      else if (kept.length < items.length) this.#turns.set(party, kept);
    }
  }

  clear(): void {
    this.#turns.clear();
    this.#batches.clear();
    this.#suspects.clear();
    this.#envelopes = 0;
  }

  untouched(): Batch[] {
    return [...this.#batches.keys()].filter(({ running }) => running === 0);
  }

  #leaves(batch: Batch): void {
    const left = (this.#batches.get(batch) ?? 1) - 1;
    if (left === 0) this.#batches.delete(batch);
    else this.#batches.set(batch, left);
  }
}
