/** What stands between a place and a handler: the gates, each of which may take its time, or turn the delivery away. */
import type { Delivery } from './delivery.ts';
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import type { Endings } from './endings.ts';
import type { Exits } from './exits.ts';
import { enterAll, type Gate, type Refusal } from './gate.ts';
import type { Runs } from './runs.ts';
import type { UnderWay } from './under-way.ts';

/** What is beyond it, and beside it. */
export interface EntranceParts {
  readonly runs: Runs;
  readonly exits: Exits;
  readonly underWay: UnderWay;
  readonly endings: Endings;
}

export class Entrance {
  readonly #needs: DispatcherNeeds;
  readonly #runs: Runs;
  readonly #exits: Exits;
  readonly #underWay: UnderWay;
  readonly #endings: Endings;
  /** Those that are asked about every message. */
  readonly #plainGates: readonly Gate[];

  constructor(needs: DispatcherNeeds, { runs, exits, underWay, endings }: EntranceParts) {
    this.#needs = needs;
    this.#runs = runs;
    this.#exits = exits;
    this.#underWay = underWay;
    this.#endings = endings;
    this.#plainGates = (needs.gates ?? []).filter(({ ofExtras }) => ofExtras !== true);
  }

  enter(delivery: Delivery, limitMs: number): void {
    const { gates = this.#plainGates } = this.#needs;
    const refusal = enterAll(delivery.envelope.extras === undefined ? this.#plainGates : gates, delivery);
    if (refusal instanceof Promise) {
      this.#underWay.waits(delivery);
      void refusal.then((answer) => this.#entered(delivery, answer));
    } else if (refusal === undefined) this.#pass(delivery, limitMs);
    else this.#turnAway(delivery, refusal);
  }

  /** Nothing more starts, for now or for ever: nobody is kept waiting. */
  release(): void {
    for (const gate of this.#needs.gates ?? []) gate.release?.();
  }

  /** A gate took its time: meanwhile the delivery may have been taken away, or its own time may be over. */
  #entered(delivery: Delivery, refusal: Refusal | undefined): void {
    this.#underWay.entered(delivery);
    if (delivery.gaveUp !== undefined) return this.#exits.abandoned(delivery, delivery.gaveUp);
    if (refusal !== undefined) return this.#turnAway(delivery, refusal);
    const { clock, policy, stats } = this.#needs;
    const left = delivery.deadline === 0 ? Infinity : delivery.deadline - clock.now();
    if (left <= 0) {
      stats.expired += 1;
      return this.#exits.refused(delivery, 'EXPIRED');
    }
    if (delivery.batch.dropped) return this.#exits.refused(delivery, 'NOT_MEMBER');
    // Its handler has its whole time, and is not charged with the wait.
    delivery.startedAt = clock.elapsed();
    this.#pass(delivery, Math.min(left, delivery.isCall ? Infinity : policy.maxRunMs));
  }

  #pass(delivery: Delivery, limitMs: number): void {
    const { atMostOnce } = this.#needs;
    const settlesFirst = atMostOnce !== undefined && !delivery.settled && atMostOnce.has(delivery.method);
    if (settlesFirst) void this.#settleFirst(delivery);
    else this.#runs.handle(delivery, limitMs);
  }

  /** Never rejects. */
  async #settleFirst(delivery: Delivery): Promise<void> {
    this.#underWay.waits(delivery);
    if (await this.#endings.settleFirst(delivery)) return this.#entered(delivery, undefined);
    this.#underWay.entered(delivery);
    this.#exits.refused(delivery, 'NOT_SETTLED');
  }

  #turnAway(delivery: Delivery, refusal: Refusal): void {
    if (refusal.kind === 'later') this.#exits.comesBack(delivery, refusal.code, refusal.delayMs);
    else if (refusal.kind === 'fail') this.#exits.failed(delivery, refusal.error);
    else if (refusal.kind === 'end') this.#exits.skip(delivery);
    else this.#exits.answered(delivery, refusal.body);
  }
}
