/**
 * Who starts next of a keyed actor: keys take turns, over all partitions; what came by the whole mailbox goes first. A key
 * waits while a handler of it still runs, though its message has ended.
 */
import { Queue } from '../ground/queue.ts';
import type { Batch } from '../serving/batch.ts';
import { WaitingBatches, type WaitingLine } from '../serving/waiting-batches.ts';
import { KeyedBatch } from './keyed-batch.ts';
import type { KeyQueue, Line, Place } from './line.ts';

interface Ready {
  readonly line: Line<KeyedBatch>;
  readonly queue: KeyQueue<KeyedBatch>;
}

export interface KeyedWaitingNeeds {
  /** A handler of the key still runs. */
  isTaken(key: string): boolean;
  /** A message has to wait for such a handler; told once for each. */
  waits(batch: KeyedBatch, index: number): void;
}

export class KeyedWaiting implements WaitingLine {
  index = -1;
  readonly #needs: KeyedWaitingNeeds;
  readonly #others = new WaitingBatches();
  #ready = new Queue<Ready>();
  /** Keys whose first message belongs to an entry that runs one at a time, by that entry. */
  readonly #behind = new Map<KeyedBatch, Ready[]>();
  /** Those whose handler still runs. */
  readonly #taken = new Map<string, Ready>();

  constructor(needs: KeyedWaitingNeeds) {
    this.#needs = needs;
  }

  get first(): Batch | undefined {
    return this.#others.first ?? this.#ready.peek()?.queue.head?.entry;
  }

  get envelopes(): number {
    return this.#others.envelopes + this.#ready.size;
  }

  offer(line: Line<KeyedBatch>, queue: KeyQueue<KeyedBatch>): void {
    this.#ready.push({ line, queue });
  }

  /** A handler of the key has returned. Answers whether anything has waited for that. */
  free(key: string): boolean {
    const waited = this.#taken.get(key);
    if (waited === undefined) return false;
    this.#taken.delete(key);
    waited.line.offer(waited.queue);
    return true;
  }

  /** What came by the whole mailbox waits; of an entry of a partition the next message may run. */
  add(batch: Batch): void {
    if (!(batch instanceof KeyedBatch)) {
      this.#others.add(batch);
      return;
    }
    for (const ready of this.#behind.get(batch) ?? []) this.#ready.push(ready);
    this.#behind.delete(batch);
  }

  next(): Batch | undefined {
    const other = this.#others.next();
    if (other !== undefined) {
      this.index = this.#others.index;
      return other;
    }
    for (let ready = this.#ready.shift(); ready !== undefined; ready = this.#ready.shift()) {
      const { line, queue } = ready;
      const { head } = queue;
      // It may have been dropped since.
      if (!queue.ready || head === undefined || head.entry.dropped) continue;
      // What has not started runs at the next owner.
      if (head.entry.partition.retiring) {
        line.passOver(queue);
        continue;
      }
      if (head.entry.appliedAnswer(head.index) !== undefined) {
        line.started(queue);
        head.entry.partition.finish(head.entry, head.index);
        continue;
      }
      if (this.#needs.isTaken(queue.key)) {
        this.#wait(ready, head);
        continue;
      }
      if (head.entry.suspect && head.entry.running > 0) {
        const behind = this.#behind.get(head.entry);
        if (behind === undefined) this.#behind.set(head.entry, [ready]);
        else behind.push(ready);
        continue;
      }
      line.started(queue);
      this.index = head.index;
      return head.entry;
    }
    return undefined;
  }

  forget(batch: Batch): void {
    if (!(batch instanceof KeyedBatch)) {
      this.#others.forget(batch);
      return;
    }
    this.add(batch);
    batch.partition.forget(batch);
  }

  clear(): void {
    this.#others.clear();
    this.#ready = new Queue();
    this.#behind.clear();
    this.#taken.clear();
  }

  #wait(ready: Ready, { entry, index }: Place<KeyedBatch>): void {
    const { line, queue } = ready;
    line.passOver(queue);
    if (!this.#taken.has(queue.key)) this.#needs.waits(entry, index);
    this.#taken.set(queue.key, ready);
  }
}
