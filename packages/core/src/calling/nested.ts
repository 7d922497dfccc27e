/** What a handler calls others with: what it calls knows on whose behalf, and what it casts may have to wait for its end. */
import type { Calling } from './calling.ts';
import { CHAIN_HEADER, extended } from './chain.ts';
import type { HeldCasts } from './held-casts.ts';
import type { KeyState } from '../contract/key-state.ts';

/** What belongs to one delivery of a keyed actor. */
export interface KeyedScope {
  /** Names mailbox and key, see `chain.ts`. */
  readonly link: string;
  /** Absent: nothing is kept by key. */
  readonly state?: KeyState | undefined;
  /** Where its casts wait until the delivery ends; absent: they leave at once. */
  readonly held?: HeldCasts | undefined;
}

export function nested(
  calling: Calling,
  headers: Readonly<Record<string, string>>,
  scope: KeyedScope | undefined,
): Calling {
  const inherited = headers[CHAIN_HEADER];
  if (scope === undefined) return inherited === undefined ? calling : { ...calling, chain: inherited };
  const chain = extended(inherited, scope.link);
  return { ...calling, chain, ...(scope.held === undefined ? undefined : { held: scope.held }) };
}
