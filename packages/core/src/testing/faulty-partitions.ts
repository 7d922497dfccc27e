import type { PartitionReader, Partitions } from '../ports/partitions.ts';
import type { Faults } from './faults.ts';

/** Keyed mailboxes seen through faults. */
export function faultyPartitions(inner: Partitions, faults: Faults): Partitions {
  const read: Partitions['read'] = async (mailbox, partition, intake) => {
    const reader = await inner.read(mailbox, partition, {
      room: () => (faults.asleep ? 0 : intake.room()),
      take: (claims) => intake.take(claims),
    });
    return readerOf(reader, faults);
  };
  return {
    count: (mailbox) => faults.call('other', () => inner.count(mailbox)),
    split: (mailbox, partitions, limits) => faults.call('other', () => inner.split(mailbox, partitions, limits)),
    owners: (mailbox) => faults.call('other', () => inner.owners(mailbox)),
    take: (mailbox, partition) => faults.call('other', () => inner.take(mailbox, partition)),
    release: (mailbox, partition) => faults.call('other', () => inner.release(mailbox, partition)),
    read: (mailbox, partition, intake) => faults.begin(() => read(mailbox, partition, intake)),
    states: (mailbox, partition, keys) => faults.call('other', () => inner.states(mailbox, partition, keys)),
    commit: (mailbox, partition, commit) => faults.call('commit', () => inner.commit(mailbox, partition, commit)),
    outgoing: (mailbox, partition, limit) => faults.call('other', () => inner.outgoing(mailbox, partition, limit)),
    relayed: (mailbox, partition, number) => faults.call('other', () => inner.relayed(mailbox, partition, number)),
  };
}

function readerOf(reader: PartitionReader, faults: Faults): PartitionReader {
  const forget = faults.whenAwake(() => reader.wake());
  return {
    wake: () => reader.wake(),
    seek: (after) => reader.seek(after),
    close: () => {
      forget();
      return reader.close();
    },
  };
}
