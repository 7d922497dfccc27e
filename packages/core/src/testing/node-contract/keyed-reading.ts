import { z } from 'zod';
import type { Backend, Link } from '../../backend.ts';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { sleep } from '../../ground/loop.ts';
import { partitionOf } from '../../keyed/partition-of.ts';
import type { Broker, Claim, Intake } from '../../ports/broker.ts';
import type { PartitionReader, Partitions } from '../../ports/partitions.ts';
import { altered, changed } from '../altered.ts';
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
    broker: changed(broker, { settle: settle(broker) }),
    partitions: changed(partitions, { read: read(partitions) }),
  }));
}

/** A backend that answers `read` when `answers` is resolved; what is read arrives before. */
function answeringLate(inner: Backend, answers: Promise<void>): Backend {
  return altered(inner, ({ partitions }) => ({
    partitions: changed(partitions, {
      read: async (mailbox, partition, intake) => {
        const reader = await partitions.read(mailbox, partition, intake);
        await answers;
        return reader;
      },
    }),
  }));
}

/** A backend that says of one partition how many bytes were read of it, and when there was no room for more. */
function measured(
  inner: Backend,
  seen: { bytes: number; full: boolean },
  more: (link: Link) => Partial<Link>,
): Backend {
  return altered(inner, (link) => {
    const alterations = more(link);
    const partitions = alterations.partitions ?? link.partitions;
    return {
      ...alterations,
      partitions: changed(partitions, {
        read: (mailbox, partition, intake) =>
          link.partitions.read(mailbox, partition, {
            room: () => {
              const room = intake.room();
              if (room === 0) seen.full = true;
              return room;
            },
            take: (claims) => {
              for (const { frame } of claims) seen.bytes += frame.byteLength;
              intake.take(claims);
            },
          }),
      }),
    };
  });
}

const BODY = 'x'.repeat(300_000);
const heavy = contract('heavy', {
  methods: { take: { input: z.string() }, weigh: { input: z.string(), output: z.number() } },
});

function large(partitions: number, work: () => Promise<void> | void = () => {}): Actor<typeof heavy.methods> {
  return actor(
    heavy,
    { take: () => work(), weigh: (body) => body.length },
    { keyed: { partitions }, ...(partitions === 1 ? { concurrency: 1 } : undefined) },
  );
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

  promised('endings of a keyed actor that the backend refuses are counted', async (t, stage) => {
    const backend = altered(stage.backend(), ({ broker }) => ({
      broker: changed(broker, { settle: async (batch) => (await broker.settle(batch)).map(() => 'lost') }),
    }));
    const server = await stage.serving(new Witness().actor(1), 'server', { backend });
    t.is(server.stats().lostSettlements, 0);
    t.is(await (await stage.node('caller')).client(tally).ask(1, { key: 'k' }), 1);
    await until('it to be counted', () => server.stats().lostSettlements === 1);
  });

  promised(
    'no more bytes of a partition are read than may be in memory, however large its bodies',
    async (t, stage) => {
      const { opened, open } = gate();
      let handled = 0;
      const serving = large(1, async () => {
        await opened;
        handled += 1;
      });
      await (await stage.serving(serving, 'first')).close();
      const caller = await stage.node('caller');
      for (const n of numbers(60)) await caller.client(heavy).take.cast(BODY, { key: `k${n}` });
      const seen = { bytes: 0, full: false };
      await stage.serving(serving, 'second', { backend: measured(stage.backend(), seen, () => ({})) });
      await until('no room to be left', () => seen.full);
      t.true(seen.bytes > 2 * BODY.length && seen.bytes < 5 * 1024 * 1024, `${seen.bytes} bytes`);
      open();
      await until('all to be handled', () => handled === 60);
    },
  );

  promised('the room that answers leave is used as soon as they have arrived', async (t, stage) => {
    const { opened, open } = gate();
    const never = gate();
    const seen = { bytes: 0, full: false };
    // It never comes to look whether something was left behind: it is still taking the other partition.
    const backend = measured(stage.backend(), seen, ({ broker, partitions }) => ({
      broker: changed(broker, {
        reply: async (inbox, frame) => {
          await opened;
          return await broker.reply(inbox, frame);
        },
      }),
      partitions: changed(partitions, {
        take: async (mailbox, number) => {
          if (number === 1) await never.opened;
          return await partitions.take(mailbox, number);
        },
      }),
    }));
    const caller = await stage.node('caller');
    await stage.serving(large(2), 'server', { backend });
    try {
      const keys = numbers(300)
        .map((n) => `k${n}`)
        .filter((key) => partitionOf(key, 2) === 0)
        .slice(0, 80);
      const api = caller.client(heavy, { timeoutMs: 20_000, retry: false });
      const answers = Promise.all(keys.map((key) => api.weigh(BODY, { key })));
      await until('no room to be left', () => seen.full && seen.bytes > 16 * 1024 * 1024);
      open();
      t.deepEqual(await answers, Array(80).fill(BODY.length));
    } finally {
      never.open();
    }
  });
}
