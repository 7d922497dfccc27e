import { ClaimedBodyGone, codeOf } from '../../ground/errors.ts';
import type { ClaimCheck } from '../../calling/claim-check.ts';
import type { Delivery } from '../delivery.ts';
import type { Gate, Refusal } from '../gate.ts';
import { toWireError } from '../../wire/envelope.ts';

/** Wait before a body that could not be fetched is fetched again, ms. */
const AGAIN_MS = 250;

/** Fetches the body of a message that only says where it is. */
export class ClaimedBodies implements Gate {
  readonly ofExtras = true;
  readonly #claimCheck: Pick<ClaimCheck, 'collect'>;

  constructor(claimCheck: Pick<ClaimCheck, 'collect'>) {
    this.#claimCheck = claimCheck;
  }

  enter(delivery: Delivery): Promise<Refusal | undefined> | undefined {
    const claim = delivery.envelope.extras?.claim;
    return claim === undefined ? undefined : this.#collect(delivery, claim);
  }

  async #collect(delivery: Delivery, claim: string): Promise<Refusal | undefined> {
    try {
      delivery.claimed = await this.#claimCheck.collect(claim);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof ClaimedBodyGone) return { kind: 'fail', error: toWireError(thrown) };
      return { kind: 'later', delayMs: AGAIN_MS, code: codeOf(thrown) };
    }
  }
}
