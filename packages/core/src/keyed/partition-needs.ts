/** What a partition in its owner's hands needs of the actor, which all its partitions share. */
import type { Clock } from '../ground/clock.ts';
import type { Deadlines } from '../ground/deadlines.ts';
import type { HomeostatError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Broker } from '../ports/broker.ts';
import type { Partitions } from '../ports/partitions.ts';
import type { DeliveryOwner } from '../serving/delivery.ts';
import type { KeyedEndings } from './keyed-endings.ts';
import type { KeyedWaiting } from './keyed-waiting.ts';
import type { Partition } from './partition.ts';
import type { States } from './states.ts';

export interface PartitionNeeds {
  readonly mailbox: string;
  readonly partitions: Partitions;
  readonly broker: Pick<Broker, 'append'>;
  readonly waiting: KeyedWaiting;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxBodyBytes: number;
  /** Absent: nothing is kept by key. */
  readonly states: States | undefined;
  endings(): KeyedEndings;
  owner(): DeliveryOwner;
  /** The backend has refused what was to be written. Must not throw. */
  failed(error: HomeostatError): void;
  /** Starts what may start. */
  pump(): void;
  /** Messages may start. */
  isOpen(): boolean;
  /** A handler of the partition waits for the answer to a call that it has made. */
  waitsForCalls(partition: Partition): boolean;
  /** More could run than does. */
  hasRoom(): boolean;
}
