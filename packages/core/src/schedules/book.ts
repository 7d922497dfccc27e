/** Every schedule there is, as this node knows it; kept up by the news. */
import { z } from 'zod';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { NewsItem } from '../ports/membership.ts';
import type { Records, SharedRecord } from '../ports/records.ts';
import type { NewsReader } from '../registry/registry.ts';
import { definitionSchema, PROGRESS, progressSchema, SCHEDULE } from './definition.ts';
import { Entry, type DefinitionHeld, type ProgressHeld } from './entry.ts';
import { MAX_SCHEDULES, NAME } from './options.ts';

/** More than may be put: several nodes may put at the same time. */
const MAX_HELD = 2 * MAX_SCHEDULES;

export interface BookNeeds {
  readonly records: Records;
  readonly log: Log;
  /** A schedule has come, changed, come further, or gone. */
  readonly changed: (name: string) => void;
}

export class Book implements NewsReader {
  readonly #needs: BookNeeds;
  readonly #entries = new Map<string, Entry>();
  /** Also of those whose definition has not come yet, or is gone. */
  readonly #progress = new Map<string, ProgressHeld>();
  /** Removed here: what is older may still come by the news. */
  readonly #removed = new Map<string, number>();

  constructor(needs: BookNeeds) {
    this.#needs = needs;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  all(): Iterable<Entry> {
    return this.#entries.values();
  }

  apply({ kind, body }: NewsItem): void {
    if (kind !== SCHEDULE && kind !== PROGRESS) return;
    const record = recordSchema.safeParse(body);
    if (!record.success) return this.#invalid('it is no record');
    this.take(kind, record.data, 'news');
  }

  async resync(): Promise<void> {
    const { records } = this.#needs;
    const known = [...this.#entries.values()];
    const knownProgress = [...this.#progress];
    const [definitions, progress] = await Promise.all([records.all(SCHEDULE), records.all(PROGRESS)]);
    for (const record of progress) this.take(PROGRESS, record, 'read');
    for (const record of definitions) this.take(SCHEDULE, record, 'read');
    // What came meanwhile stays.
    const there = namesOf(definitions);
    for (const { name, held } of known) {
      if (!there.has(name) && this.#entries.get(name)?.held.revision === held.revision) this.drop(name);
    }
    const come = namesOf(progress);
    for (const [name, { revision }] of knownProgress) {
      if (!come.has(name) && this.#progress.get(name)?.revision === revision) this.forgetProgress(name);
    }
  }

  /** Takes what was written, heard or read; what is older than what stands here is left alone. */
  take(family: typeof SCHEDULE | typeof PROGRESS, record: SharedRecord, source: 'own' | 'news' | 'read'): void {
    if (!NAME.test(record.name)) return this.#invalid('its name is none');
    if (family === PROGRESS) this.#takeProgress(record);
    else this.#takeDefinition(record, source);
  }

  /** It is not there any more: a lifetime is over. */
  forgetProgress(name: string): void {
    if (this.#progress.delete(name)) this.#renew(name);
  }

  /** It is void, or gone. */
  drop(name: string): void {
    if (this.#entries.delete(name)) this.#needs.changed(name);
  }

  #takeDefinition({ name, revision, body, by, at, until }: SharedRecord, source: 'own' | 'news' | 'read'): void {
    const removedAt = this.#removed.get(name) ?? 0;
    if (revision <= Math.max(removedAt, this.#entries.get(name)?.held.revision ?? 0)) {
      // News come in order: what is older than this has come before it.
      if (revision === removedAt && source === 'news') this.#removed.delete(name);
      return;
    }
    this.#removed.delete(name);
    if (body === undefined || body === null) {
      if (source === 'own') this.#removed.set(name, revision);
      return this.drop(name);
    }
    const definition = definitionSchema.safeParse(body);
    if (!definition.success) return this.#invalid(`${name}: ${messageOf(definition.error)}`);
    if (!this.#entries.has(name) && this.#entries.size >= MAX_HELD) return this.#invalid(`${name}: there are too many`);
    this.#put(name, { definition: definition.data, revision, by, at, until });
  }

  #takeProgress({ name, revision, body }: SharedRecord): void {
    if (revision <= (this.#progress.get(name)?.revision ?? 0)) return;
    if (body === undefined || body === null) return this.forgetProgress(name);
    const progress = progressSchema.safeParse(body);
    if (!progress.success) return this.#invalid(`${name}: its progress: ${messageOf(progress.error)}`);
    if (!this.#progress.has(name) && this.#progress.size >= MAX_HELD)
      return this.#invalid(`${name}: there are too many`);
    this.#progress.set(name, { progress: progress.data, revision });
    this.#renew(name);
  }

  #renew(name: string): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) this.#put(name, entry.held);
  }

  #put(name: string, held: DefinitionHeld): void {
    let entry: Entry;
    try {
      entry = new Entry(name, held, this.#progress.get(name));
    } catch (thrown) {
      return this.#invalid(`${name}: ${messageOf(thrown)}`);
    }
    this.#entries.set(name, entry);
    this.#needs.changed(name);
  }

  #invalid(reason: string): void {
    this.#needs.log.error({ evt: 'schedule_invalid', reason: reason.slice(0, 256) }, 'taken no note of');
  }
}

function namesOf(records: readonly SharedRecord[]): ReadonlySet<string> {
  return new Set(records.map(({ name }) => name));
}

const recordSchema = z.object({
  name: z.string().max(1_024),
  revision: z.number().int().min(0),
  body: z.unknown(),
  until: z.number().exactOptional(),
  at: z.number(),
  by: z.string().max(1_024),
});
