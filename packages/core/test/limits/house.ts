/** Desks of several nodes on one book, with a clock that is turned by hand. */
import { pino } from 'pino';
import { LimitBook } from '../../src/backends/memory/limit-book.ts';
import { NotMember, TransportError } from '../../src/ground/errors.ts';
import { Desk } from '../../src/limits/desk.ts';
import type { Holding, Turn, Waiter } from '../../src/limits/turn.ts';
import type { Limits } from '../../src/ports/limits.ts';
import { virtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

export class House {
  readonly clock: VirtualClock = virtualClock();
  readonly members: Set<string> = new Set();
  readonly #book = new LimitBook(this.clock);
  /** Questions that were put to the backend. */
  asked = 0;
  away = false;
  #held: Promise<void> | undefined;

  desk(id: string, { longestMs = Infinity, most = Infinity }: { longestMs?: number; most?: number } = {}): Desk {
    this.members.add(id);
    let held = 0;
    const holding: Holding = {
      longestMs: () => longestMs,
      mayHold: () => held < most,
      held: () => void (held += 1),
      freed: () => void (held -= 1),
    };
    const limits: Limits = {
      draw: async (service, draws) => this.#ask(() => this.#book.draw(service, draws)),
      share: async (service, claims) =>
        this.#ask(() => {
          if (!this.members.has(id)) throw new NotMember(id, 'not-executed');
          return this.#book.share(service, claims, id, (one) => this.members.has(one));
        }),
    };
    return new Desk({
      service: 'shop',
      limits,
      timers: this.clock,
      log: pino({ level: 'silent' }),
      holding,
      nodes: () => this.members.size,
      serviceMs: () => 10,
    });
  }

  waiter(answer: (turn: Turn) => void, facts: Partial<Waiter> = {}): Waiter {
    return { rank: 2, until: Infinity, since: this.clock.elapsed(), whose: {}, answer, ...facts };
  }

  /** From now on answers are kept back, until what it answers is called. */
  hold(): () => void {
    let go = (): void => undefined;
    this.#held = new Promise((resolve) => (go = resolve));
    return go;
  }

  async #ask<Answer>(answer: () => Answer): Promise<Answer> {
    this.asked += 1;
    if (this.away) throw new TransportError('away', { outcome: 'not-executed' });
    const answered = answer();
    if (this.#held !== undefined) await this.#held;
    return answered;
  }
}
