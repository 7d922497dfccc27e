/**
 * The port for shared state: values by key, in spaces that do not mix. Whatever is asked for together happens in one
 * step: no other step on that space falls in between. A time to live counts on the backend's clock and ends exactly.
 */
import type { HomeostatError } from '../ground/errors.ts';

export interface StoredEntry {
  /** Higher than every revision before it in the space, of entries that are gone as well. Never 0: that is no entry. */
  readonly revision: number;
  readonly body: Uint8Array;
}

export interface StateSet {
  readonly kind: 'set';
  readonly key: string;
  readonly body: Uint8Array;
  /** From now on, ms; absent: for ever. What was set before does not matter. */
  readonly ttlMs?: number | undefined;
  /** What must stand under the key; `absent` is revision 0. Default: anything. */
  readonly when?: 'absent' | 'present' | { readonly revision: number } | undefined;
}

export interface StateDelete {
  readonly kind: 'delete';
  readonly key: string;
}

export type StateOperation =
  | StateSet
  | StateDelete
  /** `renew`: the time to live it was set with begins anew. */
  | { readonly kind: 'get'; readonly key: string; readonly renew: boolean }
  | { readonly kind: 'ttl'; readonly key: string }
  /** Lives for `ttlMs` from now on; absent: for what it was set with. */
  | { readonly kind: 'touch'; readonly key: string; readonly ttlMs?: number | undefined };

/** Of a step that happens whole or not at all. */
export type StateChange =
  | Omit<StateSet, 'when'>
  | StateDelete
  | { readonly kind: 'check'; readonly key: string; readonly revision: number };

export type StateAnswer =
  /** `get`: as it stands. `set`: this stands there, at another revision than `when` asks for. */
  | { readonly kind: 'entry'; readonly entry: StoredEntry }
  /** Nothing stands under the key. */
  | { readonly kind: 'none' }
  /** `set`: at this revision. */
  | { readonly kind: 'written'; readonly revision: number }
  /** `set`: `when` is `absent` or `present`, and it is not so. */
  | { readonly kind: 'refused' }
  /** `delete`: it is gone; `touch`: it was there; `check`: it is so. */
  | { readonly kind: 'done' }
  /** `ttl`: ms left; Infinity: it does not end. */
  | { readonly kind: 'lives'; readonly ms: number }
  /** This one alone; it changed nothing. `STATE_INVALID`: what stands there is no entry. */
  | { readonly kind: 'failed'; readonly error: HomeostatError };

export type StateResult =
  | { readonly kind: 'done'; readonly answers: readonly StateAnswer[] }
  /** Nothing was changed: the check at `index` found this revision (0: no entry). */
  | { readonly kind: 'conflict'; readonly index: number; readonly revision: number };

export interface StateStore {
  /**
   * Carries all of them out, in order; one that fails leaves the others alone. A full backend fails the sets among them
   * with `BackendFull` and carries out the others. Rejects with `TransportError`, of all: `not-executed`, or `unknown`
   * when the answer was lost.
   */
  each(space: string, operations: readonly StateOperation[]): Promise<readonly StateAnswer[]>;
  /**
   * Carries out all of them, in order, or none: the checks come first, wherever they stand. Rejects with `TransportError`
   * as above, with `BackendFull`, and with `STATE_INVALID` when a check finds what is no entry; then none was.
   */
  all(space: string, changes: readonly StateChange[]): Promise<StateResult>;
}
