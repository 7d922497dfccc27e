/**
 * What a strategy has worked out for a list of instances: once per list, because lists do not change but are replaced.
 * What must outlive a list is taken over from the state before.
 */
import type { Instance } from '../registry/instance.ts';

export class PerList<State> {
  readonly #make: (list: readonly Instance[], before: State | undefined) => State;
  readonly #states = new WeakMap<readonly Instance[], State>();
  #list: readonly Instance[] | undefined;
  #state: State | undefined;

  constructor(make: (list: readonly Instance[], before: State | undefined) => State) {
    this.#make = make;
  }

  of(list: readonly Instance[]): State {
    if (list === this.#list) return this.#state as State;
    let state = this.#states.get(list);
    if (state === undefined) this.#states.set(list, (state = this.#make(list, this.#state)));
    this.#list = list;
    this.#state = state;
    return state;
  }
}

/** Names an instance from one list to the next. */
export function idOf({ mailbox, nodeId }: Instance): string {
  return `${nodeId}/${mailbox}`;
}
