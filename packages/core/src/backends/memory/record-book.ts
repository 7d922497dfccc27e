import type { Clock } from '../../ground/clock.ts';
import type { RecordChange, RecordResult, SharedRecord } from '../../ports/records.ts';
import type { Tell } from './world.ts';

/** Changes of one family that are remembered. */
const HISTORY_KEPT = 1_000;

interface Family {
  /** Removed ones stay, for their revision. */
  readonly records: Map<string, SharedRecord>;
  readonly history: SharedRecord[];
}

/** The shared records of a world. */
export class RecordBook {
  readonly #clock: Clock;
  readonly #tell: Tell;
  readonly #families = new Map<string, Family>();

  constructor(clock: Clock, tell: Tell) {
    this.#clock = clock;
    this.#tell = tell;
  }

  all(family: string): readonly SharedRecord[] {
    const { records } = this.#family(family);
    return structuredClone([...records.values()].filter((record) => this.#stands(record)));
  }

  change(change: RecordChange): RecordResult {
    const { records, history } = this.#family(change.family);
    const before = records.get(change.name);
    const revision = before !== undefined && this.#stands(before) ? before.revision : 0;
    if (change.expected !== undefined && change.expected !== revision) return { kind: 'conflict', revision };
    const record = this.#next(change, before);
    records.set(change.name, record);
    history.push(record);
    if (history.length > 2 * HISTORY_KEPT) history.splice(0, HISTORY_KEPT);
    this.#tell(change.family, change.name, record);
    return { kind: 'changed', record: structuredClone(record) };
  }

  history(family: string, limit: number): readonly SharedRecord[] {
    return limit < 1 ? [] : structuredClone(this.#family(family).history.slice(-Math.floor(limit)));
  }

  #next({ name, body, ttlMs, by }: RecordChange, before: SharedRecord | undefined): SharedRecord {
    const at = this.#clock.now();
    return {
      name,
      revision: (before?.revision ?? 0) + 1,
      at,
      by,
      ...(body === undefined ? undefined : { body: structuredClone(body) }),
      ...(ttlMs === undefined ? undefined : { until: at + ttlMs }),
    };
  }

  #stands({ body, until }: SharedRecord): boolean {
    return body !== undefined && (until === undefined || until > this.#clock.now());
  }

  #family(name: string): Family {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = { records: new Map(), history: [] };
      this.#families.set(name, family);
    }
    return family;
  }
}
