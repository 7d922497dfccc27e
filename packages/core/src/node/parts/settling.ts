/**
 * Who carries endings out at the moment. After an eviction that is somebody new: the claims of before are others', and
 * what was still to be settled with them is lost.
 */
import type { HomeostatError } from '../../ground/errors.ts';
import { ConfigError } from '../../ground/errors.ts';
import type { Flusher } from '../../ground/flusher.ts';
import type { Log } from '../../ground/log.ts';
import type { Broker } from '../../ports/broker.ts';
import type { Batch } from '../../serving/batch.ts';
import { Settler } from '../../serving/settler.ts';

export interface SettlingNeeds {
  readonly broker: Pick<Broker, 'settle'>;
  readonly flusher: Flusher;
  readonly log: Log;
  /** The backend has refused a batch. Must not throw. */
  failed(error: HomeostatError): void;
}

export class Settling {
  readonly #needs: SettlingNeeds;
  #settler: Settler;
  #lostBefore = 0;

  constructor(needs: SettlingNeeds) {
    this.#needs = needs;
    this.#settler = this.#newSettler();
  }

  get settler(): Settler {
    return this.#settler;
  }

  /** Endings that the backend refused because the entry was no longer ours. */
  get lost(): number {
    return this.#lostBefore + this.#settler.lost;
  }

  /** Writes a start mark, after everything that is being settled, and resolves once it is there. */
  async mark(batch: Batch, index: number): Promise<void> {
    await this.#settler.settled();
    const [result] = await this.#needs.broker.settle([{ kind: 'mark', claim: batch.claim, todo: batch.todo(), index }]);
    if (result !== 'settled') throw new ConfigError(`the entry is no longer ours: ${String(result)}`);
  }

  /** The claims are gone. @param lostByKey what keyed actors, which settle for themselves, have lost with theirs. */
  lose(lostByKey: number): void {
    this.#settler.forget();
    this.#settler.close();
    this.#lostBefore = this.lost + lostByKey;
    this.#settler = this.#newSettler();
  }

  #newSettler(): Settler {
    const { broker, flusher, log, failed } = this.#needs;
    return new Settler(broker, flusher, log, failed);
  }
}
