import type { StateAnswer, StateChange, StateOperation, StateResult, StoredEntry } from '../../ports/state.ts';

interface Kept extends StoredEntry {
  /** What it was set with, ms; Infinity: it does not end. */
  readonly ttlMs: number;
  until: number;
}

/** Entries looked at with each set: those that are over go, though nobody asks for them again. */
const LOOKED_OVER = 2;

/** The entries of one space. All times are backend time, ms. */
export class StateSpace {
  readonly #entries = new Map<string, Kept>();
  #round: Iterator<[string, Kept]> = this.#entries.entries();
  #lastRevision = 0;

  each(operations: readonly StateOperation[], now: number): StateAnswer[] {
    return operations.map((operation) => this.#carryOut(operation, now));
  }

  all(changes: readonly StateChange[], now: number): StateResult {
    for (const [index, change] of changes.entries()) {
      if (change.kind !== 'check') continue;
      const revision = this.#find(change.key, now)?.revision ?? 0;
      if (revision !== change.revision) return { kind: 'conflict', index, revision };
    }
    const answers = changes.map((change): StateAnswer => {
      return change.kind === 'check' ? { kind: 'done' } : this.#carryOut(change, now);
    });
    return { kind: 'done', answers };
  }

  #carryOut(operation: StateOperation, now: number): StateAnswer {
    const entry = this.#find(operation.key, now);
    if (operation.kind === 'set') return this.#set(operation, entry, now);
    if (entry === undefined) return { kind: 'none' };
    switch (operation.kind) {
      case 'get':
        if (operation.renew) entry.until = now + entry.ttlMs;
        return answerOf(entry);
      case 'delete':
        this.#entries.delete(operation.key);
        return { kind: 'done' };
      case 'ttl':
        return { kind: 'lives', ms: Math.ceil(entry.until - now) };
      case 'touch':
        entry.until = now + (operation.ttlMs ?? entry.ttlMs);
        return { kind: 'done' };
    }
  }

  #set(
    { key, body, ttlMs = Infinity, when }: Extract<StateOperation, { kind: 'set' }>,
    before: Kept | undefined,
    now: number,
  ): StateAnswer {
    if (when === 'absent' && before !== undefined) return { kind: 'refused' };
    if (when === 'present' && before === undefined) return { kind: 'refused' };
    if (typeof when === 'object' && when.revision !== (before?.revision ?? 0))
      return before === undefined ? { kind: 'none' } : answerOf(before);
    // Microseconds, or one more than the last: it grows though the clock may not.
    this.#lastRevision = Math.max(this.#lastRevision + 1, Math.floor(now * 1_000));
    const revision = this.#lastRevision;
    this.#entries.set(key, { revision, body: new Uint8Array(body), ttlMs, until: now + ttlMs });
    this.#lookOver(now);
    return { kind: 'written', revision };
  }

  #find(key: string, now: number): Kept | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.until > now) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  #lookOver(now: number): void {
    for (let looked = 0; looked < LOOKED_OVER; looked += 1) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = this.#entries.entries();
        return;
      }
      const [key, { until }] = next.value;
      if (until <= now) this.#entries.delete(key);
    }
  }
}

/** The bytes are the reader's own. */
function answerOf({ revision, body }: Kept): StateAnswer {
  return { kind: 'entry', entry: { revision, body: new Uint8Array(body) } };
}
