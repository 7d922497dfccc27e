/**
 * Keeps an actor within its limits over all nodes. A delivery whose turn has not come waits in hand, where that keeps no
 * place from others for long; otherwise it comes back at the moment that was kept for it.
 */
import type { Timers } from '../../ground/clock.ts';
import { LimitReached } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import { RANK } from '../../contract/lines.ts';
import { Desk } from '../../limits/desk.ts';
import { burstOf, type LimitPer, type LimitsPolicy, type RateLimit } from '../../limits/settings.ts';
import type { Holding, Turn, Waiter } from '../../limits/turn.ts';
import type { Limits } from '../../ports/limits.ts';
import { toWireError } from '../../wire/envelope.ts';
import type { Delivery } from '../delivery.ts';
import type { Gate, Refusal } from '../gate.ts';
import { comesBackPaid, PLACES_TAKEN, RATE_FAR, RATE_LIMITED } from './paid.ts';

/** The longest wait in hand where others want the places, ms. */
const HOLD_MS = 1_000;
/** Part of the places that deliveries of one limit may hold while they wait, and of all limits. */
const HELD_BY_ONE = 1 / 4;
const HELD_BY_ALL = 1 / 2;
/** A frame should hold no more than a rate brings in this time, ms. */
const FRAME_MS = 50;

export interface LimitsGateNeeds {
  readonly service: string;
  readonly methods: readonly string[];
  readonly limits: Limits;
  readonly timers: Timers;
  readonly log: Log;
  /** What holds for a method now. */
  policy(method: string): LimitsPolicy | false;
  /** Nodes that serve the actor, this one included. */
  nodes(): number;
  /** Handlers that run at once. */
  places(): number;
  serviceMs(): number;
}

export class LimitsGate implements Gate {
  readonly #needs: LimitsGateNeeds;
  readonly #desk: Desk;
  /** Undefined: no method has a limit. */
  #limited: ReadonlyMap<string, LimitsPolicy> | undefined;
  /** All that this actor does waits for one and the same limit: whoever waits keeps no place from others. */
  #single = false;
  #held = 0;

  constructor(needs: LimitsGateNeeds) {
    this.#needs = needs;
    const { service, limits, timers, log, nodes, serviceMs } = needs;
    this.#desk = new Desk({ service, limits, timers, log, nodes, serviceMs, holding: this.#holding() });
    this.refresh();
  }

