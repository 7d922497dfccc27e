/** State by key in this node's memory, as last committed: only while the node owns the keys' partitions, and not for long. */

/** Keys of one actor. */
const MAX_KEYS = 10_000;
/** Their states together, bytes. */
const MAX_BYTES: number = 32 * 1024 * 1024;

interface Kept {
  readonly partition: number;
  readonly bytes: Uint8Array | undefined;
  usedAt: number;
}

export class States {
  /** The one used last stands last. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  get size(): number {
    return this.#kept.size;
  }

  get(key: string, now: number): { readonly bytes: Uint8Array | undefined } | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    kept.usedAt = now;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept;
  }

  put(partition: number, key: string, bytes: Uint8Array | undefined, now: number): void {
    this.drop(key);
    this.#kept.set(key, { partition, bytes, usedAt: now });
    this.#bytes += bytes?.byteLength ?? 0;
    for (const [oldest] of this.#kept) {
      if (this.#kept.size <= MAX_KEYS && this.#bytes <= MAX_BYTES) break;
      this.drop(oldest);
    }
  }

  drop(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes?.byteLength ?? 0;
  }

  /** The partition is this node's no more. */
  dropPartition(partition: number): void {
    for (const [key, kept] of this.#kept) if (kept.partition === partition) this.drop(key);
  }

  /** Drops what was not used since. */
  dropIdle(before: number): void {
    for (const [key, { usedAt }] of this.#kept) {
      if (usedAt >= before) break;
      this.drop(key);
    }
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }
}
