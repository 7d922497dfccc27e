/** One stream as its reader has it: what has arrived, who waits for more, and how it ends. */
import type { Clock } from '../ground/clock.ts';
import type { Deadlined, Deadlines } from '../ground/deadlines.ts';
import { Aborted, CallTimeout, messageOf, StreamBroken, type HomeostatError, type Outcome } from '../ground/errors.ts';
import { endedWith, type Scope } from '../ground/scope.ts';
import { whenAborted } from '../ground/when-aborted.ts';
import type { Receipt } from '../sending/outbox.ts';
import type { Envelope } from '../wire/envelope.ts';
import type { Frame } from '../wire/frame.ts';
import { Arrivals } from './arrivals.ts';
import type { StreamTerms } from './terms.ts';
import { ended, type ItemStream, type Step } from './item-stream.ts';

export interface IncomingNeeds {
  readonly subject: string;
  readonly terms: StreamTerms;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** So many of its items have been taken. */
  credit(producer: string, taken: number): void;
  /** It is not wanted any more; undefined: nobody knows yet who produces it. */
  cancel(producer: string | undefined): void;
  /** Called once, whichever way it ends. */
  over(): void;
  /** Called once, when its first item, or its end, is there; or with why neither will be. */
  opened(stream: Incoming): void;
  refused(error: HomeostatError): void;
}

type Waiter = (step: Promise<Step>) => void;

export class Incoming implements ItemStream<unknown>, Receipt {
  travels = false;
  readonly #needs: IncomingNeeds;
  readonly #arrivals = new Arrivals();
  readonly #waiters: Waiter[] = [];
  readonly #alarm: Alarm;
  /** On the clock's `elapsed()`, ms. */
  readonly #endsAt: number;
  readonly #startedAt: number;
  readonly #unfollow: (() => void)[] = [];
  #producer: string | undefined;
  #open = false;
  #over = false;
  /** What ended it, until somebody was told. */
  #error: HomeostatError | undefined;

  constructor(needs: IncomingNeeds) {
    const { terms, clock } = needs;
    this.#needs = needs;
    this.#alarm = new Alarm(() => this.#expired());
    this.#startedAt = clock.elapsed();
    this.#endsAt = terms.until === 0 ? Infinity : clock.elapsed() + terms.until - clock.now();
    this.#arm(true);
  }

  /** As a receipt: an envelope that has not left yet is left out once nobody reads. */
  get wanted(): boolean {
    return !this.#over;
  }

  get producer(): string | undefined {
    return this.#producer;
  }

  /** The call was accepted; its items are to come. */
  accepted(): void {}

  /** The call did not arrive. */
  refused(error: HomeostatError): void {
    this.#end(error);
  }

