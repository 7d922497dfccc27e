/** Tells the nodes that may have a call in hand that nobody waits for it any more. */
import { serviceOf } from '../registry/instance.ts';
import type { Registry } from '../registry/registry.ts';
import { NO_RECEIPT } from '../sending/no-receipt.ts';
import type { Sending } from '../sending/sending.ts';

const WHATEVER_STATUS = { status: 'any' } as const;

export class Cancelling {
  readonly #sending: Sending;
  readonly #registry: Pick<Registry, 'peek'>;

  constructor(sending: Sending, registry: Pick<Registry, 'peek'>) {
    this.#sending = sending;
    this.#registry = registry;
  }

  /** One small envelope to every node that serves the mailbox: which of them has it, or will, nobody knows. */
  cancel(mailbox: string, correlation: number): void {
    for (const instance of this.#registry.peek(serviceOf(mailbox), WHATEVER_STATUS)) {
      if (instance.mailbox === mailbox) this.#sending.inbox(instance.nodeId).cancel(correlation, NO_RECEIPT);
    }
  }
}
