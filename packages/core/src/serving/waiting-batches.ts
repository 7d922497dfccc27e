/** Claimed frames of which something has not started, first come first served. */
import type { Batch } from './batch.ts';

/** Frames of which something has not started: who is next. */
export interface WaitingLine {
  readonly first: Batch | undefined;
  /** Envelopes that could start now if there were places. */
  readonly envelopes: number;
  /** Which envelope of the batch that `next` answered. */
  readonly index: number;
  add(batch: Batch): void;
  next(): Batch | undefined;
  forget(batch: Batch): void;
  clear(): void;
}

export class WaitingBatches implements WaitingLine {
  #line: Batch[] = [];
  /** Envelopes that have not started; of a suspect frame only the one that may be next. */
  envelopes = 0;
  /** Which envelope of the batch that `next` answered. */
  index = -1;

  get first(): Batch | undefined {
    return this.#line[0];
  }

  add(batch: Batch): void {
    this.#line.push(batch);
    this.envelopes += batch.suspect ? 1 : batch.remaining;
  }

  /** The batch whose envelope `index` is next to start; a suspect one leaves the line with it. */
  next(): Batch | undefined {
    for (let batch = this.#line[0]; batch !== undefined; batch = this.#line[0]) {
      const index = nextTodo(batch);
      if (index === undefined || batch.suspect) this.#line.shift();
      if (index === undefined) continue;
      this.envelopes -= 1;
      this.index = index;
      return batch;
    }
    return undefined;
  }

  /** It was handed back before all of it had started. */
  forget(batch: Batch): void {
    const place = this.#line.indexOf(batch);
    if (place < 0) return;
    this.#line.splice(place, 1);
    this.envelopes -= batch.suspect ? 1 : batch.remaining;
  }

  clear(): void {
    this.#line = [];
    this.envelopes = 0;
  }
}

function nextTodo(batch: Batch): number | undefined {
  while (batch.cursor < batch.claim.count) {
    const index = batch.cursor;
    batch.cursor += 1;
    if (batch.isTodo(index)) return index;
  }
  return undefined;
}
