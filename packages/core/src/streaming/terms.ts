import type { Scope } from '../ground/scope.ts';

/** How long a stream may take. */
export interface StreamTerms {
  /** Longest wait for the next item, while somebody waits for it, ms. */
  readonly stepMs: number;
  /** When all must have ended, backend time, ms; 0: never. */
  readonly until: number;
  /** The reader's own scope: given up when it leaves. */
  readonly asking: Scope;
}
