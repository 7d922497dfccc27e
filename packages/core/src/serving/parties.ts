/** Whose an envelope is, where a contract asks for fair turns. */
import type { Batch } from './batch.ts';
import { partyOf, type FairBy } from '../contract/lines.ts';
import type { Party } from './fair-batches.ts';

/** Messages that are nobody's in particular are one party's. */
export function partiesBy(fair: FairBy): Party {
  return ({ frame }: Batch, index: number) => {
    const extras = frame.envelopes[index]?.extras;
    return partyOf(fair, extras?.key, extras?.headers) ?? '';
  };
}
