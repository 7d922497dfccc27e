/** Writes down schedules and how far they have come, each by compare-and-set. */
import type { Clock } from '../ground/clock.ts';
import { RevisionConflict } from '../ground/errors.ts';
import type { Records, SharedRecord } from '../ports/records.ts';
import type { Book } from './book.ts';
import { PROGRESS, SCHEDULE, type Definition, type Progress, type Tally } from './definition.ts';
import type { Entry } from './entry.ts';
import { nextTick } from './judge.ts';

/** What has ended is kept for so long, ms. */
const ENDED_MS = 3_600_000;
/** How far one has come is kept for so long after its next tick, whoever forgets to take it away, ms. */
const PROGRESS_MS: number = 30 * 86_400_000;

export interface KeepingNeeds {
  readonly records: Records;
  readonly book: Book;
  readonly clock: Clock;
  /** Who does this, for the history. */
  readonly by: string;
}

export class Keeping {
  readonly #needs: KeepingNeeds;

  constructor(needs: KeepingNeeds) {
    this.#needs = needs;
  }

  /** A tick is over. @throws RevisionConflict when somebody was first, and as the backend does. */
  async advance(entry: Entry, tally: Tally & { readonly unserved?: boolean }): Promise<void> {
    const { records, book, clock, by } = this.#needs;
    const { name, definition, ticks, stored } = entry;
    const next = nextTick(definition, ticks, tally);
    if (next === undefined) return this.end(entry, tally);
    const body: Progress = { ...tally, id: definition.id };
    const ttlMs = Math.max(0, Math.ceil(next - clock.now())) + PROGRESS_MS;
    const expected = stored?.revision ?? 0;
    const result = await records.change({ family: PROGRESS, name, body, expected, ttlMs, by });
    if (result.kind === 'changed') return book.take(PROGRESS, result.record, 'own');
    if (result.revision === 0) book.forgetProgress(name);
    else await this.#readAgain(entry);
  }

  /** There is no further tick. @throws as `advance` does. */
  async end(entry: Entry, tally: Tally | undefined): Promise<void> {
    // What was to happen once, some time after it was put, is a new one when it is put again.
    if ('delayMs' in entry.definition.when) {
      if (!(await this.remove(entry))) await this.#readAgain(entry);
      return;
    }
    const { at, runs, skipped } = tally ?? { at: entry.definition.from, runs: 0, skipped: 0 };
    const changed = await this.write(entry.name, { ...entry.definition, ended: { at, runs, skipped } }, entry);
    if (changed === undefined) await this.#readAgain(entry);
    else await this.#dropProgress(entry);
  }

  /** Puts a definition in the place of what is known of it. Undefined: somebody was first. */
  async write(name: string, definition: Definition, before: Entry | undefined): Promise<SharedRecord | undefined> {
    const { records, book, by } = this.#needs;
    const expected = before?.held.revision ?? 0;
    const ttlMs = definition.ended === undefined ? undefined : ENDED_MS;
    const result = await records.change({ family: SCHEDULE, name, body: definition, expected, ttlMs, by });
    if (result.kind === 'conflict') return undefined;
    book.take(SCHEDULE, result.record, 'own');
    return result.record;
  }

  /** False: somebody was first. */
  async remove(entry: Entry): Promise<boolean> {
    const { records, book, by } = this.#needs;
    const { name, held } = entry;
    const result = await records.change({ family: SCHEDULE, name, body: undefined, expected: held.revision, by });
    if (result.kind === 'conflict') return false;
    book.take(SCHEDULE, result.record, 'own');
    await this.#dropProgress(entry);
    return true;
  }

  /** Nobody reads it any more; where this fails its lifetime ends it. */
  async #dropProgress({ name, stored }: Entry): Promise<void> {
    if (stored === undefined) return;
    const { records, book, by } = this.#needs;
    const change = { family: PROGRESS, name, body: undefined, expected: stored.revision, by };
    const result = await records.change(change).catch(() => undefined);
    if (result?.kind === 'changed') book.take(PROGRESS, result.record, 'own');
  }

  /** Most often the news of what somebody else has done are on their way; if they were, the entry is another one by then. */
  async #readAgain({ name, held, stored }: Entry): Promise<void> {
    const { book } = this.#needs;
    await new Promise((resolve) => setImmediate(resolve));
    const known = book.get(name);
    if (known?.held.revision !== held.revision || known.stored?.revision !== stored?.revision) return;
    throw new RevisionConflict(`schedule ${name}`, held.revision, held.revision);
  }
}
