import type { Claim, Intake } from '../../ports/broker.ts';

/** One node that reads a mailbox. `member` answers its id while it is a member, and nothing while it may not claim. */
export interface Consumer {
  readonly intake: Intake;
  member(): string | undefined;
}

/** One consumer in one round of dealing. */
export interface Seat {
  readonly consumer: Consumer;
  readonly member: string;
  readonly claims: Claim[];
  room: number;
}

/** Most frames one consumer is dealt before the event loop gets its turn. */
const FRAMES_PER_ROUND = 256;

/** Those who read one mailbox, dealt to in turn. */
export class Consumers {
  readonly #consumers: Consumer[] = [];
  #turn = 0;

  get size(): number {
    return this.#consumers.length;
  }

  add(consumer: Consumer): void {
    this.#consumers.push(consumer);
  }

  remove(consumer: Consumer): void {
    const index = this.#consumers.indexOf(consumer);
    if (index !== -1) this.#consumers.splice(index, 1);
  }

  reads(member: string): boolean {
    return this.#consumers.some((consumer) => consumer.member() === member);
  }

  anyReads(): boolean {
    return this.#consumers.some((consumer) => consumer.member() !== undefined);
  }

  /** Who has room now, the next in turn first. */
  round(): Round {
    const seats: Seat[] = [];
    const size = this.#consumers.length;
    for (let step = 0; step < size; step += 1) {
      const consumer = this.#consumers[(this.#turn + step) % size] as Consumer;
      const member = consumer.member();
      if (member === undefined) continue;
      const room = Math.min(Math.floor(consumer.intake.room()), FRAMES_PER_ROUND);
      if (room > 0) seats.push({ consumer, member, claims: [], room });
    }
    this.#turn = size === 0 ? 0 : (this.#turn + 1) % size;
    return new Round(seats);
  }
}

/** One round of dealing: one frame each, in turn, as far as there is room. */
export class Round {
  readonly seats: readonly Seat[];
  #next = 0;

  constructor(seats: readonly Seat[]) {
    this.seats = seats;
  }

  hasRoom(): boolean {
    return this.seats.some((seat) => seat.room > 0);
  }

  /** The seat whose turn it is among those with room; not the one of `avoid`. */
  next(avoid?: string): Seat | undefined {
    const size = this.seats.length;
    for (let step = 0; step < size; step += 1) {
      const index = (this.#next + step) % size;
      const seat = this.seats[index] as Seat;
      if (seat.room <= 0 || seat.member === avoid) continue;
      this.#next = (index + 1) % size;
      return seat;
    }
    return undefined;
  }
}
