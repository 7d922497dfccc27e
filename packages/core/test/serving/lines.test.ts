/** Priorities and turns at one dispatcher, without a backend. */
import fc from 'fast-check';
import test from 'ava';
import { FAIR_LINES, lineFinder, linesOf, mailboxesOf, mailboxOfLine, RANK } from '../../src/contract/lines.ts';
import { contract } from '../../src/contract/contract.ts';
import { ConfigError } from '../../src/ground/errors.ts';
import type { LineIntake } from '../../src/serving/line-intake.ts';
import { partiesBy } from '../../src/serving/parties.ts';
import { commonPlaces, PASSED_OVER, Ranks } from '../../src/serving/ranks.ts';
import { Bench, claim, closeBenches, waiting, work } from '../dispatcher-bench.ts';

test.after.always('no timer is left', closeBenches);

const methods = work.methods;
const ranked = contract('work', { priorities: true, methods });
const fair = contract('work', { fair: 'key', methods });
const both = contract('work', { priorities: true, fair: { header: 'tenant' }, methods });

test('a contract says which lines there are, and every message has one of them', (t) => {
  t.is(linesOf(work), undefined);
  t.is(lineFinder(work), undefined);
  t.deepEqual(mailboxesOf(work), ['work@1']);
  t.deepEqual(mailboxesOf(ranked), ['work@1!control', 'work@1!high', 'work@1', 'work@1!low']);
  t.is(mailboxesOf(fair).length, 1 + FAIR_LINES);
  t.is(mailboxesOf(both).length, 1 + 3 * (1 + FAIR_LINES));
  t.is(new Set(mailboxesOf(both)).size, mailboxesOf(both).length);
  for (const mailbox of mailboxesOf(both)) t.is(mailboxOfLine(mailbox), 'work@1');
  for (const of of [ranked, fair, both]) {
    const lines = new Set(mailboxesOf(of));
    const find = lineFinder(of)!;
    t.is(find({}), 'work@1');
    fc.assert(
      fc.property(
        fc.constantFrom(undefined, ...(of.priorities === true ? (['high', 'normal', 'low'] as const) : [])),
        fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
        (priority, party) => {
          const facts = { priority, key: party, headers: party === undefined ? {} : { tenant: party } };
          return lines.has(find(facts)) && find(facts) === find({ ...facts });
        },
      ),
    );
  }
});

test('a hash that callers and nodes of other versions must share stays what it is', (t) => {
  const find = lineFinder(fair)!;
  t.deepEqual(
    ['a', 'b', 'tenant-1', 'ü'].map((key) => find({ key })),
    ['work@1!normal.7', 'work@1!normal.1', 'work@1!normal.0', 'work@1!normal.0'],
  );
});

test('what is wrong in a contract is named', (t) => {
  const wrong = (spec: object): string | undefined =>
    t.throws(() => contract('work', { methods, ...spec }), { instanceOf: ConfigError })?.message;
  t.regex(wrong({ fair: 'tenant' }) ?? '', /contract work\.fair/);
  t.regex(wrong({ fair: { header: '' } }) ?? '', /contract work\.fair/);
  t.regex(wrong({ priorities: 'yes' }) ?? '', /contract work\.priorities/);
});

test('places are kept for what is urgent, and each rank has its turn', (t) => {
  t.deepEqual(
    [1, 2, 3, 10, 20, 64].map((places) => places - commonPlaces(places)),
    [0, 1, 1, 1, 2, 6],
  );
  const ranks = new Ranks(true);
  const always = (): number => 1;
  const taken = { [RANK.high]: 0, [RANK.normal]: 0, [RANK.low]: 0, [RANK.control]: 0 };
  for (let n = 0; n < 20 * PASSED_OVER; n += 1) {
    const rank = ranks.next(always, 64)!;
    ranks.started(rank);
    ranks.ended(rank);
    taken[rank] += 1;
  }
  t.true(taken[RANK.normal] >= 15 && taken[RANK.low] >= 15, JSON.stringify(taken));
  t.true(taken[RANK.high] > 15 * 16);
  const filled = new Ranks(true);
  const onlyLow = (rank: number): number => (rank === RANK.low ? 1 : 0);
  let started = 0;
  for (let rank = filled.next(onlyLow, 10); rank !== undefined; rank = filled.next(onlyLow, 10)) {
    filled.started(rank);
    started += 1;
  }
  t.is(started, commonPlaces(10));
  t.is(filled.next(always, 10), RANK.high);
});

