/** Work on whose behalf others are asked: when it is given up, so is what it waits for. */
import type { HomeostatError } from './errors.ts';

/** Told once why the work was given up. Must not throw. */
export type Follower = (reason: HomeostatError) => void;

export interface Scope {
  /** Why it was given up; undefined as long as it is not. */
  readonly gaveUp: HomeostatError | undefined;
  /** From now on this one is told; what has been given up already is not told again. */
  follow(follower: Follower): void;
  unfollow(follower: Follower): void;
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
