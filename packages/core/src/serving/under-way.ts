/** Deliveries that have begun: those that a gate keeps waiting, and those whose handlers run until they end or are told to stop. */
import type { Delivery } from './delivery.ts';
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import { Aborted, type HomeostatError } from '../ground/errors.ts';
import { STOP_GRACE_MS } from './local-call.ts';
import { Chain } from './chain.ts';
import { StreamDelivery } from './stream-delivery.ts';

export class UnderWay {
  readonly #needs: DispatcherNeeds;
  readonly #entering = new Set<Delivery>();
  readonly #running = new Chain<Delivery>();

  constructor(needs: DispatcherNeeds) {
    this.#needs = needs;
  }

  get running(): Iterable<Delivery> {
    return this.#running;
  }

  /** A gate takes its time. */
  waits(delivery: Delivery): void {
    this.#entering.add(delivery);
  }

  entered(delivery: Delivery): void {
    this.#entering.delete(delivery);
  }

  /** Its handler runs, and has so long from when it was started. */
  runs(delivery: Delivery, limitMs: number): void {
    this.#running.add(delivery);
    if (limitMs !== Infinity) this.#needs.deadlines.add(delivery, delivery.startedAt + limitMs);
  }

  ended(delivery: Delivery): void {
    this.#running.remove(delivery);
    if (delivery.slot >= 0) this.#needs.deadlines.remove(delivery);
  }

  /** A caller does not want the answer to this call any more. False: it is not under way here. */
  cancel(caller: string, correlation: number): boolean {
    return this.#abandon(
      (delivery) => delivery.envelope.correlation === correlation && delivery.caller === caller,
      'nobody waits for the answer any more',
    );
  }

  /** A node is no member any more: nobody waits for the answers to its calls. */
  callerGone(nodeId: string): void {
    this.#abandon((delivery) => delivery.caller === nodeId, `node ${nodeId} is gone`);
  }

  /** Its handler is told, and has a while to end. */
  overdue(delivery: Delivery, error: HomeostatError): void {
    this.#stop(delivery, error);
    if (!delivery.ended) this.#graceFor(delivery);
  }

  stopRunning(reason: HomeostatError): void {
    for (const delivery of this.#running) this.#stop(delivery, reason);
  }

  /** Tells the handlers of calls that nobody waits for. False: there are none. */
  #abandon(isConcerned: (delivery: Delivery) => boolean, why: string): boolean {
    let found = false;
    for (const delivery of [...this.#running, ...this.#entering]) {
      if (!delivery.isCall || !isConcerned(delivery)) continue;
      found = true;
      if (delivery.aborted) continue;
      this.#stop(delivery, new Aborted(`${this.#needs.mailbox} ${delivery.method}`, why));
      if (this.#entering.has(delivery)) for (const gate of this.#needs.gates ?? []) gate.withdraw?.(delivery);
      // A stream has no deadline of its own: its place is not kept for a generator that does not stop.
      if (delivery instanceof StreamDelivery && !delivery.ended) this.#graceFor(delivery);
    }
    return found;
  }

  #stop(delivery: Delivery, reason: HomeostatError): void {
    delivery.abort(reason);
    this.#needs.pool.abandon(delivery);
  }

  #graceFor(delivery: Delivery): void {
    const { deadlines, clock } = this.#needs;
    deadlines.remove(delivery);
    deadlines.add(delivery, clock.elapsed() + STOP_GRACE_MS);
  }
}