  /** The settings have changed. */
  refresh(): void {
    const { methods, policy } = this.#needs;
    const limited = new Map<string, LimitsPolicy>();
    for (const method of methods) {
      const limits = policy(method);
      if (limits !== false) limited.set(method, limits);
    }
    this.#single = methods.length === 1 && [...limited.values()].every(isOfMethod);
    this.#limited = limited.size === 0 ? undefined : limited;
    this.#desk.changed(
      (name) => termsOf(limited.get(methodOf(name))?.rate),
      (name) => limited.get(methodOf(name))?.concurrency?.max,
    );
  }

  enter(delivery: Delivery): Refusal | undefined | Promise<Refusal | undefined> {
    const limits = this.#limited?.get(delivery.method);
    if (limits === undefined) return undefined;
    const { rate } = limits;
    if (rate === undefined || comesBackPaid(delivery)) return this.#takePlace(delivery, limits);
    return new Promise((resolve) => {
      this.#desk.rate(nameOf(delivery, rate.per), termsOf(rate)!).enter(
        this.#waiter(delivery, (turn) => {
          if (turn.kind === 'go') resolve(this.#takePlace(delivery, limits));
          else
            resolve(
              this.#refusal(delivery, turn, 'rate', turn.kind === 'later' && turn.paid ? RATE_LIMITED : RATE_FAR),
            );
        }),
      );
    });
  }

  withdraw(delivery: Delivery): void {
    const { rate, concurrency } = this.#limited?.get(delivery.method) ?? {};
    this.#desk.withdraw(rate && nameOf(delivery, rate.per), concurrency && nameOf(delivery, concurrency.per), delivery);
  }

  /** Who waits in hand does so no longer. */
  release(): void {
    this.#desk.release();
  }

  /** The actor is served no more. */
  close(): void {
    this.#desk.close();
  }

  /** How many envelopes of its limited methods a frame should hold: those of one frame come back together. */
  frames(): ReadonlyMap<string, number> {
    const frames = new Map<string, number>();
    for (const [method, { rate }] of this.#limited ?? [])
      if (rate !== undefined) frames.set(method, Math.max(1, Math.floor((rate.perSecond * FRAME_MS) / 1_000)));
    return frames;
  }

  #takePlace(delivery: Delivery, { concurrency }: LimitsPolicy): Refusal | undefined | Promise<Refusal | undefined> {
    if (concurrency === undefined) return undefined;
    const places = this.#desk.places(nameOf(delivery, concurrency.per), concurrency.max);
    const leave = (): void => places.leave();
    let answered: Turn | undefined;
    let tell = (turn: Turn): void => void (answered = turn);
    const entered = places.enter(this.#waiter(delivery, (turn) => tell(turn)));
    if (entered) {
      delivery.whenEnded(leave);
      return undefined;
    }
    const refused = (turn: Turn): Refusal | undefined => {
      if (turn.kind !== 'go') return this.#refusal(delivery, turn, 'concurrency', PLACES_TAKEN);
      delivery.whenEnded(leave);
      return undefined;
    };
    if (answered !== undefined) return refused(answered);
    return new Promise((resolve) => {
      tell = (turn) => resolve(refused(turn));
    });
  }

  #waiter(delivery: Delivery, answer: (turn: Turn) => void): Waiter {
    const { clock } = this.#needs.timers;
    const now = clock.elapsed();
    const { deadline, isCall } = delivery;
    // What nobody waits for becomes a dead letter at its deadline, as anywhere else.
    const until = isCall && deadline !== 0 ? now + deadline - clock.now() : Infinity;
    return { rank: delivery.batch.line?.rank ?? RANK.normal, until, since: now, whose: delivery, answer };
  }

  #refusal(
    delivery: Delivery,
    turn: Exclude<Turn, { readonly kind: 'go' }>,
    what: 'rate' | 'concurrency',
    code: string,
  ): Refusal {
    if (turn.kind === 'later') return { kind: 'later', delayMs: turn.delayMs, code };
    const subject = `${this.#needs.service}.${delivery.method}`;
    return { kind: 'fail', error: toWireError(new LimitReached(subject, what, Math.ceil(turn.retryAfterMs))) };
  }

  #holding(): Holding {
    return {
      longestMs: () => (this.#single ? Infinity : HOLD_MS),
      mayHold: (held) => {
        if (this.#single) return true;
        const places = this.#needs.places();
        return held < Math.max(1, places * HELD_BY_ONE) && this.#held < Math.max(1, places * HELD_BY_ALL);
      },
      held: () => void (this.#held += 1),
      freed: () => void (this.#held -= 1),
    };
  }
}

function termsOf(rate: RateLimit | undefined): { perSecond: number; burst: number } | undefined {
  return rate === undefined ? undefined : { perSecond: rate.perSecond, burst: burstOf(rate) };
}

function isOfMethod({ rate, concurrency }: LimitsPolicy): boolean {
  return (rate?.per ?? 'method') === 'method' && (concurrency?.per ?? 'method') === 'method';
}

/** A method's name has no slash. */
function nameOf(delivery: Delivery, per: LimitPer = 'method'): string {
  if (per === 'method') return delivery.method;
  return `${delivery.method}/${(per === 'key' ? delivery.key : headerOf(delivery, per.header)) ?? ''}`;
}

function headerOf({ headers }: Delivery, name: string): string | undefined {
  return Object.hasOwn(headers, name) ? headers[name] : undefined;
}

function methodOf(name: string): string {
  const at = name.indexOf('/');
  return at < 0 ? name : name.slice(0, at);
}
