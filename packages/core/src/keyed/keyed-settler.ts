/** Settles what a keyed actor ends, and knows of every entry how much of that is still on its way. */
import type { Broker, Settlement } from '../ports/broker.ts';
import type { HomeostatError } from '../ground/errors.ts';
import type { Flusher } from '../ground/flusher.ts';
import type { Log } from '../ground/log.ts';
import { Settler } from '../serving/settler.ts';

export class KeyedSettler extends Settler {
  readonly #left: (settlement: Settlement) => void;

  /** @param carried is told of each settlement that has left, and again when it has been carried out or refused. */
  constructor(
    broker: Pick<Broker, 'settle'>,
    flusher: Flusher,
    log: Log,
    carried: { left(settlement: Settlement): void; arrived(settlement: Settlement): void },
    failed: (error: HomeostatError) => void,
  ) {
    const settle: Broker['settle'] = async (batch) => {
      const results = await broker.settle(batch);
      for (const settlement of batch) carried.arrived(settlement);
      return results;
    };
    super({ settle }, flusher, log, failed);
    this.#left = (settlement) => carried.left(settlement);
  }

  override add(settlement: Settlement): void {
    this.#left(settlement);
    super.add(settlement);
  }
}
