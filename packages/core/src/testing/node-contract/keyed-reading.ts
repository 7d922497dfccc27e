import type { Backend } from '../../backend.ts';
import { sleep } from '../../ground/loop.ts';
import type { Broker, Claim, Intake } from '../../ports/broker.ts';
import type { PartitionReader, Partitions } from '../../ports/partitions.ts';
import { altered } from '../altered.ts';
import { tally, Witness } from './keyed-witness.ts';
import { gate, numbers, until, type Promised } from './stage.ts';

/** What was read is handed over this long after the answer to what was settled meanwhile, ms. */
const LATE_MS = 20;

/**
 * A backend whose partitions are read once more just before something of them is settled for the first time, and what was
 * read arrives after that has been answered. `arrived` is told then.
 */
function readingLate(inner: Backend, arrived: () => void): Backend {
  const taken: Claim[] = [];
  let intake: Intake | undefined;
  let reader: PartitionReader | undefined;
  let isLate = false;
  let wasLate = false;
  const read =
    (partitions: Partitions): Partitions['read'] =>
    async (mailbox, partition, to) => {
      intake = to;
      reader = await partitions.read(mailbox, partition, {
        room: () => (isLate ? 0 : to.room()),
        take: (claims) => {
          taken.push(...claims.map((claim) => ({ ...claim, frame: new Uint8Array(claim.frame) })));
          to.take(claims);
        },
      });
      return reader;
    };
  const arrive = async (): Promise<void> => {
    await sleep(LATE_MS);
    isLate = false;
    intake?.take(taken);
    reader?.wake();
    arrived();
  };
  const settle =
    (broker: Broker): Broker['settle'] =>
    async (batch) => {
      const begins = !wasLate && taken.length > 0 && (intake?.room() ?? 0) > 0;
      if (begins) isLate = wasLate = true;
      const results = await broker.settle(batch);
      if (begins) void arrive();
      return results;
    };
  return altered(inner, ({ broker, partitions }) => ({
    broker: new Proxy(broker, {
      get: (_, name: keyof Broker) => (name === 'settle' ? settle(broker) : broker[name].bind(broker)),
    }),
    partitions: withRead(partitions, read(partitions)),
  }));
}

/** A backend that answers `read` when `answers` is resolved; what is read arrives before. */
function answeringLate(inner: Backend, answers: Promise<void>): Backend {
  return altered(inner, ({ partitions }) => ({
    partitions: withRead(partitions, async (mailbox, partition, intake) => {
      const reader = await partitions.read(mailbox, partition, intake);
      await answers;
      return reader;
    }),
  }));
}

function withRead(partitions: Partitions, read: Partitions['read']): Partitions {
  return new Proxy(partitions, {
    get: (_, name: keyof Partitions) => (name === 'read' ? read : partitions[name].bind(partitions)),
  });
}

export function keyedReading(promised: Promised): void {
  promised('what was read of a partition before its end, and comes after it, is not run again', async (t, stage) => {
    let arrived = false;
    const witness = new Witness();
    const backend = readingLate(stage.backend(), () => (arrived = true));
    const server = await stage.serving(witness.actor(1), 'server', { backend });
    const api = (await stage.node('caller')).client(tally);
    t.is(await api.ask(0, { key: 'k' }), 0);
    await until('it to arrive once more', () => arrived);
    t.is(await api.ask(1, { key: 'k' }), 1);
    t.deepEqual(witness.done.get('k'), [0, 1]);
    await until('nothing to be left', async () => (await server.depth(tally)).messages === 0);
  });

  promised('what is skipped of a key before its reader is known is read again once it is', async (t, stage) => {
    const first = await stage.serving(new Witness().actor(1), 'first');
    const { opened, open } = gate();
    const witness = new Witness();
    const api = (await stage.node('caller')).client(tally);
    await first.close();
    // More than of one key are kept in memory.
    await Promise.all(numbers(400).map((n) => api.add.cast(n, { key: 'k' })));
    await stage.serving(witness.actor(1), 'second', { backend: answeringLate(stage.backend(), opened) });
    await until('those in memory to be done', () => witness.total === 256);
    open();
    await until('the others to be done', () => witness.total === 400);
    t.deepEqual(witness.done.get('k'), numbers(400));
  });
}
