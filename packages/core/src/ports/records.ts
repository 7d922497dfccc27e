/**
 * The port for small shared facts: live settings, manual marks. A record has a family, a name and a revision; every
 * change is news of its family. Small in number and size: every node holds all of them.
 */
export interface SharedRecord {
  readonly name: string;
  /** 1 for the first; grows with every change, removal included. */
  readonly revision: number;
  /** Plain data; `undefined` says that the record was removed. Parse it: anybody could have written it. */
  readonly body?: unknown;
  /** Backend time, ms, from which on the record is void; absent: it stays. */
  readonly until?: number;
  /** Backend time of the change, ms. */
  readonly at: number;
  readonly by: string;
}

export interface RecordChange {
  readonly family: string;
  readonly name: string;
  /** Plain data; `undefined` removes the record. */
  readonly body: unknown;
  /** The change holds only while the record has this revision; 0 = there is none. Absent: in any case. */
  readonly expected?: number | undefined;
  readonly ttlMs?: number | undefined;
  /** Who does this: kept in the history. */
  readonly by: string;
}

export type RecordResult =
  | { readonly kind: 'changed'; readonly record: SharedRecord }
  /** Nothing was written: the record is at another revision. */
  | { readonly kind: 'conflict'; readonly revision: number };

export interface Records {
  /** Every record of a family that is not void, read from the backend now. */
  all(family: string): Promise<readonly SharedRecord[]>;
  /** Record, history and news are one step. May be carried out though it rejects with outcome `unknown`. */
  change(change: RecordChange): Promise<RecordResult>;
  /** What was changed in a family, oldest first: the last `limit` of at least the last 1,000 changes. */
  history(family: string, limit: number): Promise<readonly SharedRecord[]>;
}
