/** Every schedule there is, as this node knows it; kept up by the news. */
import { z } from 'zod';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { NewsItem } from '../ports/membership.ts';
import type { Records, SharedRecord } from '../ports/records.ts';
import type { NewsReader } from '../registry/registry.ts';
import { definitionSchema, PROGRESS, progressSchema, SCHEDULE, type Progress } from './definition.ts';
import { Entry, type DefinitionHeld } from './entry.ts';
import { Mirror } from './mirror.ts';
import { MAX_SCHEDULES, NAME } from './options.ts';

/** More than may be put: several nodes may put at the same time. */
const MAX_HELD = 2 * MAX_SCHEDULES;

export type Family = typeof SCHEDULE | typeof PROGRESS;

export interface BookNeeds {
  readonly records: Records;
  readonly log: Log;
  /** A schedule has come, changed, come further, or gone. */
  readonly changed: (name: string) => void;
  /** Somebody has removed it: it is not just lost. */
  readonly removed: (name: string) => void;
}

export class Book implements NewsReader {
  readonly #needs: BookNeeds;
  readonly #definitions: Mirror<DefinitionHeld>;
  readonly #progress: Mirror<Progress>;
  /** Made of both. */
  readonly #entries = new Map<string, Entry>();

  constructor(needs: BookNeeds) {
    const changed = (name: string): void => this.#renew(name);
    const crowded = (name: string): void => this.#invalid(name, 'there are too many');
    const shared = { changed, crowded, most: MAX_HELD };
    this.#needs = needs;
    this.#definitions = new Mirror({
      ...shared,
      read: (record) => this.#readDefinition(record),
      removed: (name) => needs.removed(name),
    });
    this.#progress = new Mirror({
      ...shared,
      read: (record) => this.#readProgress(record),
      removed: () => undefined,
    });
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

  /** What a change of the record has to expect; 0: there is none. */
  revision(family: Family, name: string): number {
    return this.#mirror(family).revision(name);
  }

  apply({ kind, body }: NewsItem): void {
    if (kind !== SCHEDULE && kind !== PROGRESS) return;
    const record = recordSchema.safeParse(body);
    if (record.success) this.#mirror(kind).take(record.data);
    else this.#invalid('', 'it is no record');
  }

  async resync(): Promise<void> {
    const { records } = this.#needs;
    await Promise.all([
      this.#progress.resync(() => records.all(PROGRESS)),
      this.#definitions.resync(() => records.all(SCHEDULE)),
    ]);
  }

  /** It was written here. */
  wrote(family: Family, record: SharedRecord): void {
    this.#mirror(family).take(record);
  }

  /** It is not there any more: its lifetime is over. */
  forget(family: Family, name: string): void {
    this.#mirror(family).forget(name);
  }

  #mirror(family: Family): Mirror<DefinitionHeld> | Mirror<Progress> {
    return family === SCHEDULE ? this.#definitions : this.#progress;
  }

  #renew(name: string): void {
    const held = this.#definitions.get(name)?.value;
    if (held === undefined) this.#entries.delete(name);
    else this.#entries.set(name, new Entry(name, held, this.#progress.get(name)?.value));
    this.#needs.changed(name);
  }

  #readDefinition({ name, revision, body, by, at, until }: SharedRecord): DefinitionHeld | undefined {
    if (!NAME.test(name)) return this.#invalid('', 'its name is none');
    const definition = definitionSchema.safeParse(body);
    if (!definition.success) return this.#invalid(name, messageOf(definition.error));
    return { definition: definition.data, revision, by, at, until };
  }

  #readProgress({ name, body }: SharedRecord): Progress | undefined {
    const progress = progressSchema.safeParse(body);
    return progress.success ? progress.data : this.#invalid(name, `its progress: ${messageOf(progress.error)}`);
  }

  #invalid(schedule: string, reason: string): undefined {
    const facts = { evt: 'schedule_invalid', schedule: schedule.slice(0, 128), reason: reason.slice(0, 256) };
    this.#needs.log.error(facts, 'a record of a schedule is left alone: it cannot be used');
  }
}

const recordSchema = z.object({
  name: z.string().max(1_024),
  revision: z.number().int().min(0),
  body: z.unknown().optional(),
  until: z.number().exactOptional(),
  at: z.number(),
  by: z.string().max(1_024),
});
