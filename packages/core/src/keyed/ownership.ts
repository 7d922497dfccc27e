/**
 * Which partitions are this node's: those that rendezvous hashing gives it among the living nodes that serve the mailbox.
 * What is another's by now is handed over when nothing of it is in hand; what is this one's is taken when it is free.
 */
import { rankOf } from '../balance/rank.ts';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { sleep } from '../ground/loop.ts';
import { partitionName, type Partitions } from '../ports/partitions.ts';
import type { Partition } from './partition.ts';

/** Between two looks when nothing has happened, ms. */
const LOOK_MS = 1_000;
/** The same while something that is this node's is still another's, ms; grows. */
const EAGER_MS = 50;
const EAGER_MAX_MS = 500;

/** What runs of a partition that is handed over has so long to end before it is looked what it waits for, ms; doubles. */
const PATIENCE_MS = 500;
const PATIENCE_MAX_MS = 30_000;

/** Looks after which the backend is asked who owns what, though nothing is lacking: it may have forgotten. */
const CHECK_EVERY = 10;

export interface OwnershipNeeds {
  readonly mailbox: string;
  readonly count: number;
  readonly partitions: Pick<Partitions, 'owners' | 'take' | 'release'>;
  readonly log: Log;
  memberId(): string;
  /** Ids of the nodes that may own a partition; this one among them, if it may. */
  candidates(): readonly string[];
  make(number: number, orphaned: string | undefined): Partition;
}

/** Numbers of the partitions that are a node's. */
export function shareOf(mailbox: string, count: number, selfId: string, candidates: readonly string[]): number[] {
  if (!candidates.includes(selfId)) return [];
  return Array.from({ length: count }, (_, number) => number).filter(
    (number) => rankOf(partitionName(mailbox, number), selfId, candidates) === 0,
  );
}

export class Ownership {
  readonly #needs: OwnershipNeeds;
  readonly #owned = new Map<number, Partition>();
  /** Those that are being handed over. */
  readonly #leaving = new Set<Partition>();
  /** What is this node's, as it saw the others last. */
  #share: ReadonlySet<number> = new Set();
  readonly #retiring = new AbortController();
  readonly #stopping = new AbortController();
  /** Another one with each membership: what was begun under an older one is nobody's. */
  #epoch = 0;
  #looks = 0;
  #wake = new AbortController();
  #running: Promise<void> | undefined;
  /** The look that is being taken, or was last. */
  #looking: Promise<number> | undefined;
  #left: (() => void)[] = [];

  constructor(needs: OwnershipNeeds) {
    this.#needs = needs;
  }

  get owned(): Iterable<Partition> {
    return this.#owned.values();
  }

  get(number: number): Partition | undefined {
    return this.#owned.get(number);
  }

  /** Something about the others may have changed. */
  look(): void {
    this.#running ??= this.#run();
    this.#wake.abort();
  }

