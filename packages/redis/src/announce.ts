/** Stores a report that has changed, and nothing of its index that has not. */
import type { Connection } from './connection.ts';
import { changedInstances, instancesOf, type Instances } from './instances.ts';
import { nodeKeys, type LaneKeys } from './keys.ts';
import { run } from './script.ts';

const LIFETIME_BEATS = 60;
const SHORTEST_LIFETIME_MS = 60_000;

/** How long what a node says of itself is kept without a beat, ms: mere clean-up. */
export function reportLifetimeMs(beatIntervalMs: number): number {
  return Math.max(SHORTEST_LIFETIME_MS, LIFETIME_BEATS * beatIntervalMs);
}

export class Announcer {
  readonly #keys: LaneKeys;
  readonly #id: string;
  readonly #lifetimeMs: number;
  /** What everybody can see; undefined: not known. */
  #standing: string | undefined;
  #indexed: Instances;

  /** `joinedWith` is the report that stands. */
  constructor(keys: LaneKeys, id: string, beatIntervalMs: number, joinedWith: string) {
    this.#keys = keys;
    this.#id = id;
    this.#lifetimeMs = reportLifetimeMs(beatIntervalMs);
    this.#standing = joinedWith;
    this.#indexed = instancesOf(joinedWith);
  }

  /** What stands may be gone: everything is written again. */
  doubt(): void {
    this.#standing = undefined;
    this.#indexed = new Map([...this.#indexed.keys()].map((service) => [service, '']));
  }

  /** Resolves when everybody can see the report, or the node is no member: the beat says that. */
  async announce(connection: Connection, report: string): Promise<void> {
    if (report === this.#standing) return;
    const before = this.#indexed;
    const after = instancesOf(report);
    // Until it is answered, what was there before may stand as well as what comes.
    this.#indexed = new Map([...before, ...after]);
    this.doubt();
    await run<number | 'not-member'>(
      connection,
      'announce',
      [this.#keys.members, nodeKeys(this.#keys, this.#id).report, this.#keys.news, this.#keys.newsSeq],
      [this.#id, this.#keys.prefix, report, this.#lifetimeMs, ...changedInstances(before, after)],
    );
    this.#standing = report;
    this.#indexed = after;
  }
}
