import test from 'ava';
import { actor, type Actor } from '../src/contract/actor.ts';
import type { Claim } from '../src/ports/broker.ts';
import { contract } from '../src/contract/contract.ts';
import { FRAME_WORK_MS } from '../src/sending/frame-shares.ts';
import { sleep } from '../src/ground/loop.ts';
import { PING } from '../src/calling/ping.ts';
import { TAGS_HEADER } from '../src/calling/routing-headers.ts';
import { waitFor } from '../src/testing/wait-for.ts';
import { Bench, claim, closeBenches, NOW, plain, waiting, work, type Work } from './dispatcher-bench.ts';

test.after.always('no timer is left', closeBenches);

/** One claim per text. */
function claims(texts: readonly string[]): Claim[] {
  return texts.map((text) => claim('run', [text]));
}

const texts = (count: number): string[] => Array.from({ length: count }, (_, n) => `t${n}`);

test('a paused actor claims nothing and hands back what has not started; what runs finishes (S0-31)', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 2 });
  const bench = new Bench(served);
  const [running, queued] = [claim('run', ['a', 'b', 'c']), claim('run', ['d'])];
  bench.dispatcher.take([running, queued]);
  t.deepEqual(seen, ['a', 'b']);
  bench.dispatcher.pause('by hand');
  t.is(bench.dispatcher.paused, 'by hand');
  t.is(bench.dispatcher.room(), 0);
  await bench.settler.settled();
  t.deepEqual(bench.told(queued.id), ['park 1']);
  const late = claim('run', ['e']);
  bench.dispatcher.take([late]);
  await bench.settler.settled();
  t.deepEqual(bench.told(late.id), ['park 1'], 'what a read that was under way brings goes back too');
  go('a');
  await sleep(5);
  t.is(bench.wakes, 0);
  go('b');
  await bench.dispatcher.drained();
  await bench.settler.settled();
  t.is(bench.told(running.id).at(-1), 'park 001');
  t.deepEqual(seen, ['a', 'b']);
  bench.dispatcher.resume();
  t.is(bench.dispatcher.paused, undefined);
  t.is(bench.wakes, 1, 'it claims again');
  t.true(bench.dispatcher.room() > 0);
  bench.dispatcher.take([claim('run', ['f'])]);
  t.deepEqual(seen, ['a', 'b', 'f']);
  go('f');
  await bench.dispatcher.drained();
});

test('an actor that is resumed before what ran has ended goes on with its entries', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 1 });
  const bench = new Bench(served);
  const entry = claim('run', ['a', 'b', 'c']);
  bench.dispatcher.take([entry, claim('run', ['d'])]);
  bench.dispatcher.pause('a moment');
  bench.dispatcher.resume();
  for (const text of ['a', 'b', 'c']) {
    await bench.until(`${text} to run`, () => seen.at(-1) === text);
    go(text);
  }
  await bench.dispatcher.drained();
  await bench.settler.settled();
  t.is(bench.told(entry.id).at(-1), 'done');
  t.deepEqual(seen, ['a', 'b', 'c'], 'd was handed back');
  t.is(bench.dispatcher.inFlight, 0);
  bench.dispatcher.take([claim('run', ['e'])]);
  t.is(seen.at(-1), 'e');
  go('e');
  await bench.dispatcher.drained();
});

test('an actor that is stopped stays stopped', async (t) => {
  const bench = new Bench(plain([]));
  bench.dispatcher.pause('by hand');
  await bench.dispatcher.stop();
  bench.dispatcher.resume();
  t.is(bench.dispatcher.room(), 0);
});

