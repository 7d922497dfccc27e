/**
 * Carries out endings of what was read of partitions: what is done in one script per lane, steps of one partition in one,
 * dead letters one by one. Only for claims of a tenure that is not over.
 */
import { ones } from './claims.ts';
import type { Claim, SettleResult, Settlement } from './core.ts';
import type { Ground } from './ground.ts';
import { run } from './script.ts';
import type { Tenure } from './tenures.ts';

/** Entries ended by one script. */
const MOST_ENDED = 512;

type KeyedSlot = { readonly index: number; readonly settlement: Settlement };
type Of<Kind extends Settlement['kind']> = Extract<Settlement, { readonly kind: Kind }>;
type Done = Of<'done'>;
type Step = Of<'progress' | 'mark'>;
type Bury = Of<'bury'>;

interface Held<Said extends Settlement = Settlement> {
  readonly index: number;
  readonly settlement: Said;
  readonly tenure: Tenure;
}

export class KeyedSettling {
  readonly #ground: Ground;

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** Each claim once. What is not carried out stays in `results` as it is. */
  async carryOut(owner: string, slots: readonly KeyedSlot[], results: SettleResult[]): Promise<void> {
    const done = new Map<number, Held<Done>[]>();
    const steps = new Map<Tenure, Held<Step>[]>();
    const work: Promise<void>[] = [];
    for (const { index, settlement } of slots) {
      const tenure = this.#ground.tenures.of(settlement.claim);
      if (tenure === undefined || tenure.owner !== owner) continue;
      switch (settlement.kind) {
        case 'done':
          add(done, tenure.lane, { index, settlement, tenure });
          break;
        case 'progress':
        case 'mark':
          add(steps, tenure, { index, settlement, tenure });
          break;
        case 'bury':
          work.push(this.#bury({ index, settlement, tenure }, results));
          break;
        default: // The order would be lost.
      }
    }
    for (const [lane, held] of done)
      for (let from = 0; from < held.length; from += MOST_ENDED)
        work.push(this.#done(owner, lane, held.slice(from, from + MOST_ENDED), results));
    for (const [tenure, held] of steps) work.push(this.#steps(owner, tenure, held, results));
    // All are waited for, so that nothing of this batch is under way when it is repeated.
    for (const outcome of await Promise.allSettled(work)) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #done(owner: string, lane: number, held: readonly Held<Done>[], results: SettleResult[]): Promise<void> {
    const byTenure = new Map<Tenure, Held<Done>[]>();
    for (const one of held) add(byTenure, one.tenure, one);
    const keys = [this.#ground.lane(lane).members];
    const args: (string | number)[] = [owner];
    const order: Held[] = [];
    for (const [{ partition, keys: own }, same] of byTenure) {
      keys.push(own.owners, own.stream, own.level, own.progress, own.kept);
      args.push(partition, same.length);
      for (const one of same) {
        const { claim } = one.settlement;
        args.push(claim.id, claim.todo === undefined ? claim.count : ones(claim.todo), claim.frame.length);
        order.push(one);
      }
    }
    this.#read(await run<string>(this.#ground.command, 'keyeddone', keys, args), owner, order, results);
  }

  async #steps(
    owner: string,
    { partition, lane, keys }: Tenure,
    held: readonly Held<Step>[],
    results: SettleResult[],
  ): Promise<void> {
    const args: (string | number)[] = [owner, partition];
    for (const { settlement } of held) {
      const { claim, todo } = settlement;
      const mark = settlement.kind === 'mark' ? settlement.index : '';
      const { charges, history = '' } = settlement.kind === 'progress' ? settlement : {};
      const spent = [...(charges ?? [])].map((charge) => charge.join(':')).join(',');
      args.push(claim.id, claimed(claim), todo, mark, claim.frame.length, spent, history);
    }
    const answer = await run<string>(
      this.#ground.command,
      'keyedprogress',
      [this.#ground.lane(lane).members, keys.owners, keys.stream, keys.level, keys.progress, keys.kept],
      args,
    );
    this.#read(answer, owner, held, results);
  }

  async #bury(held: Held<Bury>, results: SettleResult[]): Promise<void> {
    const { settlement, tenure } = held;
    const { owners, stream, level, progress, kept, dead } = tenure.keys;
    const { claim, moved, todo = '', reason, deliveries, history } = settlement;
    const answer = await run<number | string>(
      this.#ground.command,
      'keyedbury',
      [this.#ground.lane(tenure.lane).members, owners, stream, level, progress, kept, dead],
      [tenure.owner, tenure.partition, claim.id, moved, todo, reason, deliveries, history],
    );
    this.#read(String(answer), tenure.owner, [held], results);
  }

  #read(answer: string, owner: string, held: readonly Held[], results: SettleResult[]): void {
    if (answer === 'not-member') {
      for (const { index } of held) results[index] = 'not-member';
      this.#ground.registration.lose(owner, 'no member when settling');
      return;
    }
    held.forEach(({ index, settlement, tenure }, i) => {
      results[index] = answer.charCodeAt(i) === 0x31 ? 'settled' : 'lost';
      if (results[index] === 'lost' || ends(settlement)) tenure.inHand.delete(settlement.claim.id);
    });
  }
}

/** What a claim held to do when it was read. */
export function claimed(claim: Claim): string {
  return claim.todo ?? '1'.repeat(claim.count);
}

function ends(settlement: Settlement): boolean {
  return settlement.kind === 'done' || settlement.todo?.includes('1') !== true;
}

function add<Key, Item>(groups: Map<Key, Item[]>, key: Key, item: Item): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}
