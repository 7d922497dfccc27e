import test from 'ava';
import fc from 'fast-check';
import { pino } from 'pino';
import type { Claim, Settlement, SettleResult } from '../src/ports/broker.ts';
import { TransportError } from '../src/ground/errors.ts';
import { Flusher } from '../src/ground/flusher.ts';
import { sleep } from '../src/ground/loop.ts';
import { Settler } from '../src/serving/settler.ts';
import { waitFor } from '../src/testing/wait-for.ts';

type Fate = 'settle' | 'lose' | 'refuse';

class Fake {
  readonly batches: string[][] = [];
  readonly carried: string[] = [];
  readonly fates: Fate[] = [];
  result: SettleResult = 'settled';
  inFlight = 0;
  most = 0;

  async settle(batch: readonly Settlement[]): Promise<readonly SettleResult[]> {
    this.inFlight += 1;
    this.most = Math.max(this.most, this.inFlight);
    const ids = batch.map(({ claim }) => claim.id);
    this.batches.push(ids);
    await sleep(0);
    this.inFlight -= 1;
    const fate = this.fates.shift() ?? 'settle';
    if (fate !== 'refuse') this.carried.push(...ids);
    if (fate !== 'settle')
      throw new TransportError('the reply was lost', { outcome: fate === 'lose' ? 'unknown' : 'not-executed' });
    return batch.map(() => this.result);
  }
}

function setUp(): { broker: Fake; settler: Settler; done: (id: string) => void } {
  const broker = new Fake();
  const settler = new Settler(broker, new Flusher(), pino({ level: 'silent' }));
  const done = (id: string): void => settler.add({ kind: 'done', claim: { id, mailbox: 'm@1' } as Claim });
  return { broker, settler, done };
}

test('what ends in one turn is settled in one batch, in order', async (t) => {
  const { broker, settler, done } = setUp();
  for (const id of ['a', 'b', 'c']) done(id);
  t.is(broker.batches.length, 0);
  await settler.settled();
  t.deepEqual(broker.batches, [['a', 'b', 'c']]);
});

test('one batch is in flight, of at most 256', async (t) => {
  const { broker, settler, done } = setUp();
  const ids = Array.from({ length: 600 }, (_, index) => String(index));
  for (const id of ids) done(id);
  await settler.settled();
  t.deepEqual(
    broker.batches.map((batch) => batch.length),
    [256, 256, 88],
  );
  t.deepEqual(broker.carried, ids);
  t.is(broker.most, 1);
});

test('a batch that failed is sent again before what came later', async (t) => {
  const { broker, settler, done } = setUp();
  broker.fates.push('lose', 'refuse');
  done('a');
  await waitFor(() => broker.batches.length === 1, { withinMs: 5_000, what: 'the first try' });
  done('b');
  await settler.settled();
  t.deepEqual(broker.carried, ['a', 'a', 'b']);
});

test('settled() resolves when everything added so far is through, at once when that is nothing', async (t) => {
  const { broker, settler, done } = setUp();
  await settler.settled();
  done('a');
  await settler.settled();
  t.deepEqual(broker.carried, ['a']);
});

test('endings that were not ours any more are counted', async (t) => {
  const { broker, settler, done } = setUp();
  broker.result = 'lost';
  done('a');
  done('b');
  await settler.settled();
  t.is(settler.lost, 2);
  broker.result = 'not-member';
  done('c');
  await settler.settled();
  t.is(settler.lost, 2);
});

test('a settler that is closed stops trying, and nobody waits for it', async (t) => {
  const { broker, settler, done } = setUp();
  broker.fates.push(...Array.from({ length: 50 }, (): Fate => 'refuse'));
  done('a');
  await waitFor(() => broker.batches.length === 2, { withinMs: 5_000, what: 'the second try' });
  const waiting = settler.settled();
  settler.close();
  await waiting;
  t.true(broker.batches.length <= 3);
});

test('a settler that is told to forget carries out nothing more', async (t) => {
  const { broker, settler, done } = setUp();
  done('a');
  settler.forget();
  await settler.settled();
  done('b');
  await settler.settled();
  t.deepEqual(broker.carried, ['b']);
});

test('whatever fails on the way, every ending is carried out in order', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom<Fate>('settle', 'settle', 'lose', 'refuse'), { maxLength: 4 }),
      fc.array(fc.nat(5), { maxLength: 6 }),
      async (fates, bursts) => {
        const { broker, settler, done } = setUp();
        broker.fates.push(...fates);
        let count = 0;
        for (const burst of bursts) {
          for (let n = 0; n < burst; n += 1) done(String((count += 1)));
          await sleep(0);
        }
        await settler.settled();
        const firsts = broker.carried.filter((id, index) => broker.carried.indexOf(id) === index);
        t.deepEqual(
          firsts,
          Array.from({ length: count }, (_, index) => String(index + 1)),
        );
        t.is(broker.most, count === 0 ? 0 : 1);
      },
    ),
    { numRuns: 20, endOnFailure: true },
  );
});
