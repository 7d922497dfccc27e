/**
 * Somebody who waits for a message to get somewhere: a promise, a place in the deadline wheel and the receipt of the
 * envelope in one object, because there is one per message. Plain private fields: those with `#` cost more to set up.
 */
import type { Deadlined, Deadlines } from '../ground/deadlines.ts';
import { Aborted, CallTimeout, type HomeostatError, type Outcome } from '../ground/errors.ts';
import type { Receipt } from './outbox.ts';
import { endedWith, type Scope } from '../ground/scope.ts';
import { whenAborted } from '../ground/when-aborted.ts';

export abstract class Waiting implements Receipt, Deadlined {
  due = 0;
  next: Deadlined | undefined = undefined;
  previous: Deadlined | undefined = undefined;
  slot = -1;
  wanted = true;
  travels = false;
  /** Waits for room where there is none. */
  patient = false;
  protected readonly subject: string;
  private readonly deadlines: Deadlines;
  private readonly resolve: (value: unknown) => void;
  private readonly reject: (error: Error) => void;
  private readonly timeoutMs: number;
  private unfollow: (() => void) | undefined = undefined;

  constructor(
    deadlines: Deadlines,
    subject: string,
    timeoutMs: number,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ) {
    this.deadlines = deadlines;
    this.subject = subject;
    this.timeoutMs = timeoutMs;
    this.resolve = resolve;
    this.reject = reject;
  }

  abstract accepted(): void;

  refused(error: HomeostatError): void {
    this.fail(error);
  }

  expire(): void {
    this.fail(new CallTimeout(this.subject, this.timeoutMs, this.outcome()));
  }

  /** Ends the wait when the caller's signal aborts. @param left what to do then about a message that has left. */
  follow(signal: AbortSignal, left?: () => void): void {
    const aborted = (): void => this.abandon(new Aborted(this.subject, signal.reason, this.outcome()), left);
    this.atEnd(whenAborted(signal, aborted));
  }

  /** The same when the work ends on whose behalf it is. */
  within(scope: Scope, left: () => void): void {
    const givenUp = (reason: HomeostatError): void =>
      this.abandon(endedWith(reason, this.subject, this.timeoutMs, this.outcome()), left);
    scope.follow(givenUp);
    this.atEnd(() => scope.unfollow(givenUp));
  }

  succeed(value: unknown): void {
    if (this.end()) this.resolve(value);
  }

  fail(error: HomeostatError): void {
    if (this.end()) this.reject(error);
  }

  /** Called once, when the wait ends. */
  protected forget(): void {}

  private abandon(error: HomeostatError, left: (() => void) | undefined): void {
    const { travels } = this;
    this.fail(error);
    if (travels) left?.();
  }

  private atEnd(unfollow: () => void): void {
    const before = this.unfollow;
    this.unfollow =
      before === undefined
        ? unfollow
        : () => {
            before();
            unfollow();
          };
  }

  private outcome(): Outcome {
    return this.travels ? 'unknown' : 'not-executed';
  }

  private end(): boolean {
    if (!this.wanted) return false;
    this.wanted = false;
    this.unfollow?.();
    this.deadlines.remove(this);
    this.forget();
    return true;
  }
}

/** A cast that waits for its acceptance. */
export class WaitingCast extends Waiting {
  accepted(): void {
    this.succeed(undefined);
  }
}
