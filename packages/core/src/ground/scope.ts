/** Work on whose behalf others are asked: when it is given up, so is what it waits for. */
import { Aborted, CallTimeout, type HomeostatError, type Outcome } from './errors.ts';

/** Told once why the work was given up. Must not throw. */
export type Follower = (reason: HomeostatError) => void;

export interface Scope {
  /** Why it was given up; undefined as long as it is not. */
  readonly gaveUp: HomeostatError | undefined;
  /** From now on this one is told; what has been given up already is not told again. */
  follow(follower: Follower): void;
  unfollow(follower: Follower): void;
}

/** How a request ends whose scope was given up: where the time of that was over, so was its own. */
export function endedWith(
  reason: HomeostatError,
  subject: string,
  waitedMs: number,
  outcome: Outcome = 'unknown',
): Aborted | CallTimeout {
  return reason.code === 'HANDLER_TIMEOUT'
    ? new CallTimeout(subject, waitedMs, outcome)
    : new Aborted(subject, reason, outcome);
}

/** A scope, and its end. */
export class OwnScope implements Scope {
  gaveUp: HomeostatError | undefined = undefined;
  readonly #followers = new Set<Follower>();

  follow(follower: Follower): void {
    this.#followers.add(follower);
  }

  unfollow(follower: Follower): void {
    this.#followers.delete(follower);
  }

  giveUp(reason: HomeostatError): void {
    if (this.gaveUp !== undefined) return;
    this.gaveUp = reason;
    for (const follower of [...this.#followers]) follower(reason);
  }
}
