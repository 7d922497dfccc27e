/** Before a handler of a keyed actor runs: its message must have come in order, and the state of its key must be there. */
import { linkOf } from '../calling/chain.ts';
import type { KeyedScope } from '../calling/nested.ts';
import { codeOf, KeyRequired, messageOf, TransportError } from '../ground/errors.ts';
import type { Clock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
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
  readonly #log: Log;
  readonly #keeping: Keeping | undefined;
  /** It has been told that state cannot be read. */
  #isTold = false;

  constructor(mailbox: string, clock: Clock, log: Log, keeping: Keeping | undefined) {
    this.#mailbox = mailbox;
    this.#clock = clock;
    this.#log = log;
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
    if (batch.partition.flooded) return later('CASTS_WAIT');
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
      this.#isTold = false;
      return undefined;
    } catch (thrown) {
      if (thrown instanceof TransportError && thrown.retryable) return later(codeOf(thrown));
      this.#tell(thrown);
      // Nobody waits for a cast: it must not become a dead letter for what somebody will set right.
      return delivery.isCall ? { kind: 'fail', error: toWireError(thrown) } : later(codeOf(thrown));
    }
  }

  #tell(thrown: unknown): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#log.error(
      { evt: 'state_unread', mailbox: this.#mailbox, code: codeOf(thrown), reason: messageOf(thrown) },
      'the state of keys cannot be read, and trying again will not help: calls fail, casts wait',
    );
  }
}

function later(code: string): Refusal {
  return { kind: 'later', delayMs: AGAIN_MS, code };
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
