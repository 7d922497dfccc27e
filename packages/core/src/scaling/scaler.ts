/** Looks at the mailboxes of a node once a second, lets concurrency follow the load, and recommends how many instances. */
import type { MailboxDepth } from '../ports/broker.ts';
import type { Clock } from '../ground/clock.ts';
import { messageOf } from '../ground/errors.ts';
import type { Emitter } from '../node/events.ts';
import type { Log } from '../ground/log.ts';
import { DEFAULT_SCALE, type ScalePolicy } from '../policies/service-settings.ts';
import { autoscale, FIRST_STATE, type ScaleState } from './autoscale.ts';
import { desiredInstances } from './desired.ts';
import { lagOf } from './lag.ts';
import { Series } from './series.ts';
import { trendOf, TREND_WINDOW_MS, type Trend } from './trend.ts';

/** Between two looks, ms. */
const LOOK_MS = 1_000;
/** Weight of a new measurement of what is in flight. */
const WEIGHT = 0.2;

/** What of a dispatcher scaling needs. */
export interface Scalable {
  readonly concurrency: number;
  readonly inFlight: number;
  /** Smoothed time of its handlers, ms; undefined before the first has ended. */
  readonly serviceMs: number | undefined;
  /** Messages that an entry of its mailbox usually holds. */
  readonly frameSize: number;
  /** Why it is paused: then its lag says nothing of its size. */
  readonly paused: string | undefined;
  resize(concurrency: number): void;
}

export interface ScalerNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Emitter;
  depth(mailbox: string): Promise<MailboxDepth>;
  /** How many instances serve it, this one included. */
  instances(service: string): number;
}

/** How a mailbox fares. */
export interface MailboxNumbers {
  /** As it was read. */
  readonly depth: MailboxDepth;
  /** Messages that wait in nobody's hands, as far as that can be told. */
  readonly lag: number;
  /** How long the oldest entry has been in the mailbox, ms; 0 when it is empty. */
  readonly oldestMs: number;
  /** Of the lag. */
  readonly trend: Trend;
}

interface Watched {
  readonly mailbox: string;
  readonly service: string;
  readonly target: Scalable;
  readonly policy: () => ScalePolicy | false;
  readonly lags: Series;
  state: ScaleState;
  /** Smoothed. */
  inFlight: number;
  numbers: MailboxNumbers | undefined;
  /** Since when another number of instances has been desired without a break. */
  desiredSince: number | undefined;
  /** When the last recommendation was given. */
  toldAt: number;
}

export class Scaler {
  readonly #needs: ScalerNeeds;
  readonly #watched = new Map<string, Watched>();

  constructor(needs: ScalerNeeds) {
    this.#needs = needs;
  }

  /** Begins to look after a mailbox of this node; the answer ends it. `policy` is asked anew at each look. */
  watch(mailbox: string, service: string, target: Scalable, policy: () => ScalePolicy | false): () => void {
    this.#watched.set(mailbox, {
      mailbox,
      service,
      target,
      policy,
      lags: new Series(TREND_WINDOW_MS),
      state: FIRST_STATE,
      inFlight: 0,
      numbers: undefined,
      desiredSince: undefined,
      toldAt: -Infinity,
    });
    return () => this.#watched.delete(mailbox);
  }

  /** As of the last look; undefined when nobody wants it looked at. */
  numbers(mailbox: string): MailboxNumbers | undefined {
    return this.#watched.get(mailbox)?.numbers;
  }

  /**
   * One look at every mailbox whose actor scales, and at all of them while somebody listens for `scale`; for `loop()`.
   * Answers when to look again, ms. Never rejects.
   */
  async step(): Promise<number> {
    const heard = this.#needs.events.heard('scale');
    await Promise.all(
      [...this.#watched.values()].map(async (one) => {
        const policy = one.policy();
        if (policy !== false || heard) await this.#look(one, policy);
        else one.numbers = undefined;
      }),
    );
    return LOOK_MS;
  }

  async #look(one: Watched, policy: ScalePolicy | false): Promise<void> {
    const { clock, log, depth } = this.#needs;
    try {
      this.#measure(one, await depth(one.mailbox));
    } catch (thrown) {
      log.debug(
        { evt: 'depth_failed', mailbox: one.mailbox, reason: messageOf(thrown) },
        'a mailbox could not be read',
      );
      return;
    }
    if (one.target.paused !== undefined) return;
    const { concurrency, inFlight } = one.target;
    const fixed = { ...DEFAULT_SCALE, min: concurrency, max: concurrency };
    const load = { at: clock.elapsed(), lag: one.numbers!.lag, inFlight, concurrency };
    const step = autoscale(one.state, load, policy === false ? fixed : policy);
    one.state = step.state;
    if (step.concurrency !== undefined) {
      one.target.resize(step.concurrency);
      log.info(
        { evt: 'scaled', mailbox: one.mailbox, from: concurrency, to: step.concurrency, lag: load.lag },
        'the concurrency follows the load',
      );
    }
    this.#recommend(one, policy === false ? fixed : policy);
  }

  #measure(one: Watched, depth: MailboxDepth): void {
    const { clock } = this.#needs;
    const lag = lagOf(depth, one.target.frameSize);
    one.lags.add(clock.elapsed(), lag);
    one.inFlight += WEIGHT * (one.target.inFlight - one.inFlight);
    one.numbers = {
      depth,
      lag,
      oldestMs: depth.oldestAt === undefined ? 0 : Math.max(0, clock.now() - depth.oldestAt),
      trend: trendOf(one.lags.points, { worse: 'higher', scale: 1 }),
    };
  }

  /** Told when it has stood for a while, and again once per cool-down as long as it stands. */
  #recommend(one: Watched, policy: ScalePolicy): void {
    const { clock, events } = this.#needs;
    const { lag, trend } = one.numbers!;
    const { concurrency, serviceMs = 0 } = one.target;
    const at = clock.elapsed();
    const instances = this.#needs.instances(one.service);
    const full = concurrency >= policy.max;
    const { behindSince } = one.state;
    const behind = full && behindSince !== undefined && at - behindSince >= policy.upAfterMs;
    const { desired, reason } = desiredInstances({
      instances,
      lag,
      lagPerMs: trend.direction === 'degrading' ? trend.perMs : 0,
      serviceMs,
      concurrency: policy.max,
      inFlight: one.inFlight,
      behind,
    });
    if (desired === instances) {
      one.desiredSince = undefined;
      return;
    }
    one.desiredSince ??= at;
    const stood = desired > instances || at - one.desiredSince >= policy.downAfterMs;
    if (!stood || at - one.toldAt < policy.coolDownMs) return;
    one.toldAt = at;
    events.emit('scale', { service: one.service, desired, instances, lag, reason });
  }
}
