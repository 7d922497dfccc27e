/** Changes that happen all or not at all. */
import type { StateAnswer, StateChange } from '../ports/state.ts';
import { parseKey, parseLifetime, parseRevision, type StateLifetime } from './options.ts';
import type { Steps } from './steps.ts';

export type MultiResult =
  /**
   * One for each operation, in order: of a `set` the revision it wrote, of a `delete` whether there was anything, of a
   * `check` true.
   */
  | { readonly ok: true; readonly results: readonly (number | boolean)[] }
  /** Nothing was written: the first check that failed, and the revision it found (0: nothing stands there). */
  | { readonly ok: false; readonly key: string; readonly revision: number };

/** Takes down what is to happen together. */
export class StateTransaction<In> {
  readonly #space: string;
  readonly #steps: Steps<In, unknown>;
  readonly #taken: Promise<StateChange>[];

  constructor(space: string, steps: Steps<In, unknown>, taken: Promise<StateChange>[]) {
    this.#space = space;
    this.#steps = steps;
    this.#taken = taken;
  }

  /** Instead of `nx`: `check(key, 0)`. */
  set(key: string, value: In, options: StateLifetime = {}): this {
    return this.#take(async () => {
      const { ttlMs } = parseLifetime(this.#space, options);
      return this.#steps.writing(key, value, ttlMs);
    });
  }

  delete(key: string): this {
    return this.#take(async () => ({ kind: 'delete', key: parseKey(this.#space, key) }));
  }

  /** Nothing of the transaction happens unless the key is at this revision; 0: nothing stands there. Checks come first. */
  check(key: string, revision: number): this {
    return this.#take(async () => ({
      kind: 'check',
      key: parseKey(this.#space, key),
      revision: parseRevision(this.#space, revision),
    }));
  }

  #take(make: () => Promise<StateChange>): this {
    const change = make();
    // It is looked at later, or, where another is refused first, never.
    change.catch(() => undefined);
    this.#taken.push(change);
    return this;
  }
}

/** What one change has come to. */
export function changed(answer: StateAnswer): number | boolean {
  return answer.kind === 'written' ? answer.revision : answer.kind === 'done';
}