test('the concurrency grows from 5 to 15 under load, and shrinks by draining (S3-14)', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 5 });
  const bench = new Bench(served);
  bench.dispatcher.times.add('run', 1_000);
  const hintsBefore = bench.dispatcher.hints();
  bench.dispatcher.take(claims(texts(40)));
  t.is(bench.dispatcher.inFlight, 5);
  bench.dispatcher.resize(15);
  t.is(bench.dispatcher.inFlight, 15);
  t.is(bench.dispatcher.concurrency, 15);
  t.is(hintsBefore, bench.dispatcher.hints(), 'work of a second each: one to a frame in any case');
  bench.dispatcher.resize(5);
  for (let ended = 0; ended < 10; ended += 1) {
    go(seen[ended]!);
    await bench.until('it to end', () => bench.dispatcher.inFlight === 14 - ended);
    t.is(seen.length, 15, 'nothing starts while more run than may');
  }
  go(seen[10]!);
  await bench.until('the next to start', () => seen.length === 16);
  t.is(bench.dispatcher.inFlight, 5);
  for (let next = 11; next < 40; next += 1) {
    await bench.until('the next', () => seen.length > next);
    go(seen[next]!);
  }
  await bench.dispatcher.drained();
});

test('what senders are told follows the concurrency', (t) => {
  const bench = new Bench(actor(work, { run: () => undefined, ask: (text) => text }, { concurrency: 4 }));
  bench.dispatcher.times.add('run', FRAME_WORK_MS);
  t.is(bench.dispatcher.hints(), '*:8,run:4');
  bench.dispatcher.resize(32);
  t.is(bench.dispatcher.hints(), '*:8,run:32');
});

test('the load is what runs by what may: 1 with all four places taken, 0 when idle (S2-33)', async (t) => {
  const { served, go } = waiting({ concurrency: 4 });
  const bench = new Bench(served);
  t.is(bench.dispatcher.load, 0);
  bench.dispatcher.take(claims(['a', 'b', 'c', 'd', 'e']));
  t.is(bench.dispatcher.load, 1);
  t.is(bench.dispatcher.inFlight, 4);
  t.true(bench.dispatcher.oldestWaitMs >= 0);
  await bench.until('the wait to show', () => bench.dispatcher.oldestWaitMs > 5);
  for (const text of ['a', 'b', 'c', 'd']) go(text);
  await bench.until('the last to run', () => bench.dispatcher.inFlight === 1);
  t.is(bench.dispatcher.load, 0.25);
  t.is(bench.dispatcher.oldestWaitMs, 0);
  go('e');
  await bench.dispatcher.drained();
  t.is(bench.dispatcher.load, 0);
});

test('instances of weight 1 and 3 take 100 and 300 of 400 messages (S0-36)', async (t) => {
  const counts = new Map<string, number>([
    ['light', 0],
    ['heavy', 0],
  ]);
  const make = (name: string): Bench => {
    const count = async (): Promise<void> => {
      counts.set(name, counts.get(name)! + 1);
      await sleep(5);
    };
    return new Bench(actor(work, { run: count, ask: (text) => text }, { concurrency: 12 }));
  };
  const [light, heavy] = [make('light'), make('heavy')];
  light.dispatcher.share = 1 / 3;
  t.is(light.dispatcher.share, 1 / 3);
  const mailbox = claims(texts(400));
  const both = [light.dispatcher, heavy.dispatcher];
  for (const { dispatcher } of [light, heavy]) dispatcher.times.add('run', 5);
  await waitFor(
    () => {
      // Each takes what it has room for, in turn one at a time: what a shared mailbox does.
      for (let took = true; took;) {
        took = false;
        for (const dispatcher of both) {
          if (mailbox.length === 0 || dispatcher.room() === 0) continue;
          dispatcher.take(mailbox.splice(0, 1));
          took = true;
        }
      }
      return mailbox.length === 0;
    },
    { withinMs: 10_000, what: 'the mailbox to be empty' },
  );
  await Promise.all(both.map((dispatcher) => dispatcher.drained()));
  t.is(counts.get('light')! + counts.get('heavy')!, 400);
  t.true(Math.abs(counts.get('light')! - 100) <= 15, `${counts.get('light')} of 400`);
});

