/** The ways out of a place. Each delivery takes one, once: its place is free again, its time is measured, its ending carried out. */
import type { Delivery } from './delivery.ts';
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import type { Endings } from './endings.ts';
import { Aborted, StreamBroken, type HomeostatError } from '../ground/errors.ts';
import type { Pong } from '../calling/ping.ts';
import { OnceEndings, type Ends } from './once/endings.ts';
import type { Places } from './places.ts';
import type { Ended } from './pool.ts';
import type { ServiceTimes } from './service-times.ts';
import type { StreamDelivery } from './stream-delivery.ts';
import type { UnderWay } from './under-way.ts';
import { toWireError, type WireError } from '../wire/envelope.ts';

/** A delivery that only other nodes can run comes back after this long, ms. */
const ELSEWHERE_MS = 250;

/** What deliveries leave behind. */
export interface ExitsParts {
  readonly places: Places;
  readonly underWay: UnderWay;
  readonly times: ServiceTimes;
  readonly endings: Endings;
  /** Something else may have the place. */
  readonly left: () => void;
}

export class Exits implements Ended {
  readonly #needs: DispatcherNeeds;
  readonly #places: Places;
  readonly #underWay: UnderWay;
  readonly #times: ServiceTimes;
  readonly #endings: Endings;
  /** Of what has an id. */
  readonly #once: OnceEndings | undefined;
  readonly #left: () => void;
  /** How a ping ends: it has been through the pool, no handler has run. */
  readonly pings: Ended = {
    value: (delivery) => this.#pinged(delivery),
    bytes: (delivery) => this.#pinged(delivery),
    failed: (delivery, error) => this.failed(delivery, error),
  };

  constructor(needs: DispatcherNeeds, { places, underWay, times, endings, left }: ExitsParts) {
    const { once: runs, log, maxBodyBytes } = needs;
    this.#needs = needs;
    this.#places = places;
    this.#underWay = underWay;
    this.#times = times;
    this.#endings = endings;
    if (runs !== undefined) this.#once = new OnceEndings({ runs, endings, log, maxBodyBytes });
    this.#left = left;
  }

  value(delivery: Delivery, value: unknown): void {
    if (!this.#leaves(delivery, undefined)) {
      if (delivery.runsOn) this.#once?.lateValue(delivery, value);
      return;
    }
    this.#needs.stats.processed += 1;
    this.#endsOf(delivery).succeeded(delivery, value);
    this.#left();
  }

  bytes(delivery: Delivery, body: Uint8Array | undefined): void {
    if (!this.#leaves(delivery, undefined)) {
      if (delivery.runsOn) this.#once?.late(delivery, { failed: false, body });
      return;
    }
    this.#needs.stats.processed += 1;
    this.#endsOf(delivery).succeededWithBytes(delivery, body);
    this.#left();
  }

  failed(delivery: Delivery, error: WireError): void {
    const cancelled = delivery.gaveUp instanceof Aborted;
    if (cancelled && !this.#isOnce(delivery)) return this.skip(delivery);
    if (!this.#leaves(delivery, cancelled ? 'ABORTED' : error.code)) {
      if (delivery.runsOn) this.#once?.late(delivery, { failed: true, error });
      return;
    }
    if (!cancelled) this.#needs.stats.failed += 1;
    this.#endsOf(delivery).failed(delivery, error);
    this.#left();
  }

  /** The answer is there without a run. */
  answered(delivery: Delivery, body: Uint8Array | undefined): void {
    if (!this.#leaves(delivery, undefined)) return;
    this.#endings.succeededWithBytes(delivery, body);
    this.#left();
  }

  /** Its handler is not run. */
  refused(delivery: Delivery, reason: string): void {
    if (!this.#leaves(delivery, reason)) return;
    this.#endsOf(delivery).refused(delivery, reason);
    this.#left();
  }

  /** Somebody else, or we, will have it again. */
  comesBack(delivery: Delivery, code: string, delayMs: number = ELSEWHERE_MS): void {
    if (!this.#leaves(delivery, code)) return;
    this.#endings.comeBack(delivery, delayMs, code);
    this.#left();
  }

  /** Nobody wants it any more; that its handler failed then, as it was told to, is no fault. */
  skip(delivery: Delivery): void {
    if (!this.#leaves(delivery, delivery.aborted ? 'ABORTED' : undefined)) return;
    this.#endsOf(delivery).skipped(delivery);
    this.#left();
  }

  /** Nobody waits for what has not started; what has an id frees it. */
  abandoned(delivery: Delivery, why: HomeostatError): void {
    if (this.#isOnce(delivery)) this.failed(delivery, toWireError(why));
    else this.skip(delivery);
  }

  /** Ends a stream in the middle: its reader is told, and nobody does it again. */
  brokenOff(delivery: StreamDelivery, reason: HomeostatError): void {
    if (!this.#leaves(delivery, reason.code)) return;
    const broken = new StreamBroken(`${this.#needs.mailbox} ${delivery.method}`, reason.message);
    this.#endings.brokenOff(delivery, toWireError(broken));
    delivery.abort(reason);
  }

  #pinged(delivery: Delivery): void {
    if (!this.#leaves(delivery, undefined)) return;
    this.#endings.succeeded(delivery, pong(this.#needs));
    this.#left();
  }

  #isOnce(delivery: Delivery): boolean {
    return this.#once !== undefined && delivery.id !== undefined;
  }

  #endsOf(delivery: Delivery): Ends {
    return this.#once === undefined || delivery.id === undefined ? this.#endings : this.#once;
  }

  /** Frees its place; answers false when it had left before. */
  #leaves(delivery: Delivery, code: string | undefined): boolean {
    if (delivery.ended) return false;
    delivery.ended = true;
    this.#places.end(delivery.batch);
    delivery.onEnded?.();
    this.#underWay.ended(delivery);
    if (delivery.ran) {
      const now = this.#needs.clock.elapsed();
      this.#times.add(delivery.method, now - delivery.startedAt);
      this.#needs.onEnded?.(delivery.method, delivery.answerMs(now), code, delivery.isCall);
    }
    return true;
  }
}

export function pong(needs: Pick<DispatcherNeeds, 'clock' | 'memberId'>): Pong {
  return { nodeId: needs.memberId(), at: Math.round(needs.clock.now()) };
}
