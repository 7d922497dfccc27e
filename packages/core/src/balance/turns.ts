/** One strategy at work for one service: whom it picked last, and how often whom. */
import { isRoutable, type Instance } from '../registry/instance.ts';
import { PerList } from './per-list.ts';
import type { Strategy } from './strategy.ts';

export interface Selection {
  readonly service: string;
  readonly strategy: string;
  readonly nodeId: string;
  readonly count: number;
}

/** Nodes whose picks are counted; of more, the one that was picked first is forgotten. */
const MAX_COUNTED = 1_000;

export class Turns {
  readonly #choose: Strategy;
  readonly #routable = new PerList<readonly Instance[]>((list) =>
    list.every(({ status }) => isRoutable(status)) ? list : list.filter(({ status }) => isRoutable(status)),
  );
  readonly #counts = new Map<string, number>();

  constructor(choose: Strategy) {
    this.#choose = choose;
  }

  next(instances: readonly Instance[], key: string | undefined, allowUnhealthy: boolean): Instance | null {
    const list = allowUnhealthy ? instances : this.#routable.of(instances);
    if (list.length === 0) return null;
    const chosen = list[this.#choose(list, key)];
    if (chosen === undefined) return null;
    this.#count(chosen.nodeId);
    return chosen;
  }

  counts(): readonly Pick<Selection, 'nodeId' | 'count'>[] {
    return [...this.#counts].map(([nodeId, count]) => ({ nodeId, count }));
  }

  #count(nodeId: string): void {
    const count = this.#counts.get(nodeId);
    if (count === undefined && this.#counts.size >= MAX_COUNTED) {
      const first = this.#counts.keys().next();
      if (first.done !== true) this.#counts.delete(first.value);
    }
    this.#counts.set(nodeId, (count ?? 0) + 1);
  }
}