  item(frame: Frame, envelope: Envelope): void {
    if (this.#over) return;
    this.#producer ??= frame.from;
    // Somebody else cannot go on with it.
    if (frame.from !== this.#producer) return;
    const arrival = this.#arrivals.put(frame, envelope);
    if (arrival === 'again') return;
    if (arrival === 'gap') return this.break(`items before number ${envelope.number} did not arrive`);
    if (arrival === 'beyond') return this.break('more came than the reader had room for');
    this.#opens();
    if (this.#waiters.length === 0) return;
    const step = this.#take();
    // Unless it could not be read: then all of them were told.
    this.#waiters.shift()?.(step);
    if (!this.#over) this.#arm(this.#waiters.length > 0);
  }

  /** The producer says that it has sent all of it. */
  finish(from: string, count: unknown): void {
    if (this.#producer !== undefined && from !== this.#producer) return;
    if (count === this.#arrivals.received) this.#end(undefined);
    else this.break(`${this.#arrivals.received} items have arrived of ${typeof count === 'number' ? count : '?'}`);
  }

  /** It ends with this, once what has arrived is taken. */
  fail(error: HomeostatError): void {
    this.#end(error);
  }

  /** As `fail`, and the producer shall stop. */
  break(reason: string): void {
    this.stop(new StreamBroken(this.#needs.subject, reason));
  }

  /** As `fail`, and the producer is told. */
  stop(error: HomeostatError | undefined): void {
    if (this.#over) return;
    this.#end(error);
    if (this.travels) this.#needs.cancel(this.#producer);
  }

  /** Ends at once when the signal aborts. */
  follow(signal: AbortSignal): void {
    const aborted = (): void => this.#abandon(new Aborted(this.#needs.subject, signal.reason, this.#outcome));
    this.#unfollow.push(whenAborted(signal, aborted));
  }

  /** Ends at once when the work ends on whose behalf it is read. */
  within(scope: Scope): void {
    const givenUp = (reason: HomeostatError): void =>
      this.#abandon(endedWith(reason, this.#needs.subject, this.#elapsed, this.#outcome));
    scope.follow(givenUp);
    this.#unfollow.push(() => scope.unfollow(givenUp));
  }

  next(): Promise<Step> {
    if (!this.#arrivals.empty) return this.#take();
    if (this.#over) return this.#last();
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      if (this.#waiters.length === 1) this.#arm(true);
    });
  }

  return(): Promise<Step> {
    this.#arrivals.drop();
    this.stop(undefined);
    this.#error = undefined;
    this.#release();
    return ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): Promise<Step> {
    try {
      const value = this.#arrivals.take(this.#credit);
      if (this.#over && this.#arrivals.empty) this.#release();
      return Promise.resolve({ done: false, value });
    } catch (thrown) {
      this.#arrivals.drop();
      this.break(`an item could not be read: ${messageOf(thrown)}`);
      return this.#last();
    }
  }

  readonly #credit = (): void => {
    if (!this.#over) this.#needs.credit(this.#producer!, this.#arrivals.taken);
  };

  /** What a reader gets who has had everything. */
  #last(): Promise<Step> {
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? ended() : Promise.reject(error);
  }

  #opens(): void {
    if (this.#open) return;
    this.#open = true;
    this.#arm(false);
    this.#needs.opened(this);
  }

  #expired(): void {
    const { terms, clock, subject } = this.#needs;
    const waitedMs = clock.elapsed() >= this.#endsAt ? this.#elapsed : terms.stepMs;
    this.stop(new CallTimeout(subject, waitedMs, this.#outcome));
  }

  /** What has arrived is not wanted either. */
  #abandon(error: HomeostatError): void {
    this.#arrivals.drop();
    if (!this.#over) return this.stop(error);
    this.#error = error;
    this.#release();
  }

  #release(): void {
    for (const unfollow of this.#unfollow.splice(0)) unfollow();
  }

  get #elapsed(): number {
    return this.#needs.clock.elapsed() - this.#startedAt;
  }

  get #outcome(): Outcome {
    return this.travels ? 'unknown' : 'not-executed';
  }

  #end(error: HomeostatError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#needs.deadlines.remove(this.#alarm);
    if (this.#arrivals.empty) this.#release();
    this.#needs.over();
    if (!this.#open) {
      this.#open = true;
      if (error === undefined) this.#needs.opened(this);
      else this.#needs.refused(error);
    }
    // Whoever waits has had everything that came.
    for (const waiter of this.#waiters.splice(0)) waiter(this.#last());
  }

  /** @param waiting somebody waits for the next item. */
  #arm(waiting: boolean): void {
    const { deadlines, clock, terms } = this.#needs;
    deadlines.remove(this.#alarm);
    const due = waiting ? Math.min(this.#endsAt, clock.elapsed() + terms.stepMs) : this.#endsAt;
    if (due !== Infinity) deadlines.add(this.#alarm, due);
  }
}

/** Its place in the wheel of deadlines: `next` is another thing to a stream. */
class Alarm implements Deadlined {
  due = 0;
  next: Deadlined | undefined = undefined;
  previous: Deadlined | undefined = undefined;
  slot = -1;
  readonly expire: () => void;

  constructor(expire: () => void) {
    this.expire = expire;
  }
}
