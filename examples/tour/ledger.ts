import { actor, type Actor } from 'homeostat';
import { ledger } from './contracts.ts';
import type { UserRecord } from './seed.ts';

/** What the ledger actor writes down. */
export class Ledger {
  /** Changes that are finished, each once, and by whom. */
  readonly finished = new Map<number, number>();
  /** Ids of users whose creation is finished, in that order. */
  readonly created: number[] = [];
  /** Changes that were begun more than once: delivered again. */
  readonly begunAgain = new Set<number>();
  /** Times that a change was reported finished which was finished already. */
  reportedAgain = 0;
  readonly #records = new Map<number, Partial<UserRecord>>();
  /** Changes begun and not finished, and who began them last. */
  readonly #open = new Map<number, number>();

  /** Changes that a process has begun and nobody has finished. */
  heldBy(pid: number): number[] {
    return [...this.#open].filter(([, by]) => by === pid).map(([op]) => op);
  }

  record(id: number): UserRecord {
    return { name: '', email: '', plan: '', ...this.#records.get(id) };
  }

  begin(op: number, by: number): void {
    if (this.#open.has(op) || this.finished.has(op)) this.begunAgain.add(op);
    if (!this.finished.has(op)) this.#open.set(op, by);
  }

  finish(op: number, by: number, id: number, change: Partial<UserRecord>): void {
    if (this.finished.has(op)) {
      this.reportedAgain += 1;
      return;
    }
    this.finished.set(op, by);
    this.#open.delete(op);
    this.#records.set(id, { ...this.#records.get(id), ...change });
    if (change.email !== undefined) this.created.push(id);
  }
}

/** The actor in front of it. */
export function ledgerActor(books: Ledger): Actor<typeof ledger.methods> {
  return actor(
    ledger,
    {
      begin: ({ op, by }) => books.begin(op, by),
      finish: ({ op, by, id, change }) => books.finish(op, by, id, definedOnly(change)),
      read: ({ id }) => books.record(id),
    },
    { concurrency: 256 },
  );
}

function definedOnly(change: { [Field in keyof UserRecord]?: string | undefined }): Partial<UserRecord> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
