/**
 * Equal keys to the same instance, from every node; when one of n goes, only its keys move (Karger et al., 1997). Each
 * instance has 100 places on a ring; a key belongs to the next place. A request without a key goes round robin.
 */
import { hash32 } from './hash.ts';
import { idOf, PerList } from './per-list.ts';
import { roundRobin } from './round-robin.ts';
import type { Instance } from '../registry/instance.ts';
import type { MakeStrategy } from './strategy.ts';

const PLACES = 100;

class Ring {
  readonly #ids: readonly string[];
  /** Ascending. */
  readonly #places: Uint32Array;
  /** Which instance of the list has the place. */
  readonly #owners: Uint32Array;

  constructor(list: readonly Instance[]) {
    this.#ids = list.map(idOf);
    // Two that land on the same place are told apart by their ids, not by where they stand in this list.
    const places = this.#ids
      .flatMap((id, owner) => Array.from({ length: PLACES }, (_, n) => ({ at: hash32(`${id}#${n}`), id, owner })))
      .sort((one, other) => one.at - other.at || (one.id < other.id ? -1 : 1));
    this.#places = Uint32Array.from(places, ({ at }) => at);
    this.#owners = Uint32Array.from(places, ({ owner }) => owner);
  }

  /** The list has the same instances in the same order. */
  fits(list: readonly Instance[]): boolean {
    return list.length === this.#ids.length && list.every((instance, index) => idOf(instance) === this.#ids[index]);
  }

  ownerOf(key: string): number {
    const at = hash32(key);
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#places[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    return this.#owners[low === this.#places.length ? 0 : low] as number;
  }
}

export const consistentHash: MakeStrategy = (figures) => {
  const rings = new PerList<Ring>((list, before) => (before?.fits(list) === true ? before : new Ring(list)));
  const keyless = roundRobin(figures);
  return (instances, key) => (key === undefined ? keyless(instances, key) : rings.of(instances).ownerOf(key));
};
