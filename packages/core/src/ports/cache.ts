/**
 * The port for shared answers. A space is the name of a service; a key is what the caller made of method and input. One
 * filler at a time: the others are told to wait and ask again.
 */
export type CacheAnswer =
  | { readonly kind: 'hit'; readonly body: Uint8Array }
  /** Nobody knows it: this caller fills it, within its lease. */
  | { readonly kind: 'fill'; readonly token: string }
  /** Somebody is filling it. */
  | { readonly kind: 'wait' };

export interface CachePut {
  readonly space: string;
  readonly key: string;
  readonly body: Uint8Array;
  readonly ttlMs: number;
  /** What `take` gave; a put whose lease has ended still counts. Absent: a refresh. */
  readonly token?: string | undefined;
  /** Most entries of the space: those that end soonest give way. */
  readonly maxEntries: number;
}

export interface Cache {
  take(space: string, key: string, leaseMs: number): Promise<CacheAnswer>;
  put(put: CachePut): Promise<void>;
  /** Gives a lease back unfilled, so that the next one who asks fills it. */
  release(space: string, key: string, token: string): Promise<void>;
  /** Forgets one key, or every key that begins with `prefix` (`''`: the whole space). Answers how many there were. */
  invalidate(space: string, what: { readonly key: string } | { readonly prefix: string }): Promise<number>;
}
