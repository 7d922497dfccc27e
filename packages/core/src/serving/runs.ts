/** One run of a delivery: it is given to the pool, with a limit, and is told when that is over. */
import type { Batch } from './batch.ts';
import type { Calling } from '../calling/calling.ts';
import { Delivery, type DeliveryOwner } from './delivery.ts';
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import type { Exits } from './exits.ts';
import { HandlerTimeout, type HomeostatError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Ended } from './pool.ts';
import { StreamDelivery } from './stream-delivery.ts';
import { StreamRuns } from './stream-runs.ts';
import type { UnderWay } from './under-way.ts';
import { toWireError } from '../wire/envelope.ts';

export class Runs implements DeliveryOwner {
  readonly calling: Calling;
  readonly log: Log;
  readonly #needs: DispatcherNeeds;
  readonly #exits: Exits;
  readonly #underWay: UnderWay;
  /** Undefined: no method answers with a stream. */
  readonly #streams: StreamRuns | undefined;

  constructor(needs: DispatcherNeeds, exits: Exits, underWay: UnderWay) {
    const { calling, log, streams, clock } = needs;
    this.calling = calling;
    this.log = log;
    this.#needs = needs;
    this.#exits = exits;
    this.#underWay = underWay;
    this.#streams = streams && new StreamRuns(streams, clock, exits);
  }

  deliver(batch: Batch, index: number): Delivery {
    const now = this.#needs.clock.elapsed();
    const isStream = this.#streams !== undefined && this.#streams.yields(batch.frame.envelopes[index]!.method);
    return isStream ? new StreamDelivery(this, batch, index, now) : new Delivery(this, batch, index, now);
  }

  handle(delivery: Delivery, limitMs: number): void {
    delivery.ran = true;
    if (this.#streams !== undefined && delivery instanceof StreamDelivery)
      this.#run(delivery, this.#streams.limitMs(delivery), this.#streams);
    else this.#run(delivery, limitMs, this.#exits);
  }

  ping(delivery: Delivery, limitMs: number): void {
    this.#run(delivery, limitMs, this.#exits.pings);
  }

  /** First the handler is told, later it is given up. */
  overdue(delivery: Delivery): void {
    const ran = this.#needs.clock.elapsed() - delivery.startedAt;
    const error = new HandlerTimeout(`${this.#needs.mailbox} ${delivery.method}`, Math.round(ran));
    if (!delivery.aborted) return this.#underWay.overdue(delivery, error);
    delivery.runsOn = true;
    this.#exits.failed(delivery, toWireError(error));
  }

  /** The time is up. What was begun of a stream nobody else can go on with. */
  giveUp(reason: HomeostatError): void {
    for (const delivery of this.#underWay.running)
      if (delivery instanceof StreamDelivery) this.#exits.brokenOff(delivery, reason);
    this.#underWay.stopRunning(reason);
  }

  #run(delivery: Delivery, limitMs: number, ended: Ended): void {
    this.#needs.pool.run(delivery, limitMs, ended);
    if (!delivery.ended) this.#underWay.runs(delivery, limitMs);
  }
}
