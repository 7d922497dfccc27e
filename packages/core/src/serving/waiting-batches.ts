/** Claimed frames of which something has not started, first come first served. */
import type { Batch } from './batch.ts';

/** Where claimed frames wait for places. */
export interface Waiting {
  /** What has waited longest. */
  readonly first: Batch | undefined;
  /** Envelopes that have not started; of a suspect frame only the one that may be next. */
  readonly envelopes: number;
  /** Which envelope of the batch that `next` answered. */
  readonly index: number;
  add(batch: Batch): void;
  /** The batch whose envelope `index` is next to start; a suspect one leaves with it. */
  next(): Batch | undefined;
  /** It was handed back before all of it had started. */
  forget(batch: Batch): void;
  clear(): void;
  /** Those of which nothing runs. */
  untouched(): Iterable<Batch>;
}

/** As the dispatcher sees it. */
export type WaitingLine = Omit<Waiting, 'untouched'>;

export class WaitingBatches implements Waiting {
  #line: Batch[] = [];
  envelopes = 0;
  index = -1;

  get first(): Batch | undefined {
    return this.#line[0];
  }

  add(batch: Batch): void {
    this.#line.push(batch);
    this.envelopes += batch.suspect ? 1 : batch.remaining;
  }

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

  untouched(): Batch[] {
    return this.#line.filter(({ running }) => running === 0);
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
