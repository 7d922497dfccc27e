/** Holds the marks of the namespace: reads them from the news, lets them end, writes new ones, clears up after the dead. */
import type { Clock, Timers } from '../ground/clock.ts';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { parseOptions } from '../ground/parse-options.ts';
import type { Records, SharedRecord } from '../ports/records.ts';
import {
  MARK,
  Marks,
  markName,
  markRequestSchema,
  parseMark,
  type Mark,
  type MarkOptions,
  type MarkRecord,
  type MarkStatus,
} from './marks.ts';

export interface MarkKeeperNeeds {
  readonly records: Records;
  /** `now()` is backend time. */
  readonly clock: Clock;
  readonly setTimer: Timers['setTimer'];
  readonly log: Log;
  readonly selfId: () => string;
  /** The mark of this service on this node is another one, or gone. */
  changed(service: string, nodeId: string): void;
}

/** A mark of a node that is no member may be of one that has just joined; after this long it is not, ms. */
const ORPHAN_AFTER_MS = 60_000;

export class MarkKeeper {
  readonly #needs: MarkKeeperNeeds;
  readonly #marks = new Marks();
  /** Name → revision of what this node wrote and has had no news of yet. */
  readonly #revisions = new Map<string, number>();
  #cancelTimer: (() => void) | undefined;

  constructor(needs: MarkKeeperNeeds) {
    this.#needs = needs;
  }

  of(service: string, nodeId: string): Mark | undefined {
    return this.#marks.of(service, nodeId);
  }

  /** One record as it came with the news. Older than what is known: nothing new. */
  take(id: string, record: unknown): void {
    const told = this.#read(id, record);
    if (told === undefined || told.revision <= (this.#revisions.get(id) ?? 0)) return;
    // What was written here is known before the news of it; those must not undo it.
    this.#revisions.delete(id);
    this.#bringIn(told);
  }

  /** All there are, as they were just read. News that came meanwhile are brought in after this. */
  replace(records: readonly SharedRecord[]): void {
    const before = this.#marks.all();
    this.#revisions.clear();
    for (const { service, nodeId } of before) this.#marks.delete(service, nodeId);
    const read = records.flatMap((record) => this.#read(record.name, record) ?? []);
    for (const { mark } of read) if (mark !== undefined && !this.#isVoid(mark)) this.#marks.set(mark);
    this.#arm();
    for (const { service, nodeId } of [...before, ...read]) this.#needs.changed(service, nodeId);
  }

  /**
   * Resolves when the mark is written. The other nodes know with the next news.
   * @throws ConfigError when something about it is wrong: nothing is written then.
   */
  async set(service: string, nodeId: string, status: MarkStatus | undefined, options: MarkOptions): Promise<void> {
    const asked = parseOptions(markRequestSchema, { service, nodeId, status, ...options }, 'setStatus');
    const name = markName(asked.service, asked.nodeId);
    const result = await this.#needs.records.change({
      family: MARK,
      name,
      body: asked.status === undefined ? undefined : { status: asked.status, reason: asked.reason },
      ttlMs: asked.status === undefined ? undefined : asked.ttlMs,
      by: asked.by ?? this.#needs.selfId(),
    });
    if (result.kind !== 'changed') return;
    const written = this.#read(name, result.record);
    if (written === undefined || written.revision <= (this.#revisions.get(name) ?? 0)) return;
    this.#revisions.set(name, written.revision);
    this.#bringIn(written);
  }

  /** These nodes are there. Removes the marks of others; one node does this, so that not all of them do. */
  clearUp(nodeIds: readonly string[]): void {
    const self = this.#needs.selfId();
    const there = new Set(nodeIds);
    if (!there.has(self) || nodeIds.some((nodeId) => nodeId < self)) return;
    const before = this.#needs.clock.now() - ORPHAN_AFTER_MS;
    for (const { service, nodeId, at, revision } of this.#marks.all()) {
      if (there.has(nodeId) || at > before) continue;
      this.#needs.records
        .change({
          family: MARK,
          name: markName(service, nodeId),
          body: undefined,
          expected: revision,
          by: self,
        })
        .catch((thrown: unknown) => {
          this.#needs.log.debug(
            { evt: 'mark_not_cleared', service, nodeId, reason: messageOf(thrown) },
            'tried again later',
          );
        });
    }
  }

  close(): void {
    this.#cancelTimer?.();
  }

  #read(id: string, record: unknown): MarkRecord | undefined {
    const read = parseMark(id, record);
    if (read === undefined)
      this.#needs.log.warn({ evt: 'registry_entry_invalid', what: 'mark', id }, 'left out: this is no mark');
    return read;
  }

  #bringIn({ service, nodeId, mark, revision }: MarkRecord): void {
    const held = this.#marks.of(service, nodeId);
    if (held !== undefined && revision <= held.revision) return;
    if (mark !== undefined && !this.#isVoid(mark)) this.#marks.set(mark);
    else if (held !== undefined) this.#marks.delete(service, nodeId);
    else return;
    this.#arm();
    this.#needs.changed(service, nodeId);
  }

  /** Rings when the next mark is void. */
  #arm(): void {
    this.#cancelTimer?.();
    const end = this.#marks.nextEnd();
    if (end === undefined) return;
    this.#cancelTimer = this.#needs.setTimer(Math.max(1, end - this.#needs.clock.now()), () => this.#end());
  }

  #end(): void {
    for (const mark of this.#marks.all()) {
      if (!this.#isVoid(mark)) continue;
      this.#marks.delete(mark.service, mark.nodeId);
      this.#needs.changed(mark.service, mark.nodeId);
    }
    this.#arm();
  }

  #isVoid({ until }: Mark): boolean {
    return until !== undefined && until <= this.#needs.clock.now();
  }
}