function lined(
  of: typeof ranked,
  concurrency: number,
): {
  bench: Bench;
  seen: string[];
  go: (text: string) => void;
  line: (mailbox: string) => LineIntake;
} {
  const { served, seen, go } = waiting({ concurrency });
  const { fair: by } = of;
  const bench = new Bench(served, { lines: linesOf(of), partyOf: by === undefined ? undefined : partiesBy(by) });
  const line = (mailbox: string): LineIntake => bench.dispatcher.intakes!.find((one) => one.mailbox === mailbox)!;
  for (const intake of bench.dispatcher.intakes!) bench.dispatcher.attachLine(intake, bench.reader);
  return { bench, seen, go, line };
}

test('a line is not asked for more while higher ones could fill the room', (t) => {
  const { bench, seen, line } = lined(ranked, 4);
  const [high, normal, low] = [line('work@1!high'), line('work@1'), line('work@1!low')];
  t.deepEqual([high.room(), normal.room(), low.room()], [1, 1, 1]);
  low.take([claim('run', ['l1', 'l2', 'l3', 'l4', 'l5'])]);
  t.deepEqual(seen, ['l1', 'l2', 'l3'], 'one place is kept');
  t.deepEqual([high.room(), normal.room(), low.room()], [1, 0, 0]);
  high.take([claim('run', ['h1', 'h2'])]);
  t.deepEqual(seen.slice(3), ['h1']);
  t.deepEqual([high.room(), normal.room(), low.room()], [0, 0, 0]);
  t.true(line('work@1!control').room() > 0, 'what is for control never waits');
  line('work@1!control').take([claim('$ping', ['x'])]);
  t.is(bench.dispatcher.inFlight, 4, 'and takes no place');
});

test('when room returns, the line that had none is woken, and the higher starts first', (t) => {
  const { bench, seen, go, line } = lined(ranked, 1);
  const [high, low] = [line('work@1!high'), line('work@1!low')];
  low.take([claim('run', ['l1', 'l2'])]);
  high.take([claim('run', ['h1'])]);
  t.is(high.room(), 0);
  t.deepEqual(seen, ['l1']);
  go('l1');
  return bench.until('the next', () => seen.length === 2).then(() => t.deepEqual(seen, ['l1', 'h1']));
});

test('what is handed back waits in no line any more', async (t) => {
  const { bench, seen, go, line } = lined(both, 1);
  const high = line('work@1!high');
  high.take([claim('run', ['h1', 'h2'])]);
  line('work@1!low').take([claim('run', ['l1', 'l2', 'l3'])]);
  t.is(line('work@1!low').waiting, 3);
  bench.dispatcher.pause('a reason');
  t.is(line('work@1!low').waiting, 0);
  go('h1');
  await bench.until('the hand-back', () => bench.settled.some(({ kind }) => kind === 'park'));
  await bench.until('both', () => bench.settled.filter(({ kind }) => kind === 'park').length === 2);
  bench.dispatcher.resume();
  t.true(high.room() > 0);
  t.deepEqual(seen, ['h1']);
  await bench.dispatcher.stop();
});

test('parties take turns, whatever frames their messages came in', async (t) => {
  const { bench, seen, go, line } = lined(both, 1);
  const normal = line('work@1!normal.3');
  const of = (tenant: string, bodies: string[]): void => normal.take([claim('run', bodies, { headers: { tenant } })]);
  of('a', ['a1', 'a2', 'a3', 'a4']);
  of('a', ['a5']);
  of('b', ['b1', 'b2']);
  line('work@1').take([claim('run', ['n1'])]);
  for (let n = 0; n < 7; n += 1) {
    const before = seen.length;
    go(seen.at(-1)!);
    await bench.until('the next', () => seen.length > before);
  }
  t.deepEqual(seen, ['a1', 'a2', 'b1', 'n1', 'a3', 'b2', 'a4', 'a5']);
});

test('what has long had no place is handed back for whoever has room', async (t) => {
  const { bench, seen, go, line } = lined(fair, 1);
  line('work@1!normal.1').take([claim('run', ['runs'])]);
  const held = claim('run', ['waits']);
  line('work@1!normal.2').take([held]);
  await bench.until('the hand-back', () => bench.told(held.id).length > 0);
  t.deepEqual(bench.told(held.id), ['park 1']);
  t.is(line('work@1!normal.2').waiting, 0);
  go('runs');
  await bench.until('the end', () => bench.dispatcher.inFlight === 0);
  t.deepEqual(seen, ['runs']);
});

test('an entry that killed two nodes runs one envelope at a time in its line, too', async (t) => {
  const { bench, seen, go, line } = lined(both, 4);
  line('work@1!high').take([claim('run', ['s1', 's2'], { crashes: 2 })]);
  await bench.until('the first', () => seen.length === 1);
  go('s1');
  await bench.until('the second', () => seen.length === 2);
  t.deepEqual(bench.marks, [0, 1]);
  go('s2');
  await bench.until('the end', () => bench.dispatcher.inFlight === 0);
});
