/**
 * Which partitions are this node's, each since a `take`. A claim remembers under which tenure it was read: what was read
 * under an earlier one can do no harm when the partition has come back.
 */
import type { OwnedClaim } from './claims.ts';
import { partitionName, type Claim } from './core.ts';
import { laneOfMailbox, partitionKeys, type LaneKeys, type PartitionKeys } from './keys.ts';

export interface Tenure {
  /** Of the partition. */
  readonly name: string;
  readonly partition: number;
  readonly lane: number;
  readonly keys: PartitionKeys;
  /** The member that owns it. */
  readonly owner: string;
  /** What its claims carry as their hold. */
  readonly number: number;
  /** Entries that were handed out and have not ended. */
  readonly inHand: Set<string>;
}

let lastTenure = 0;

export class Tenures {
  readonly #lanes: readonly LaneKeys[];
  readonly #byName = new Map<string, Tenure>();
  /** Called with each that has ended. */
  onEnded: ((tenure: Tenure) => void) | undefined;

  constructor(lanes: readonly LaneKeys[]) {
    this.#lanes = lanes;
  }

  /** Begins one, unless it has begun. */
  begin(mailbox: string, partition: number, owner: string): void {
    const name = partitionName(mailbox, partition);
    if (this.#byName.get(name)?.owner === owner) return;
    const lane = laneOfMailbox(name, this.#lanes.length);
    const keys = partitionKeys(this.#lanes[lane] as LaneKeys, name);
    lastTenure += 1;
    this.#byName.set(name, { name, partition, lane, keys, owner, number: lastTenure, inHand: new Set() });
  }

  get(name: string): Tenure | undefined {
    return this.#byName.get(name);
  }

  all(): Tenure[] {
    return [...this.#byName.values()];
  }

  /** The tenure under which it was read, unless that is over. */
  of(claim: Claim): Tenure | undefined {
    const tenure = this.#byName.get(claim.mailbox);
    return tenure?.number === (claim as OwnedClaim).hold ? tenure : undefined;
  }

  end(name: string): void {
    const tenure = this.#byName.get(name);
    if (tenure === undefined) return;
    this.#byName.delete(name);
    this.onEnded?.(tenure);
  }

  /** The member that owned all this is no more. */
  clear(): void {
    for (const name of [...this.#byName.keys()]) this.end(name);
  }
}
