/**
 * Every alert that lives, as this node knows it: kept up by the log, and ahead of it by what this node itself has
 * written. When nothing hurts it is empty.
 */
import { z } from 'zod';
import type { Clock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { AlertSlot, AlertStore } from '../ports/alerts.ts';
import type { NewsItem } from '../ports/membership.ts';
import { Follow } from '../registry/follow.ts';
import type { AlertRecord } from './alert.ts';
import { parseRecord } from './alert-schema.ts';
import { Ahead } from './ahead.ts';

export interface ViewEntry {
  readonly record: AlertRecord;
  readonly revision: number;
}

export interface ViewChange {
  readonly fingerprint: string;
  /** Undefined: there was none. */
  readonly before?: AlertRecord | undefined;
  /** Undefined: it is over and archived, or cannot be read. */
  readonly after?: AlertRecord | undefined;
  /** An `AlertEvent`; `changed` where everything was read again. */
  readonly event: string;
}

export interface AlertViewNeeds {
  readonly store: AlertStore;
  readonly clock: Clock;
  readonly log: Log;
  /** The store has lost what it had: these alerts, which were open, are not there any more. */
  lost?(records: readonly AlertRecord[]): void;
}

/** What an item of the log says of its slot. */
const bodySchema = z.object({ revision: z.number().int().min(0), body: z.unknown().optional() });
/** Of what cannot be read, so much goes to the log, characters. */
const MAX_SHOWN = 256;

export class AlertView implements Disposable {
  readonly #needs: AlertViewNeeds;
  readonly #follow: Follow;
  readonly #entries = new Map<string, ViewEntry>();
  /** Id → fingerprint. */
  readonly #ids = new Map<string, string>();
  readonly #ahead = new Ahead();
  readonly #listeners = new Set<(change: ViewChange) => void>();
  /** The last item of the log that this node has heard of. */
  #seq = 0;

  constructor(needs: AlertViewNeeds) {
    const { clock, log } = needs;
    this.#needs = needs;
    this.#follow = new Follow({ clock, log, take: (item) => this.#take(item), readAll: () => this.#readAll() });
  }

  get size(): number {
    return this.#entries.size;
  }

  get(fingerprint: string): ViewEntry | undefined {
    return this.#entries.get(fingerprint);
  }

  byId(id: string): AlertRecord | undefined {
    return this.find(id)?.record;
  }

  /** By id. */
  find(id: string): ViewEntry | undefined {
    const fingerprint = this.#ids.get(id);
    return fingerprint === undefined ? undefined : this.#entries.get(fingerprint);
  }

  *all(): Iterable<AlertRecord> {
    for (const { record } of this.#entries.values()) yield record;
  }

  /** Tells each change once it is in the view. The listener must not throw. Answers the function that takes it off again. */
  onChange(listener: (change: ViewChange) => void): () => void {
    const own = (change: ViewChange): void => listener(change);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Items of the log, in order; what came before may come again. */
  apply(items: readonly NewsItem[]): void {
    this.#follow.apply(items);
  }

  /** A beat was answered, and `seq` is the last item of the log. */
  beaten(seq: number): void {
    this.#follow.beaten(seq);
  }

  /** Reads everything from the store. Rejects as it does. */
  resync(): Promise<void> {
    return this.#follow.resync();
  }

  /** A change of this slot is on its way: until `committed` or `dropped`, the log may bring it first. */
  sent(fingerprint: string): void {
    this.#ahead.sent(fingerprint);
  }

  /** It was carried out. It is in the view from now on, unless the log has brought something of this slot meanwhile. */
  committed(fingerprint: string, revision: number, record: AlertRecord | undefined, event: string): void {
    if (this.#ahead.committed(fingerprint, revision)) this.#put(fingerprint, revision, record, event);
  }

  /** It was not carried out, or nobody knows. */
  dropped(fingerprint: string): void {
    this.#ahead.dropped(fingerprint);
  }

  close(): void {
    this.#follow.close();
    this.#listeners.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What a slot holds, if that can be read. */
  read(slot: AlertSlot): AlertRecord | undefined {
    return this.#parse(slot.fingerprint, slot.body);
  }

  #take({ seq, kind, id, body: given }: NewsItem): void {
    this.#seq = seq;
    // Too large to be told: it is read.
    if (given === null) return void this.#follow.resyncSoon();
    const told = bodySchema.safeParse(given);
    if (!told.success) return this.#invalid(id);
    const { revision, body } = told.data;
    if (!this.#ahead.hears(id, revision)) return;
    if (revision <= (this.#entries.get(id)?.revision ?? 0)) return;
    const emptied = body === undefined || body === null;
    this.#put(id, revision, emptied ? undefined : this.#parse(id, body), kind);
  }

  async #readAll(): Promise<() => number> {
    const { slots, seq } = await this.#needs.store.live();
    return () => {
      this.#ahead.reread();
      const there = new Set(slots.map(({ fingerprint }) => fingerprint));
      const gone = [...this.#entries.values()]
        .map(({ record }) => record)
        .filter(({ fingerprint }) => !there.has(fingerprint));
      const open = gone.filter(({ state }) => state !== 'resolved');
      // The end of each is an item of the log: one that has not grown by so many has begun anew.
      const wasEmptied = seq < this.#seq + open.length;
      this.#seq = seq;
      for (const { fingerprint } of gone) this.#put(fingerprint, 0, undefined, 'changed');
      for (const slot of slots) {
        const { fingerprint, revision } = slot;
        if (this.#entries.get(fingerprint)?.revision === revision) continue;
        this.#put(fingerprint, revision, this.read(slot), 'changed');
      }
      if (wasEmptied && open.length > 0) this.#needs.lost?.(open);
      return seq;
    };
  }

  #put(fingerprint: string, revision: number, record: AlertRecord | undefined, event: string): void {
    const before = this.#entries.get(fingerprint)?.record;
    if (before === undefined && record === undefined) return;
    if (before !== undefined) this.#ids.delete(before.id);
    if (record === undefined) this.#entries.delete(fingerprint);
    else {
      this.#entries.set(fingerprint, { record, revision });
      this.#ids.set(record.id, fingerprint);
    }
    for (const listener of [...this.#listeners]) listener({ fingerprint, before, after: record, event });
  }

  #parse(fingerprint: string, body: unknown): AlertRecord | undefined {
    const record = parseRecord(body);
    if (record?.fingerprint === fingerprint) return record;
    this.#invalid(fingerprint);
    return undefined;
  }

  #invalid(id: string): void {
    this.#needs.log.error({ evt: 'alert_invalid', fingerprint: id.slice(0, MAX_SHOWN) }, 'left out: this is no alert');
  }
}
