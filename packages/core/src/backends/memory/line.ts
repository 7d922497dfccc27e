/** Who stands in line for room in a mailbox, first come first served. */

/** Who does not use its turn for so long has lost its place, ms. */
const TURN_MS = 1_000;
const MOST_IN_LINE = 10_000;

export interface LineNeeds {
  elapsed(): number;
  isMember(id: string): boolean;
  /** Whether anything would fit. */
  hasRoom(): boolean;
  /** The turn of this member has come. */
  tell(id: string): void;
}

export class Line {
  readonly #needs: LineNeeds;
  readonly #members = new Set<string>();
  /** Since when the first may append, on the clock's `elapsed()`, ms; undefined: it may not yet. */
  #turnAt: number | undefined;

  constructor(needs: LineNeeds) {
    this.#needs = needs;
  }

  /** Whether others come first. */
  isBehind(member: string): boolean {
    for (const first of this.#members) {
      if (first === member) return false;
      if (!this.#isForfeit(first)) {
        this.offer();
        return true;
      }
      this.#remove(first);
    }
    return false;
  }

  stand(member: string): void {
    if (this.#members.size < MOST_IN_LINE) this.#members.add(member);
    if (this.#first() === member) this.#turnAt = undefined;
  }

  /** The member has got its room. */
  leave(member: string): void {
    if (this.#members.size === 0) return;
    this.#remove(member);
    this.offer();
  }

  /** Nobody at this member wants its turn any more. */
  pass(member: string): void {
    if (this.#first() === member) this.leave(member);
  }

  /** There may be room. */
  offer(): void {
    if (this.#turnAt !== undefined || !this.#needs.hasRoom()) return;
    let first = this.#first();
    while (first !== undefined && !this.#needs.isMember(first)) {
      this.#remove(first);
      first = this.#first();
    }
    if (first === undefined) return;
    this.#turnAt = this.#needs.elapsed();
    this.#needs.tell(first);
  }

  #first(): string | undefined {
    const [first] = this.#members;
    return first;
  }

  #isForfeit(first: string): boolean {
    return (
      !this.#needs.isMember(first) || (this.#turnAt !== undefined && this.#needs.elapsed() - this.#turnAt > TURN_MS)
    );
  }

  #remove(member: string): void {
    if (this.#first() === member) this.#turnAt = undefined;
    this.#members.delete(member);
  }
}
