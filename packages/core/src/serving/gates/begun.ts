/** Streams begin once, for a reader who is there: what may have been begun by a node that died is not begun again. */
import { HandlerError, StreamBroken } from '../../ground/errors.ts';
import { toWireError } from '../../wire/envelope.ts';
import type { Delivery } from '../delivery.ts';
import type { Gate, Refusal } from '../gate.ts';

export interface BegunNeeds {
  /** Methods that answer with a stream. */
  readonly yields: { has(method: string): boolean };
  /** Whether a node is surely no member any more. Must not reject. */
  isGone(nodeId: string): boolean | Promise<boolean>;
}

const END: Refusal = { kind: 'end' };

export class Begun implements Gate {
  readonly #needs: BegunNeeds;

  constructor(needs: BegunNeeds) {
    this.#needs = needs;
  }

  enter(delivery: Delivery): Refusal | undefined | Promise<Refusal | undefined> {
    if (!this.#needs.yields.has(delivery.method)) return undefined;
    if (!delivery.isCall || delivery.envelope.extras?.id !== undefined) return refused(delivery);
    if (delivery.attempt > 1 || delivery.batch.claim.crashes > 0) return broken(delivery);
    const gone = this.#needs.isGone(delivery.caller);
    return gone instanceof Promise ? gone.then(judged) : judged(gone);
  }
}

function judged(gone: boolean): Refusal | undefined {
  return gone ? END : undefined;
}

function broken({ method }: Delivery): Refusal {
  return { kind: 'fail', error: toWireError(new StreamBroken(method, 'the node that had it died')) };
}

function refused({ method }: Delivery): Refusal {
  const error = new HandlerError(`${method} answers with a stream: it can be called, without an id, and not cast`, {
    retryable: false,
    outcome: 'not-executed',
  });
  return { kind: 'fail', error: toWireError(error) };
}