test('however small its share, an instance has one place', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 4 });
  const bench = new Bench(served);
  bench.dispatcher.share = 0.001;
  bench.dispatcher.take(claims(['a', 'b', 'c', 'd']));
  t.deepEqual(seen, ['a']);
  bench.dispatcher.share = 0.5;
  t.deepEqual(seen, ['a', 'b'], 'a greater share counts at once');
  bench.dispatcher.resize(8);
  t.is(seen.length, 4, 'and so does a greater concurrency');
  for (const text of seen) go(text);
  await bench.dispatcher.drained();
});

test('a saturated pool tells how long a message waited for its place (S3-46)', async (t) => {
  const waits: number[] = [];
  const { served, seen, go } = waiting({ concurrency: 1 });
  const bench = new Bench(served, { onStart: (_method, waitMs) => waits.push(waitMs) });
  const startedAt = performance.now();
  bench.dispatcher.take([claim('run', ['a', 'b'])]);
  await sleep(200);
  go('a');
  await bench.until('b to run', () => seen.length === 2);
  const real = performance.now() - startedAt;
  go('b');
  await bench.dispatcher.drained();
  t.is(waits.length, 2);
  t.true(waits[0]! < 20);
  t.true(Math.abs(waits[1]! - real) <= 0.2 * real, `${waits[1]} ms told, ${real} ms real`);
  t.true(bench.stats.waitMs > 0 && bench.stats.waitMs < real);
});

test('of a pool of 10 the 11th handler waits; one that waits too long is not run and costs no place (S3-06)', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 10 });
  const bench = new Bench(served);
  bench.dispatcher.take(claims(texts(10)));
  const late = claim('ask', ['late'], { calls: true, deadline: bench.clock.now() + 30 });
  bench.dispatcher.take([late, claim('run', ['after'])]);
  t.is(seen.length, 10);
  await sleep(40);
  t.is(seen.length, 10);
  go('t0');
  await bench.until('the next to run', () => seen.length === 11);
  t.is(seen.at(-1), 'after');
  t.is(bench.stats.expired, 1);
  for (const text of [...texts(10), 'after']) go(text);
  await bench.dispatcher.drained();
  await bench.settler.settled();
  t.deepEqual(bench.told(late.id), ['done']);
  t.is(bench.dispatcher.inFlight, 0);
  bench.dispatcher.take(claims(texts(10)));
  t.is(bench.dispatcher.inFlight, 10, 'all ten places are there');
  for (const text of texts(10)) go(text);
  await bench.dispatcher.drained();
});

test('how each handler ended is told, and nothing of what was not run', async (t) => {
  const ends: [string, string | undefined][] = [];
  const failing = actor(work, {
    run: (text) => {
      if (text === 'bad') throw Object.assign(new Error('no'), { code: 'BAD' });
    },
    ask: (text) => text,
  });
  const bench = new Bench(failing, {
    onEnded: (method, ms, code) => {
      t.true(ms >= 0);
      ends.push([method, code]);
    },
  });
  bench.dispatcher.take([
    claim('run', ['good', 'bad']),
    claim('ask', ['x'], { calls: true }),
    claim('ask', ['x'], { calls: true, deadline: NOW + 1 }),
    claim('other', ['x']),
    claim(PING, ['x'], { calls: true }),
  ]);
  await bench.dispatcher.drained();
  t.deepEqual(ends, [
    ['run', undefined],
    ['run', 'BAD'],
    ['ask', undefined],
  ]);
  t.is(typeof bench.dispatcher.serviceMs, 'number');
});

test('a ping is answered by every actor without running a handler, and leaves no trace (S0-18, S2-22)', async (t) => {
  const seen: string[] = [];
  const bench = new Bench(plain(seen));
  bench.elsewhere = true;
  const before = bench.clock.now();
  bench.dispatcher.take([claim(PING, ['x'], { calls: true }), claim(PING, ['x'])]);
  await bench.dispatcher.drained();
  const [pong] = bench.bodies as { nodeId: string; at: number }[];
  t.is(pong!.nodeId, 'me-1');
  t.true(pong!.at >= Math.floor(before) && pong!.at <= bench.clock.now() + 1);
  t.deepEqual(seen, []);
  t.is(bench.dispatcher.hints(), '*:8');
  t.is(bench.dispatcher.serviceMs, undefined);
  t.is(bench.stats.processed, 0);
});