  /** Nothing is this node's from now on. Resolves when everything has been handed over. */
  async retire(): Promise<void> {
    this.#retiring.abort();
    this.look();
    // What it is taking just now must have been given back.
    await this.#looking;
    while (this.#owned.size > 0) await new Promise<void>((resolve) => this.#left.push(resolve));
  }

  /** The node is no member any more: nothing is its own. */
  drop(): void {
    this.#epoch += 1;
    for (const partition of this.#owned.values()) partition.close();
    this.#owned.clear();
    this.#tellLeft();
  }

  async close(): Promise<void> {
    this.#retiring.abort();
    this.#stopping.abort();
    this.#wake.abort();
    this.drop();
    await this.#running;
  }

  /** Nothing is this node's any more. */
  get #retired(): boolean {
    return this.#retiring.signal.aborted;
  }

  async #run(): Promise<void> {
    let waitMs = 0;
    while (!this.#stopping.signal.aborted) {
      this.#wake = new AbortController();
      waitMs = await (this.#looking = this.#step(waitMs));
      await sleep(waitMs, this.#wake.signal);
    }
  }

  /** Answers when to look again, ms. */
  async #step(waitedMs: number): Promise<number> {
    const epoch = this.#epoch;
    const { mailbox, count, memberId, candidates, log } = this.#needs;
    const share = (this.#share = new Set(this.#retired ? [] : shareOf(mailbox, count, memberId(), candidates())));
    for (const [number, partition] of this.#owned) {
      if (!share.has(number) && !this.#leaving.has(partition)) void this.#handOver(number, partition, epoch);
      else partition.look();
    }
    const isComplete = (): boolean => [...share].every((number) => this.#owned.has(number));
    this.#looks += 1;
    if (isComplete() && this.#looks % CHECK_EVERY !== 0) return LOOK_MS;
    try {
      await this.#compare(share, epoch);
    } catch (thrown) {
      log.warn({ evt: 'partitions_failed', mailbox, reason: messageOf(thrown) }, 'partitions could not be taken');
    }
    return isComplete() ? LOOK_MS : Math.min(EAGER_MAX_MS, Math.max(EAGER_MS, waitedMs >= LOOK_MS ? 0 : 2 * waitedMs));
  }

  /** What the backend says with what is believed here. */
  async #compare(share: ReadonlySet<number>, epoch: number): Promise<void> {
    const { mailbox, partitions, memberId, log } = this.#needs;
    const before = new Set(this.#owned.keys());
    const owners = await partitions.owners(mailbox);
    if (epoch !== this.#epoch) return;
    for (const number of before) {
      const partition = this.#owned.get(number);
      if (partition === undefined || partition.retiring || owners[number] === memberId()) continue;
      log.error(
        { evt: 'partition_lost', mailbox, partition: number },
        'the backend does not know any more that this node owns a partition; it is taken again if it is free',
      );
      partition.lose();
      this.#owned.delete(number);
    }
    const free = [...share].filter(
      (number) => !this.#owned.has(number) && (owners[number] === undefined || owners[number] === memberId()),
    );
    await Promise.all(free.map((number) => this.#take(number, epoch)));
  }

  async #take(number: number, epoch: number): Promise<void> {
    const { mailbox, partitions, make, memberId, log } = this.#needs;
    const member = memberId();
    const taken = await partitions.take(mailbox, number);
    if (taken.kind !== 'owned' || member !== memberId()) return;
    // Nobody else could have it as long as this node lives.
    if (epoch !== this.#epoch || this.#retired) return await partitions.release(mailbox, number);
    const partition = make(number, taken.orphaned);
    this.#owned.set(number, partition);
    try {
      await partition.open();
    } catch (thrown) {
      partition.close();
      if (this.#owned.get(number) === partition) this.#owned.delete(number);
      throw thrown;
    }
    log.debug({ evt: 'partition_taken', mailbox, partition: number, orphaned: taken.orphaned }, 'took a partition');
  }

  async #handOver(number: number, partition: Partition, epoch: number): Promise<void> {
    this.#leaving.add(partition);
    if (await this.#drained(number, partition)) await this.#release(number, partition, epoch);
    this.#leaving.delete(partition);
  }

  async #release(number: number, partition: Partition, epoch: number): Promise<void> {
    const { mailbox, partitions, log } = this.#needs;
    while (epoch === this.#epoch) {
      try {
        await partitions.release(mailbox, number);
        break;
      } catch (thrown) {
        log.warn({ evt: 'release_failed', mailbox, partition: number, reason: messageOf(thrown) }, 'it is tried again');
        await sleep(EAGER_MS, this.#stopping.signal);
        if (this.#stopping.signal.aborted) break;
      }
    }
    if (this.#owned.get(number) === partition) this.#owned.delete(number);
    log.debug({ evt: 'partition_released', mailbox, partition: number }, 'handed a partition over');
    this.#tellLeft();
    this.look();
  }

  /**
   * Resolves when nothing of it is in hand. What runs may wait for a call to another of its keys, which must not start
   * meanwhile: then it does for a while. False: it is this node's again, or was lost.
   */
  async #drained(number: number, partition: Partition): Promise<boolean> {
    let patienceMs = PATIENCE_MS;
    while (!(await partition.retire(this.#retired ? Infinity : patienceMs))) {
      if (this.#retired) continue;
      const isRead = await this.#resumed(number, partition);
      await sleep(patienceMs, this.#retiring.signal);
      if (isRead && this.#share.has(number)) return false;
      patienceMs = Math.min(PATIENCE_MAX_MS, 2 * patienceMs);
    }
    return this.#owned.get(number) === partition;
  }

  async #resumed(number: number, partition: Partition): Promise<boolean> {
    const { mailbox, log } = this.#needs;
    try {
      await partition.resume();
      return true;
    } catch (thrown) {
      log.warn(
        { evt: 'partitions_failed', mailbox, partition: number, reason: messageOf(thrown) },
        'it is tried again',
      );
      return false;
    }
  }

  #tellLeft(): void {
    for (const resolve of this.#left.splice(0)) resolve();
  }
}
