import { nanoid } from 'nanoid';
import {
  forced,
  newBreaker,
  probed,
  recorded,
  released,
  restored,
  toState,
  type Breaker,
} from '../../breaker/breaker-state.ts';
import type { BreakerForce, BreakerPolicy, BreakerState, BreakerTally, ProbeAnswer } from '../../ports/breakers.ts';
import type { Clock } from '../../ground/clock.ts';
import type { Tell } from './world.ts';

/** A closed breaker that nobody told anything for so long is forgotten, ms: six hours. */
const FORGET_AFTER_MS = 21_600_000;

/** The shared breakers of a world. Each transition is news. */
export class BreakerBook {
  readonly #clock: Clock;
  readonly #tell: Tell;
  readonly #breakers = new Map<string, { breaker: Breaker; toldAt: number }>();

  constructor(clock: Clock, tell: Tell) {
    this.#clock = clock;
    this.#tell = tell;
  }

  record(
    name: string,
    tally: BreakerTally,
    policy: BreakerPolicy,
    by: string,
    known: BreakerState | undefined,
  ): BreakerState {
    return this.#turn(name, (breaker, now) => recorded(breaker, tally, policy, now, by), known);
  }

  probe(name: string, leaseMs: number, by: string): ProbeAnswer {
    const now = this.#clock.now();
    const { breaker, answer } = probed(this.#of(name, now), leaseMs, now, by, nanoid());
    if (answer.kind === 'granted') this.#turn(name, () => breaker);
    return answer;
  }

  release(name: string, token: string): void {
    if (this.#breakers.has(name)) this.#turn(name, (breaker) => released(breaker, token));
  }

  force(name: string, force: BreakerForce): BreakerState {
    return this.#turn(name, (breaker, now) => forced(breaker, force, now));
  }

  all(): readonly BreakerState[] {
    const now = this.#clock.now();
    const states: BreakerState[] = [];
    for (const [name, { breaker, toldAt }] of this.#breakers) {
      const state = toState(breaker, now);
      if (state.phase === 'closed' && now - toldAt > FORGET_AFTER_MS) this.#breakers.delete(name);
      else if (state.failures > 0 || state.changes > 0) states.push(state);
    }
    return states;
  }

  #turn(name: string, act: (breaker: Breaker, now: number) => Breaker, known?: BreakerState): BreakerState {
    const now = this.#clock.now();
    const changes = this.#breakers.get(name)?.breaker.changes ?? 0;
    const after = act(this.#of(name, now, known), now);
    this.#breakers.set(name, { breaker: after, toldAt: now });
    const state = toState(after, now);
    if (after.changes !== changes) this.#tell('breaker', name, state);
    return state;
  }

  /** Fewer transitions than a caller knows of: it was lost, though others may have begun it anew. */
  #of(name: string, now: number, known?: BreakerState): Breaker {
    const kept = this.#breakers.get(name)?.breaker ?? newBreaker(name, now);
    if (known === undefined || known.changes <= kept.changes) return kept;
    return known.phase === 'closed' ? { ...kept, changes: known.changes } : restored({ ...known, name }, now);
  }
}