test('a ping waits for a place like any message, so a stuck pool does not answer it (S2-22)', async (t) => {
  const { served, go } = waiting({ concurrency: 1 });
  const bench = new Bench(served);
  bench.dispatcher.take([claim('run', ['stuck']), claim(PING, ['x'], { calls: true })]);
  await sleep(30);
  t.deepEqual(bench.answers, []);
  go('stuck');
  await bench.dispatcher.drained();
  t.deepEqual(bench.answers, [{ correlation: 1, error: false }]);
});

test('methods that a contract calls health or ping are ordinary methods (S0-18)', async (t) => {
  const own = contract('work', { methods: { health: {}, ping: {} } });
  const seen: string[] = [];
  const served = actor(own, { health: () => void seen.push('health'), ping: () => void seen.push('ping') });
  const bench = new Bench(served as unknown as Actor<Work>, { methods: new Set(['health', 'ping']) });
  bench.dispatcher.take([claim('health', ['x'], { calls: true }), claim('ping', ['x'], { calls: true })]);
  await bench.dispatcher.drained();
  t.deepEqual(seen, ['health', 'ping']);
  t.throws(() => contract('work', { methods: { [PING]: {} } }), { code: 'CONFIG' });
});

test('who else knows a method may be known at once, or not at all', async (t) => {
  const answers = { known: () => true, unknown: () => false, away: () => Promise.reject(new Error('away')) };
  const told: Record<string, string[]> = {};
  for (const [name, announcedElsewhere] of Object.entries(answers)) {
    const bench = new Bench(plain([]), { announcedElsewhere });
    const entry = claim('other', ['a']);
    bench.dispatcher.take([entry]);
    await bench.dispatcher.drained();
    await bench.settler.settled();
    told[name] = bench.told(entry.id);
    t.is(bench.dispatcher.inFlight, 0);
  }
  t.deepEqual(told, { known: ['retry 1'], unknown: ['bury 1'], away: ['retry 1'] });
});

test('what needs a tag that this node lacks is left to others, or refused when nobody has it (S4-06)', async (t) => {
  const seen: string[] = [];
  const asked: string[][] = [];
  let elsewhere = true;
  const bench = new Bench(plain(seen), {
    tags: new Set(['staging', 'eu']),
    satisfiedElsewhere: (_mailbox, tags) => {
      asked.push([...tags]);
      return elsewhere;
    },
  });
  const tagged = (text: string, tags: string): Claim =>
    claim('ask', [text], { calls: true, headers: { [TAGS_HEADER]: tags } });
  const [mine, both, other] = [tagged('a', 'staging'), tagged('b', ' eu , staging,'), tagged('c', 'eu,production')];
  bench.dispatcher.take([mine, both, other, claim('ask', ['d'], { calls: true, headers: { some: 'header' } })]);
  await bench.dispatcher.drained();
  await bench.settler.settled();
  t.deepEqual(seen, ['a', 'b', 'd']);
  t.deepEqual(asked, [['eu', 'production']]);
  t.deepEqual(bench.told(other.id), ['retry 1']);
  t.regex(
    (bench.settled.find(({ claim: { id } }) => id === other.id) as { history: string }).history,
    /TAGS_ELSEWHERE/,
  );
  t.is(bench.bodies.length, 3, 'nobody is answered yet');
  elsewhere = false;
  const nowhere = tagged('e', 'production');
  bench.dispatcher.take([nowhere]);
  await bench.dispatcher.drained();
  t.like(bench.bodies.at(-1), { code: 'NO_HEALTHY_INSTANCES', outcome: 'not-executed', retryable: true });
  t.deepEqual(seen, ['a', 'b', 'd']);
});
