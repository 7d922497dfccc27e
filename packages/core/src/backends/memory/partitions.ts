import { NotMember, TransportError } from '../../ground/errors.ts';
import type { Intake, MailboxLimits, SettleResult } from '../../ports/broker.ts';
import {
  limitsOfPartition,
  MOST_PARTITIONS,
  partitionName,
  type KeyedCommit,
  type PartitionReader,
  type Partitions,
  type PartitionTaken,
  type RelayedFrame,
} from '../../ports/partitions.ts';
import type { Hold } from './hold.ts';
import { LogReader } from './log-reader.ts';
import { partOut } from './part-out.ts';
import type { Partition } from './partition.ts';

export class MemoryPartitions implements Partitions {
  readonly #hold: Hold;
  readonly #readers = new Map<string, LogReader>();

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  count(mailbox: string): Promise<number> {
    return this.#hold.use(() => this.#hold.world.mailbox(mailbox).partitions);
  }

  split(mailbox: string, partitions: number, limits: MailboxLimits): Promise<number> {
    return this.#hold.use(() => {
      if (!Number.isInteger(partitions) || partitions < 1 || partitions > MOST_PARTITIONS)
        throw new RangeError(`partitions must be 1 to ${MOST_PARTITIONS}, not ${partitions}`);
      const { world } = this.#hold;
      if (this.#hold.current() === undefined)
        throw new NotMember(this.#hold.member?.id ?? this.#hold.identity.name, 'not-executed');
      const shared = world.mailbox(mailbox);
      if (shared.partitions === 0) shared.partitions = partitions;
      for (let partition = 0; partition < shared.partitions; partition += 1)
        this.#partition(mailbox, partition).log.limits = limitsOfPartition(limits, shared.partitions);
      partOut(world, shared);
      return shared.partitions;
    });
  }

  owners(mailbox: string): Promise<readonly (string | undefined)[]> {
    return this.#hold.use(() => {
      const { partitions } = this.#hold.world.mailbox(mailbox);
      return Array.from({ length: partitions }, (_, partition) => this.#partition(mailbox, partition).owner());
    });
  }

  take(mailbox: string, partition: number): Promise<PartitionTaken> {
    return this.#hold.use((): PartitionTaken => {
      const member = this.#hold.current();
      if (member === undefined) return { kind: 'not-member' };
      return this.#partition(mailbox, partition).take(member.id);
    });
  }

  release(mailbox: string, partition: number): Promise<void> {
    return this.#hold.use(() => {
      const member = this.#hold.current();
      if (member !== undefined) this.#partition(mailbox, partition).release(member.id);
    });
  }

  read(mailbox: string, partition: number, intake: Intake): Promise<PartitionReader> {
    return this.#hold.use(() => {
      const from = this.#partition(mailbox, partition);
      const tenure = from.tenureOf(this.#hold.current()?.id);
      if (tenure === undefined) throw refused(`${from.name} is not this node's to read: take it first`);
      if (this.#readers.get(from.name)?.reading === true) throw refused(`${from.name} is read by this node already`);
      const mayRead = (): boolean => from.tenureOf(this.#hold.current()?.id) === tenure;
      const reader = new LogReader(from, tenure, intake, mayRead);
      this.#readers.set(from.name, reader);
      reader.wake();
      return reader;
    });
  }

  states(mailbox: string, partition: number, keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#hold.use(() => {
      const { states } = this.#partition(mailbox, partition);
      return keys.map((key) => {
        const state = states.get(key);
        return state === undefined ? undefined : new Uint8Array(state);
      });
    });
  }

  commit(mailbox: string, partition: number, commit: KeyedCommit): Promise<SettleResult> {
    return this.#hold.use((): SettleResult => {
      const member = this.#hold.current();
      if (member === undefined) return 'not-member';
      const at = this.#partition(mailbox, partition);
      const result = at.commit(member.id, commit);
      at.log.line.offer();
      return result;
    });
  }

  outgoing(mailbox: string, partition: number, limit: number): Promise<readonly RelayedFrame[]> {
    return this.#hold.use(() => this.#partition(mailbox, partition).outgoing(limit));
  }

  relayed(mailbox: string, partition: number, number: number): Promise<void> {
    return this.#hold.use(() => {
      const from = this.#partition(mailbox, partition);
      if (from.tenureOf(this.#hold.current()?.id) !== undefined) from.relayed(number);
    });
  }

  /** Stops all reading of this link. */
  async closeReaders(): Promise<void> {
    for (const reader of this.#readers.values()) await reader.close();
  }

  #partition(mailbox: string, partition: number): Partition {
    return this.#hold.world.partition(partitionName(mailbox, partition));
  }
}

function refused(message: string): TransportError {
  return new TransportError(message, { outcome: 'not-executed', retryable: false });
}
