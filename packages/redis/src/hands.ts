/**
 * What is in this node's hands: which entry of which mailbox, by which hold. An entry that was handed back and came to
 * this node again is held anew, and its old claim can do it no harm.
 */
import type { OwnedClaim } from './claims.ts';
import type { Claim } from './core.ts';

export class Hands {
  readonly #byMailbox = new Map<string, Map<string, OwnedClaim>>();

  /** Entries of one mailbox, by id. Stays with its name, whatever reader comes and goes. */
  of(mailbox: string): Map<string, OwnedClaim> {
    let held = this.#byMailbox.get(mailbox);
    if (held === undefined) {
      held = new Map();
      this.#byMailbox.set(mailbox, held);
    }
    return held;
  }

  holds(claim: Claim): boolean {
    return this.#byMailbox.get(claim.mailbox)?.get(claim.id)?.hold === (claim as OwnedClaim).hold;
  }

  release(claim: Claim): void {
    if (this.holds(claim)) this.#byMailbox.get(claim.mailbox)?.delete(claim.id);
  }

  all(): OwnedClaim[] {
    return [...this.#byMailbox.values()].flatMap((held) => [...held.values()]);
  }

  /** The member that held all this is no more. */
  clear(): void {
    for (const held of this.#byMailbox.values()) held.clear();
  }
}
