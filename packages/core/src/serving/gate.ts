/**
 * What stands between a delivery and its handler, each in a file of its own under `gates/`: they are asked in order, once
 * the delivery has its place in the pool, and the first that does not let it pass decides what becomes of it.
 */
import type { WireError } from '../wire/envelope.ts';
import type { Delivery } from './delivery.ts';

/** What becomes of a delivery whose handler is not run. */
export type Refusal =
  /** It ends, and nobody is answered. */
  | { readonly kind: 'end' }
  /** It ends with this answer, encoded; undefined is a body like any other. */
  | { readonly kind: 'answer'; readonly body: Uint8Array | undefined }
  /** It ends as if its handler had failed with this. */
  | { readonly kind: 'fail'; readonly error: WireError }
  /** It comes back, uncharged: somebody else, or we, will have it again after `delayMs`. */
  | { readonly kind: 'later'; readonly delayMs: number; readonly code: string };

export interface Gate {
  /** Asked only about messages that say more of themselves than method, deadline and body: most do not. */
  readonly ofExtras?: true;
  /** Undefined: it may pass. Must neither throw nor reject. */
  enter(delivery: Delivery): Refusal | undefined | Promise<Refusal | undefined>;
  /** Nobody wants it any more: where it waits here, that is answered at once, whatever the answer. */
  withdraw?(delivery: Delivery): void;
  /** Nothing more is started, for now or for ever: whoever is still being asked about is answered soon. */
  release?(): void;
}

/** Asks one gate after the other; answers at once as long as they do. */
export function enterAll(
  gates: readonly Gate[],
  delivery: Delivery,
  from = 0,
): Refusal | undefined | Promise<Refusal | undefined> {
  for (let index = from; index < gates.length; index += 1) {
    const answer = gates[index]!.enter(delivery);
    if (answer instanceof Promise) return answer.then((refusal) => refusal ?? enterAll(gates, delivery, index + 1));
    if (answer !== undefined) return answer;
  }
  return undefined;
}
