/** Before a handler of a keyed actor runs: its message must have come in order, and the state of its key must be there. */
import { linkOf } from '../calling/chain.ts';
import type { KeyedScope } from '../calling/nested.ts';
import { codeOf, KeyRequired } from '../ground/errors.ts';
import type { Clock } from '../ground/clock.ts';
import type { Delivery } from '../serving/delivery.ts';
import type { Gate, Refusal } from '../serving/gate.ts';
import { toWireError } from '../wire/envelope.ts';
import { KeyedBatch } from './keyed-batch.ts';
import type { States } from './states.ts';
import { Transaction, type TransactionNeeds } from './transaction.ts';

/** A message whose state cannot be read now, or whose casts could not leave, comes back after so long, ms. */
const AGAIN_MS = 250;

/** What is kept by key. */
export interface Keeping {
  readonly states: States;
  readonly transactions: TransactionNeeds;
}

export class KeyedGate implements Gate {
  readonly #mailbox: string;
  readonly #clock: Clock;
  readonly #keeping: Keeping | undefined;

  constructor(mailbox: string, clock: Clock, keeping: Keeping | undefined) {
    this.#mailbox = mailbox;
    this.#clock = clock;
    this.#keeping = keeping;
  }

  enter(delivery: Delivery): Refusal | undefined | Promise<Refusal | undefined> {
    const { batch } = delivery;
    const key = delivery.key;
    if (!(batch instanceof KeyedBatch) || key === undefined)
      return { kind: 'fail', error: toWireError(new KeyRequired(this.#mailbox)) };
    if (this.#keeping === undefined) {
      delivery.scope = new KeyScope(this.#mailbox, key);
      return undefined;
    }
    const { states, transactions } = this.#keeping;
    if (batch.partition.flooded) return { kind: 'later', delayMs: AGAIN_MS, code: 'CASTS_WAIT' };
    const known = states.get(key, this.#clock.elapsed());
    if (known === undefined) return this.#load(delivery, batch, key, transactions);
    delivery.scope = new Transaction(transactions, key, known.bytes);
    return undefined;
  }

  async #load(
    delivery: Delivery,
    batch: KeyedBatch,
    key: string,
    transactions: TransactionNeeds,
  ): Promise<Refusal | undefined> {
    try {
      delivery.scope = new Transaction(transactions, key, await batch.partition.load(key));
      return undefined;
    } catch (thrown) {
      return { kind: 'later', delayMs: AGAIN_MS, code: codeOf(thrown) };
    }
  }
}

class KeyScope implements KeyedScope {
  readonly #mailbox: string;
  readonly #key: string;

  constructor(mailbox: string, key: string) {
    this.#mailbox = mailbox;
    this.#key = key;
  }

  get link(): string {
    return linkOf(this.#mailbox, this.#key);
  }
}
