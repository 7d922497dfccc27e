import { pino } from 'pino';
import test from 'ava';
import { TransportError } from '../../src/ground/errors.ts';
import { Ownership, shareOf } from '../../src/keyed/ownership.ts';
import type { Partition } from '../../src/keyed/partition.ts';
import type { PartitionTaken } from '../../src/ports/partitions.ts';
import { waitFor } from '../../src/testing/wait-for.ts';

const SILENT = pino({ level: 'silent' });
const nodes = (count: number): string[] => Array.from({ length: count }, (_, node) => `node-${node}-abcdef`);

test("each partition is exactly one node's, about equally many each, and a node that goes moves only its own", (t) => {
  const all = nodes(5);
  const shares = new Map(all.map((id) => [id, shareOf('bank@1', 256, id, all)]));
  t.deepEqual(
    [...shares.values()].flat().toSorted((one, other) => one - other),
    Array.from({ length: 256 }, (_, n) => n),
  );
  for (const [id, share] of shares) t.true(share.length > 25 && share.length < 80, `${id}: ${share.length}`);
  const left = all.slice(1);
  for (const id of left) {
    const now = new Set(shareOf('bank@1', 256, id, left));
    t.true(
      shares.get(id)!.every((number) => now.has(number)),
      'nothing is taken from who stays',
    );
  }
  t.deepEqual(shareOf('bank@1', 256, 'stranger', all), []);
});

class Bench {
  readonly owners: (string | undefined)[] = [undefined, undefined, undefined, undefined];
  readonly made: { number: number; orphaned: string | undefined; lost: boolean; closed: boolean }[] = [];
  readonly released: number[] = [];
  candidates: readonly string[] = ['me'];
  memberId = 'me';
  failures = 0;
  /** Resolves the handing over. */
  readonly finish: (() => void)[] = [];
  readonly ownership: Ownership = new Ownership({
    mailbox: 'bank@1',
    count: 4,
    log: SILENT,
    memberId: () => this.memberId,
    candidates: () => this.candidates,
    partitions: {
      owners: async () => {
        if (this.failures > 0) {
          this.failures -= 1;
          throw new TransportError('away', { outcome: 'not-executed' });
        }
        return [...this.owners];
      },
      take: async (_mailbox, number): Promise<PartitionTaken> => {
        const owner = this.owners[number];
        if (owner !== undefined && owner !== this.memberId) return { kind: 'held', by: owner };
        this.owners[number] = this.memberId;
        return { kind: 'owned', ...(number === 2 ? { orphaned: '7' } : undefined) };
      },
      release: async (_mailbox, number) => {
        if (this.failures > 0) {
          this.failures -= 1;
          throw new TransportError('away');
        }
        this.owners[number] = undefined;
        this.released.push(number);
      },
    },
    make: (number, orphaned) => this.#make(number, orphaned),
  });

  until(what: string, condition: () => boolean): Promise<unknown> {
    return waitFor(condition, { withinMs: 5_000, what });
  }

  get owned(): number {
    return [...this.ownership.owned].length;
  }

  #make(number: number, orphaned: string | undefined): Partition {
    const one = { number, orphaned, lost: false, closed: false, retiring: false };
    this.made.push(one);
    const fake = {
      number,
      get retiring(): boolean {
        return one.retiring;
      },
      open: async () => {},
      look: () => {},
      retire: () => {
        one.retiring = true;
        return new Promise<boolean>((resolve) => this.finish.push(() => resolve(true)));
      },
      lose: () => {
        one.lost = true;
      },
      close: () => {
        one.closed = true;
      },
    };
    return fake as unknown as Partition;
  }
}

test("what is free is taken, what another one has is waited for, and what is another's by now is handed over drained", async (t) => {
  const bench = new Bench();
  bench.owners[1] = 'other';
  bench.failures = 1;
  bench.ownership.look();
  await bench.until('the free ones', () => bench.owned === 3);
  t.is(bench.made.find(({ number }) => number === 2)?.orphaned, '7');
  bench.owners[1] = undefined;
  await bench.until('the last one, without being told', () => bench.owned === 4);
  bench.candidates = ['other'];
  bench.ownership.look();
  await bench.until('all to be drained', () => bench.finish.length === 4);
  t.deepEqual(bench.released, []);
  bench.failures = 2;
  for (const finish of bench.finish) finish();
  await bench.until('all to be released, though it failed twice', () => bench.released.length === 4);
  t.is(bench.owned, 0);
  await bench.ownership.close();
});

test('a node that is no member any more owns nothing, and begins anew under its next id', async (t) => {
  const bench = new Bench();
  bench.ownership.look();
  await bench.until('all', () => bench.owned === 4);
  bench.ownership.drop();
  t.is(bench.owned, 0);
  t.true(bench.made.every(({ closed }) => closed));
  bench.memberId = 'me-again';
  bench.candidates = ['me-again'];
  bench.owners.fill(undefined);
  bench.ownership.look();
  await bench.until('all again', () => bench.owned === 4);
  t.deepEqual(bench.released, []);
  await bench.ownership.close();
});

test('what the backend has forgotten is let go, and taken again', async (t) => {
  const bench = new Bench();
  bench.ownership.look();
  await bench.until('all', () => bench.owned === 4);
  bench.owners[3] = undefined;
  for (let look = 0; look < 40 && bench.made.length === 4; look += 1) {
    bench.ownership.look();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await bench.until('it to be noticed', () => bench.made.length === 5 && bench.owned === 4);
  t.true(bench.made.find(({ number }) => number === 3)?.lost);
  await bench.ownership.close();
});

test('retiring hands everything over and takes nothing more', async (t) => {
  const bench = new Bench();
  bench.ownership.look();
  await bench.until('all', () => bench.owned === 4);
  const retired = bench.ownership.retire();
  await bench.until('all to be drained', () => bench.finish.length === 4);
  for (const finish of bench.finish) finish();
  await retired;
  t.is(bench.released.length, 4);
  bench.ownership.look();
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.is(bench.owned, 0);
  await bench.ownership.close();
});
