/** What a family of shared records holds, kept up by the news and made good by reading everything. */
import type { SharedRecord } from '../ports/records.ts';

export interface Mirrored<Value> {
  readonly revision: number;
  /** False: it was removed. */
  readonly stands: boolean;
  /** Undefined: it was removed, or cannot be read. */
  readonly value: Value | undefined;
}

export interface MirrorNeeds<Value> {
  /** Undefined: it is none. Must not throw. */
  read(record: SharedRecord): Value | undefined;
  changed(name: string): void;
  /** Records held at most. */
  readonly most: number;
  crowded(name: string): void;
}

export class Mirror<Value> {
  readonly #needs: MirrorNeeds<Value>;
  /** What was removed here stays until the news of that have come: what is older may still come before them. */
  readonly #held = new Map<string, Mirrored<Value>>();

  constructor(needs: MirrorNeeds<Value>) {
    this.#needs = needs;
  }

  get(name: string): Mirrored<Value> | undefined {
    return this.#held.get(name);
  }

  /** What a change of it has to expect. */
  revision(name: string): number {
    const held = this.#held.get(name);
    return held?.stands === true ? held.revision : 0;
  }

  /** @param source `own`: it was written here, and its news are still to come. */
  take(record: SharedRecord, source: 'own' | 'told'): void {
    const { name, revision, body } = record;
    const held = this.#held.get(name);
    const stands = body !== undefined && body !== null;
    if (revision > (held?.revision ?? 0)) {
      if (held === undefined && this.#held.size >= this.#needs.most) return this.#needs.crowded(name);
      this.#held.set(name, { revision, stands, value: stands ? this.#needs.read(record) : undefined });
      this.#needs.changed(name);
    }
    if (!stands && source === 'told' && this.#held.get(name)?.stands === false) this.#held.delete(name);
  }

  /** Its lifetime is over. */
  forget(name: string): void {
    if (this.#held.delete(name)) this.#needs.changed(name);
  }

  /** Rejects as `read` does. */
  async resync(read: () => Promise<readonly SharedRecord[]>): Promise<void> {
    const before = new Map(this.#held);
    const records = await read();
    const isUntouched = (name: string): boolean => this.#held.get(name) === before.get(name);
    for (const record of records) {
      const { name, revision } = record;
      // A backend may have lost its last words: what was read counts, whatever its revision.
      if (before.has(name) && isUntouched(name) && before.get(name)?.revision !== revision) this.#held.delete(name);
      this.take(record, 'told');
    }
    const there = new Set(records.map(({ name }) => name));
    for (const name of before.keys()) if (!there.has(name) && isUntouched(name)) this.forget(name);
  }
}
