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
    const { name, definition, ticks } = entry;
    // It has been cancelled, or is another one: nobody would take away what is written now.
    if (book.get(name)?.definition.id !== definition.id) return;
    const next = nextTick(definition, ticks, tally);
    if (next === undefined) return this.end(entry, tally);
    const body: Progress = { ...tally, id: definition.id };
    const ttlMs = Math.max(0, Math.ceil(next - clock.now())) + PROGRESS_MS;
    const expected = book.revision(PROGRESS, name);
    const result = await records.change({ family: PROGRESS, name, body, expected, ttlMs, by });
    if (result.kind === 'changed') return book.wrote(PROGRESS, result.record);
    if (result.revision === 0) book.forget(PROGRESS, name);
    else await this.#readAgain(entry);
  }

  /** There is no further tick. @throws as `advance` does. */
  async end(entry: Entry, tally: Tally | undefined): Promise<void> {
    // What was to happen once, some time after it was put, is a new one when it is put again.
    if ('delayMs' in entry.definition.when) {
      if (!(await this.remove(entry.name, entry.held.revision))) await this.#readAgain(entry);
      return;
    }
    const { at, runs, skipped } = tally ?? { at: entry.definition.from, runs: 0, skipped: 0 };
    const ended = { ...entry.definition, ended: { at, runs, skipped } };
    const written = await this.write(entry.name, ended, entry.held.revision);
    if (written === undefined) await this.#readAgain(entry);
    else await this.#dropProgress(entry.name);
  }

  /** Puts a definition in the place of what is expected there. Undefined: there is something else. */
  async write(name: string, definition: Definition, expected: number): Promise<SharedRecord | undefined> {
    const { records, book, by } = this.#needs;
    const ttlMs = definition.ended === undefined ? undefined : ENDED_MS;
    const result = await records.change({ family: SCHEDULE, name, body: definition, expected, ttlMs, by });
    if (result.kind === 'conflict') return undefined;
    book.wrote(SCHEDULE, result.record);
    return result.record;
  }

  /** Whatever stands there at this revision. False: there is something else. */
  async remove(name: string, expected: number, by: string = this.#needs.by): Promise<boolean> {
    const { records, book } = this.#needs;
    const result = await records.change({ family: SCHEDULE, name, body: undefined, expected, by });
    if (result.kind === 'conflict') return false;
    book.wrote(SCHEDULE, result.record);
    await this.#dropProgress(name);
    return true;
  }

  /** Nobody reads it any more; where this fails its lifetime ends it. */
  async #dropProgress(name: string): Promise<void> {
    const { records, book, by } = this.#needs;
    if (book.revision(PROGRESS, name) === 0) return;
    // Whatever stands there: somebody may be writing down a tick.
    const change = { family: PROGRESS, name, body: undefined, by };
    const result = await records.change(change).catch(() => undefined);
    if (result?.kind === 'changed') book.wrote(PROGRESS, result.record);
  }

  /** Most often the news of what somebody else has done are on their way; once they have come, the entry is another one. */
  async #readAgain(entry: Entry): Promise<void> {
    const { book } = this.#needs;
    await new Promise((resolve) => setImmediate(resolve));
    const { name, held } = entry;
    if (book.get(name) === entry) throw new RevisionConflict(`schedule ${name}`, held.revision, held.revision);
  }
}
