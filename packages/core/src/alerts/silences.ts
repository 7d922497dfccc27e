/** The silences of all nodes, each a shared record: so every node knows them by news, and who and when is in their history. */
import { customAlphabet } from 'nanoid';
import { z } from 'zod';
import type { Clock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import { parseOptions } from '../ground/parse-options.ts';
import { MAX_NOTE, MAX_WORD } from './bounds.ts';
import type { NewsItem } from '../ports/membership.ts';
import type { Records } from '../ports/records.ts';
import type { NewsReader } from '../registry/registry.ts';
import { silenceMatcherSchema, silenceSchema, type Silence, type SilenceMatcher } from './silence.ts';

/** The family of these records; the name of each is its id. */
export const SILENCE = 'silence';
const DEFAULT_HISTORY = 100;

/** By whom, why and for how long: `forMs` or `until` must be given. */
export interface SilenceOptions {
  readonly author: string;
  readonly reason: string;
  /** How long, ms. */
  readonly forMs?: number | undefined;
  /** Until when: backend time, ms since the epoch. */
  readonly until?: number | undefined;
  /** Covers also what is critical. Default false. */
  readonly force?: boolean | undefined;
}

/** What was done about silences. */
export interface SilenceChange {
  readonly id: string;
  readonly by: string;
  /** Backend time, ms. */
  readonly at: number;
  /** Undefined: it was taken away. */
  readonly silence: Silence | undefined;
}

export interface SilencesNeeds {
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Log;
  /** A silence ended before its time. */
  readonly ended: () => void;
}

const newId = customAlphabet('0123456789abcdefghijklmnopqrstuvwxyz', 12);

/** No silence is longer: 31 days, ms. */
const MAX_SILENCE_MS = 31 * 24 * 3_600_000;

const optionsSchema = z
  .strictObject({
    author: z.string().min(1).max(MAX_WORD),
    reason: z.string().min(1).max(MAX_NOTE),
    forMs: z.number().int().min(1).max(MAX_SILENCE_MS).optional(),
    until: z.number().optional(),
    force: z.boolean().default(false),
  })
  .refine(({ forMs, until }) => (forMs === undefined) !== (until === undefined), {
    message: 'a silence needs an end: forMs or until',
  });

const recordSchema = z.object({
  name: z.string().max(1_024),
  revision: z.number().int().min(0),
  body: z.unknown().optional(),
});
const limitSchema = z.number().int().min(1).max(1_000);

interface Held {
  readonly revision: number;
  readonly silence: Silence;
  /** It was taken away; what is older may still come by the news. */
  readonly isOver: boolean;
}

export class Silences implements NewsReader {
  readonly #needs: SilencesNeeds;
  readonly #held = new Map<string, Held>();

  constructor(needs: SilencesNeeds) {
    this.#needs = needs;
  }

  /** Those that hold now, the one that ends first at the beginning. */
  list(): readonly Silence[] {
    return [...this.current()].sort((one, other) => one.until - other.until);
  }

  *current(): Iterable<Silence> {
    const now = this.#needs.clock.now();
    for (const [id, { silence, isOver }] of this.#held) {
      if (silence.until <= now) this.#held.delete(id);
      else if (!isOver) yield silence;
    }
  }

  /**
   * Begins one, for all nodes.
   * @throws ConfigError where it has no end, names no alerts, or names what is critical without `force`; TransportError.
   */
  async add(matcher: SilenceMatcher, options: SilenceOptions): Promise<Silence> {
    parseOptions(silenceMatcherSchema, matcher, 'alerts.silence');
    const { forMs = 0, ...said } = parseOptions(optionsSchema, options, 'alerts.silence');
    const since = this.#needs.clock.now();
    const id = newId();
    const given = { ...said, id, matcher, since, until: said.until ?? since + forMs };
    const silence = parseOptions(silenceSchema, given, 'alerts.silence');
    const ttlMs = Math.ceil(silence.until - since);
    const result = await this.#needs.records.change({
      family: SILENCE,
      name: id,
      body: silence,
      ttlMs,
      by: said.author,
    });
    if (result.kind === 'changed') this.#take(result.record);
    return silence;
  }

  /** Ends one, for all nodes. Answers whether there was one. @throws TransportError */
  async remove(id: string, by: string): Promise<boolean> {
    const there = (await this.#needs.records.all(SILENCE)).some(({ name }) => name === id);
    if (!there) return false;
    const result = await this.#needs.records.change({ family: SILENCE, name: id, body: undefined, by });
    if (result.kind === 'changed') this.#take(result.record);
    return true;
  }

  /** Who began and ended which, oldest first: the last `limit` of at most 1,000. @throws ConfigError, TransportError */
  async history(limit: number = DEFAULT_HISTORY): Promise<readonly SilenceChange[]> {
    parseOptions(limitSchema, limit, 'alerts.silenceHistory: limit');
    const records = await this.#needs.records.history(SILENCE, limit);
    return records.map(({ name: id, by, at, body }) => ({ id, by, at, silence: silenceSchema.safeParse(body).data }));
  }

  apply(item: NewsItem): void {
    if (item.kind === SILENCE) this.#take(item.body);
  }

  async resync(): Promise<void> {
    const records = await this.#needs.records.all(SILENCE);
    this.#held.clear();
    for (const record of records) this.#take(record);
  }

  #take(given: unknown): void {
    const record = recordSchema.safeParse(given);
    if (!record.success) return this.#invalid('it is no record');
    const { name, revision, body } = record.data;
    const held = this.#held.get(name);
    if (revision <= (held?.revision ?? 0)) return;
    if (body === undefined || body === null) return this.#end(name, revision, held);
    const silence = silenceSchema.safeParse(body);
    if (!silence.success || silence.data.id !== name) return this.#invalid(`${name}: it is no silence`);
    this.#held.set(name, { revision, silence: silence.data, isOver: false });
  }

  #end(id: string, revision: number, held: Held | undefined): void {
    if (held === undefined) return;
    this.#held.set(id, { ...held, revision, isOver: true });
    if (!held.isOver) this.#needs.ended();
  }

  #invalid(reason: string): void {
    this.#needs.log.error({ evt: 'silence_invalid', reason: reason.slice(0, 256) }, 'taken no note of');
  }
}
