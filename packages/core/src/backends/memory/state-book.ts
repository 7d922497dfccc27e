import type { Clock } from '../../ground/clock.ts';
import type { StateAnswer, StateChange, StateOperation, StateResult } from '../../ports/state.ts';
import { StateSpace } from './state-space.ts';

/** The shared state of a world, by space. */
export class StateBook {
  readonly #clock: Clock;
  readonly #spaces = new Map<string, StateSpace>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  each(space: string, operations: readonly StateOperation[]): StateAnswer[] {
    return this.#of(space).each(operations, this.#clock.now());
  }

  all(space: string, changes: readonly StateChange[]): StateResult {
    return this.#of(space).all(changes, this.#clock.now());
  }

  #of(name: string): StateSpace {
    let space = this.#spaces.get(name);
    if (space === undefined) this.#spaces.set(name, (space = new StateSpace()));
    return space;
  }
}
