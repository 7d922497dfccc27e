/** What a family of shared records holds, kept up by the news and made good by reading everything. */
import type { SharedRecord } from '../ports/records.ts';

export interface Mirrored<Value> {
  readonly revision: number;
  /** Undefined: it cannot be read. */
  readonly value: Value | undefined;
}

export interface MirrorNeeds<Value> {
  /** Undefined: it is none. Must not throw. */
  read(record: SharedRecord): Value | undefined;
  changed(name: string): void;
  /** Somebody has removed it: it has neither ended nor been lost. */
  removed(name: string): void;
  /** Records held at most. */
  readonly most: number;
  crowded(name: string): void;
}

/**
 * Removals that are remembered: answers and news come by different ways, so that what is older than a removal may come
 * after it. Of more, the oldest is forgotten.
 */
const MOST_REMOVED = 1_000;

export class Mirror<Value> {
  readonly #needs: MirrorNeeds<Value>;
  readonly #held = new Map<string, Mirrored<Value>>();
  /** Name → revision of its removal, of what is not held. */
  readonly #removed = new Map<string, number>();

  constructor(needs: MirrorNeeds<Value>) {
    this.#needs = needs;
  }

  get(name: string): Mirrored<Value> | undefined {
    return this.#held.get(name);
  }

  /** What a change of it has to expect. */
  revision(name: string): number {
    return this.#held.get(name)?.revision ?? 0;
  }

  /** It was told, or written here, or both in whatever order. */
  take(record: SharedRecord): void {
    const { name, revision, body } = record;
    const held = this.#held.get(name);
    if (revision <= (held?.revision ?? this.#removed.get(name) ?? 0)) return;
    if (body === undefined || body === null) return this.#remove(name, revision);
    if (held === undefined && this.#held.size >= this.#needs.most) return this.#needs.crowded(name);
    this.#removed.delete(name);
    this.#held.set(name, { revision, value: this.#needs.read(record) });
    this.#needs.changed(name);
  }

  /** Its lifetime is over. */
  forget(name: string): void {
    if (this.#held.delete(name)) this.#needs.changed(name);
  }

  /** Rejects as `read` does. */
  async resync(read: () => Promise<readonly SharedRecord[]>): Promise<void> {
    const held = new Map(this.#held);
    const removed = new Map(this.#removed);
    const records = await read();
    // What has changed meanwhile is newer than what was read. Of the rest, what was read counts, whatever its revision: a
    // backend may have lost its last words.
    const isUntouched = (name: string): boolean =>
      this.#held.get(name) === held.get(name) && this.#removed.get(name) === removed.get(name);
    for (const record of records) {
      const { name, revision } = record;
      if (isUntouched(name)) {
        if (held.get(name)?.revision !== revision) this.#held.delete(name);
        this.#removed.delete(name);
      }
      this.take(record);
    }
    const there = new Set(records.map(({ name }) => name));
    for (const name of held.keys()) if (!there.has(name) && isUntouched(name)) this.forget(name);
    for (const [name, revision] of removed) if (this.#removed.get(name) === revision) this.#removed.delete(name);
  }

  #remove(name: string, revision: number): void {
    this.#removed.delete(name);
    this.#removed.set(name, revision);
    const [oldest] = this.#removed.keys();
    if (this.#removed.size > MOST_REMOVED) this.#removed.delete(oldest!);
    this.#needs.removed(name);
    if (this.#held.delete(name)) this.#needs.changed(name);
  }
}
