/**
 * What this node has written and the log has not brought yet. The answer to a write and the log come by different ways:
 * so a slot that the log has touched while a write was under way is left to the log, and what the log brings between is
 * older than what was written.
 */
interface Own {
  inFlight: boolean;
  /** The log has brought something of the slot since it was sent. */
  overtaken: boolean;
  /** Revision that is in the view and that the log has still to bring. */
  revision: number | undefined;
}

export class Ahead {
  readonly #own = new Map<string, Own>();

  sent(fingerprint: string): void {
    this.#own.set(fingerprint, {
      inFlight: true,
      overtaken: false,
      revision: this.#own.get(fingerprint)?.revision,
    });
  }

  /** Answers whether it may be brought into the view now. */
  committed(fingerprint: string, revision: number): boolean {
    const own = this.#own.get(fingerprint);
    if (own === undefined || own.overtaken) {
      this.#own.delete(fingerprint);
      return false;
    }
    own.inFlight = false;
    own.revision = revision;
    return true;
  }

  dropped(fingerprint: string): void {
    const own = this.#own.get(fingerprint);
    if (own?.revision === undefined) this.#own.delete(fingerprint);
    else own.inFlight = false;
  }

  /** The log brings this revision of the slot. Answers whether it is new. */
  hears(fingerprint: string, revision: number): boolean {
    const own = this.#own.get(fingerprint);
    if (own === undefined) return true;
    if (own.revision === undefined) {
      own.overtaken = true;
      return true;
    }
    if (revision < own.revision) return false;
    const isOwn = own.revision === revision;
    own.revision = undefined;
    if (!own.inFlight) this.#own.delete(fingerprint);
    return !isOwn;
  }

  /** Everything was read again: what is under way is left to the log. */
  reread(): void {
    for (const [fingerprint, own] of this.#own) {
      if (!own.inFlight) this.#own.delete(fingerprint);
      else {
        own.overtaken = true;
        own.revision = undefined;
      }
    }
  }
}
