/** Tells the others what has changed about this node, sooner than the next beat would. */
import type { Membership } from '../../ports/membership.ts';
import type { Standing } from '../standing.ts';

export class Announcing {
  readonly #membership: Pick<Membership, 'announce'>;
  readonly #standing: Pick<Standing, 'member'>;
  #planned = false;

  constructor(membership: Pick<Membership, 'announce'>, standing: Pick<Standing, 'member'>) {
    this.#membership = membership;
    this.#standing = standing;
  }

  /** Many changes at once are one announcement. */
  soon(): void {
    if (this.#planned || !this.#standing.member) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      if (this.#standing.member) void this.now();
    });
  }

  /** Resolves when the others can see it, or cannot be told: the next beat does that anyway. */
  async now(): Promise<void> {
    await this.#membership.announce().catch(() => undefined);
  }
}
