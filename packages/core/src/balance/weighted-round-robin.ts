/**
 * In turn, each as often as its share: the smooth weighted round robin of nginx. Every pick adds its share to each
 * instance's credit, takes the richest, and charges that one with all shares. So 3:1 is a a b a and never a a a b.
 */
import { idOf, PerList } from './per-list.ts';
import { sharesOf } from './shares.ts';
import type { Instance } from '../registry/instance.ts';
import type { MakeStrategy } from './strategy.ts';

/** Picks that a new service may begin ahead by, so that many nodes do not begin with the same instance. */
const MAX_HEAD_START = 64;

class Round {
  readonly #ids: readonly string[];
  readonly #shares: Float64Array;
  readonly #credit: Float64Array;
  readonly #total: number;

  constructor(list: readonly Instance[], before: Round | undefined, random: () => number) {
    this.#ids = list.map(idOf);
    this.#shares = sharesOf(list);
    this.#total = this.#shares.reduce((sum, share) => sum + share, 0);
    const kept = before?.credits();
    this.#credit = Float64Array.from(this.#ids, (id) => kept?.get(id) ?? 0);
    if (before === undefined) this.#headStart(Math.floor(random() * Math.min(list.length, MAX_HEAD_START)));
  }

  next(): number {
    const credit = this.#credit;
    const shares = this.#shares;
    let richest = 0;
    let most = -Infinity;
    for (let index = 0; index < credit.length; index += 1) {
      const has = (credit[index] as number) + (shares[index] as number);
      credit[index] = has;
      if (has > most) {
        most = has;
        richest = index;
      }
    }
    credit[richest] = most - this.#total;
    return richest;
  }

  credits(): ReadonlyMap<string, number> {
    return new Map(this.#ids.map((id, index) => [id, this.#credit[index] as number]));
  }

  #headStart(picks: number): void {
    for (let picked = 0; picked < picks; picked += 1) this.next();
  }
}

export const weightedRoundRobin: MakeStrategy = ({ random }) => {
  const rounds = new PerList<Round>((list, before) => new Round(list, before, random));
  return (instances) => rounds.of(instances).next();
};
