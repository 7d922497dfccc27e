/** Writes what handlers of one partition changed, in one step with the end of their messages; reads what was written. */
import { BackendFull, HomeostatError, TransportError } from '../ground/errors.ts';
import { sleep } from '../ground/loop.ts';
import type { KeyedCommit } from '../ports/partitions.ts';
import type { InHand } from './in-hand.ts';
import type { KeyedBatch } from './keyed-batch.ts';
import type { PartitionNeeds } from './partition-needs.ts';
import type { Transaction } from './transaction.ts';

/** Wait before a commit is tried again, ms; doubles each time. */
const AGAIN_MS = 20;
const AGAIN_MAX_MS = 1_000;

export type CommitNeeds = Pick<PartitionNeeds, 'partitions' | 'mailbox' | 'states' | 'clock' | 'log' | 'failed'>;

export class Committer {
  readonly #needs: CommitNeeds;
  readonly #number: number;
  readonly #inHand: InHand;
  readonly #closing: AbortSignal;

  constructor(needs: CommitNeeds, number: number, inHand: InHand, closing: AbortSignal) {
    this.#needs = needs;
    this.#number = number;
    this.#inHand = inHand;
    this.#closing = closing;
  }

  /** The committed state of a key. @throws TransportError */
  async load(key: string): Promise<Uint8Array | undefined> {
    const { partitions, mailbox } = this.#needs;
    const [bytes] = await partitions.states(mailbox, this.#number, [key]);
    this.#keep(key, bytes);
    return bytes;
  }

  /**
   * `lost`: the entry was no longer ours, or its message is done.
   * @throws what the backend refuses for good.
   */
  async commit(
    batch: KeyedBatch,
    index: number,
    { key, held, written }: Transaction,
    answer: Uint8Array | undefined,
  ): Promise<'committed' | 'lost'> {
    const result = await this.#carried(batch, {
      claim: batch.claim,
      index,
      key,
      casts: held.frames,
      ...(written === undefined ? undefined : { state: written }),
      ...(answer === undefined ? undefined : { answer }),
    });
    // What was not heard of is read again rather than believed.
    if (result !== 'settled') this.#needs.states?.drop(key);
    else if (written !== undefined) this.#keep(key, written ?? undefined);
    return result === 'lost' ? 'lost' : 'committed';
  }

  #keep(key: string, bytes: Uint8Array | undefined): void {
    const { states, clock } = this.#needs;
    if (!this.#closing.aborted) states?.put(this.#number, key, bytes, clock.elapsed());
  }

  /** Repeats what the backend may not have heard. */
  async #carried(batch: KeyedBatch, commit: KeyedCommit): Promise<'settled' | 'repeated' | 'lost'> {
    const { partitions, mailbox, log, failed } = this.#needs;
    const { index } = commit;
    let uncertain = false;
    this.#inHand.departed(batch.id);
    try {
      for (let failures = 1; !batch.dropped; failures += 1) {
        try {
          const result = await partitions.commit(mailbox, this.#number, commit);
          if (result === 'settled') return 'settled';
          // It is still ours: what has been done, we have done, though we did not hear of it.
          return result === 'lost' && uncertain && !batch.dropped ? 'repeated' : 'lost';
        } catch (thrown) {
          if (thrown instanceof HomeostatError) failed(thrown);
          if (!isTriedAgain(thrown, batch.isCast(index))) throw thrown;
          if (thrown.outcome !== 'not-executed') uncertain = true;
          log.warn({ evt: 'commit_failed', failures, reason: thrown.message }, 'a commit failed; it is tried again');
          await sleep(Math.min(AGAIN_MAX_MS, AGAIN_MS * 2 ** (failures - 1)), this.#closing);
        }
      }
      return 'lost';
    } finally {
      this.#inHand.arrived(batch.id);
    }
  }
}

/** Where the backend is full a caller is told so; nobody waits for a cast, and it would only become a dead letter. */
function isTriedAgain(thrown: unknown, isCast: boolean): thrown is TransportError | BackendFull {
  if (thrown instanceof BackendFull) return isCast;
  return thrown instanceof TransportError && thrown.retryable;
}
