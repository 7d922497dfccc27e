import type { Ticket } from './ticket.ts';

/** Places at the front that are given up together. */
const COMPACT_AFTER = 1_024;

/** Jobs that wait for a thread, first come first served. Those taken back from a thread go before all others. */
export class TicketQueue {
  #line: Ticket[] = [];
  #head = 0;
  /** In reverse: the next one is last. */
  #returned: Ticket[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(ticket: Ticket): void {
    ticket.queued = true;
    this.#line.push(ticket);
    this.#size += 1;
  }

  /** Puts tickets back before all others, oldest first among themselves and those put back before. */
  putBack(tickets: readonly Ticket[]): void {
    for (const ticket of tickets) ticket.queued = true;
    this.#size += tickets.length;
    this.#returned = [...this.#returned, ...tickets]
      .filter((ticket) => ticket.queued)
      .toSorted((a, b) => b.number - a.number);
  }

  shift(): Ticket | undefined {
    for (;;) {
      const ticket = this.#returned.pop() ?? this.#next();
      if (ticket === undefined) return undefined;
      if (!ticket.queued) continue;
      this.remove(ticket);
      return ticket;
    }
  }

  /** The ticket stays in its place, unheeded, until its turn comes. */
  remove(ticket: Ticket): void {
    ticket.queued = false;
    this.#size -= 1;
  }

  *[Symbol.iterator](): Generator<Ticket> {
    for (const ticket of [...this.#returned.toReversed(), ...this.#line.slice(this.#head)])
      if (ticket.queued) yield ticket;
  }

  #next(): Ticket | undefined {
    if (this.#head >= this.#line.length) {
      if (this.#head > 0) this.#line = [];
      this.#head = 0;
      return undefined;
    }
    const ticket = this.#line[this.#head++];
    if (this.#head === COMPACT_AFTER) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
    return ticket;
  }
}
