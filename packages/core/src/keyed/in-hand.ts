/**
 * Entries of one partition in hand, and those of which the backend has not heard everything: until then they are as we know
 * them. That holds a little longer for what may have been read before: as long as a reading is on its way.
 */
import type { KeyedBatch } from './keyed-batch.ts';

export class InHand {
  readonly #entries = new Map<string, KeyedBatch>();
  /** Gone since the reading on its way began: ended, or handed back as they are here. */
  readonly #ended = new Set<string>();
  readonly #handedBack = new Map<string, KeyedBatch>();
  /** Entry → settlements and commits that the backend has not answered yet. */
  readonly #underWay = new Map<string, number>();
  /** Entry → who waits until nothing of it is under way. */
  readonly #quiet = new Map<string, (() => void)[]>();
  #waiting: (() => void)[] = [];

  /** The entry as far as more is known of it than the log says. */
  get(id: string): KeyedBatch | undefined {
    return this.#entries.get(id) ?? this.#handedBack.get(id);
  }

  /** It had come to its end, and the backend knew, before it was handed over. */
  hasEnded(id: string): boolean {
    return this.#ended.has(id);
  }

  /** The log is about to be read: what is gone by now will not come, or as the log has it. */
  reads(): void {
    this.#ended.clear();
    this.#handedBack.clear();
  }

  all(): KeyedBatch[] {
    return [...this.#entries.values()];
  }

  add(batch: KeyedBatch): void {
    this.#entries.set(batch.id, batch);
  }

  /** One settlement or commit more of an entry is under way. */
  departed(id: string): void {
    this.#underWay.set(id, (this.#underWay.get(id) ?? 0) + 1);
  }

  /** The backend has answered one. */
  arrived(id: string): void {
    const left = (this.#underWay.get(id) ?? 1) - 1;
    if (left > 0) this.#underWay.set(id, left);
    else {
      this.#underWay.delete(id);
      for (const resolve of this.#quiet.get(id) ?? []) resolve();
      this.#quiet.delete(id);
    }
    const batch = this.#entries.get(id);
    if (batch !== undefined) this.released(batch);
    else this.#look();
  }

  /** Nothing of the entry is in hand any more: it can be forgotten once nothing of it is under way. */
  released(batch: KeyedBatch): void {
    const isOver = batch.dropped || batch.remaining === 0;
    if (!isOver || this.#underWay.has(batch.id)) return;
    if (this.#entries.get(batch.id) === batch) {
      this.#entries.delete(batch.id);
      if (batch.remaining === 0) this.#ended.add(batch.id);
      else this.#handedBack.set(batch.id, batch);
    }
    this.#look();
  }

  /** Resolves when the backend has answered everything of an entry. */
  async quiet(id: string): Promise<void> {
    while (this.#underWay.has(id))
      await new Promise<void>((resolve) => this.#quiet.set(id, [...(this.#quiet.get(id) ?? []), resolve]));
  }

  /** Resolves when there is nothing. */
  async empty(): Promise<void> {
    while (this.#entries.size + this.#underWay.size > 0)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  clear(): void {
    this.#entries.clear();
    this.reads();
    this.#underWay.clear();
    for (const waiting of this.#quiet.values()) for (const resolve of waiting) resolve();
    this.#quiet.clear();
    this.#look();
  }

  #look(): void {
    if (this.#entries.size + this.#underWay.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
