import test from 'ava';
import { z } from 'zod';
import { actor, type Actor } from '../src/contract/actor.ts';
import type { Settlement } from '../src/ports/broker.ts';
import { contract } from '../src/contract/contract.ts';
import { NodeClosed } from '../src/ground/errors.ts';
import { sleep } from '../src/ground/loop.ts';
import { Bench, claim, closeBenches, NOW, plain, waiting, work, type Work } from './dispatcher-bench.ts';

test.after.always('no timer is left', closeBenches);

test('an entry is done when its last envelope is', async (t) => {
  const seen: string[] = [];
  const bench = new Bench(plain(seen));
  const entry = claim('run', ['a', 'b', 'c']);
  bench.dispatcher.take([entry]);
  await bench.settler.settled();
  t.deepEqual(seen, ['a', 'b', 'c']);
  t.deepEqual(bench.told(entry.id), ['done']);
  t.is(bench.stats.processed, 3);
  await bench.dispatcher.drained();
});

test('only what the mask leaves to do is run', async (t) => {
  const seen: string[] = [];
  const bench = new Bench(plain(seen));
  const [partly, over] = [claim('run', ['a', 'b', 'c'], { todo: '010' }), claim('run', ['d'], { todo: '0' })];
  bench.dispatcher.take([partly, over]);
  await bench.settler.settled();
  t.deepEqual(seen, ['b']);
  t.deepEqual(bench.told(partly.id), ['done']);
  t.deepEqual(bench.told(over.id), ['done']);
});

test('while one envelope takes long, the progress of the others is told', async (t) => {
  const { served, seen, go } = waiting();
  const bench = new Bench(served);
  const entry = claim('run', ['slow', 'a', 'b']);
  bench.dispatcher.take([entry]);
  await bench.until('all to run', () => seen.length === 3);
  go('a');
  await bench.until('progress', () => bench.told(entry.id).includes('progress 101'));
  go('b');
  await bench.until('more progress', () => bench.told(entry.id).includes('progress 100'));
  go('slow');
  await bench.until('the end', () => bench.told(entry.id).includes('done'));
  t.deepEqual(bench.told(entry.id), ['progress 101', 'progress 100', 'done']);
});

test('those that fail leave the entry on their own ways, in one turn', async (t) => {
  const failing = actor(
    work,
    {
      run: (text) => {
        if (text === 'never') throw Object.assign(new Error('no'), { code: 'NEVER' });
        if (text === 'again') throw new Error('not now');
      },
      ask: (text) => text,
    },
    { redelivery: { delayMs: 100 } },
  );
  const bench = new Bench(failing);
  const before = bench.clock.now();
  const entry = claim('run', ['fine', 'never', 'again', 'fine', 'again']);
  bench.dispatcher.take([entry]);
  await bench.settler.settled();
  t.deepEqual(bench.told(entry.id), ['bury 01000 00101', 'retry 00101']);
  const [bury, retry] = bench.settled as [
    Extract<Settlement, { kind: 'bury' }>,
    Extract<Settlement, { kind: 'retry' }>,
  ];
  t.is(bury.reason, 'NEVER');
  t.is(retry.deliveries, 1);
  t.true(retry.at >= before + 99 && retry.at <= bench.clock.now() + 101);
  t.deepEqual(
    (JSON.parse(retry.history) as { index: number; attempt: number; code: string }[]).map(
      ({ index, attempt, code }) => [index, attempt, code],
    ),
    [
      [2, 1, 'HANDLER'],
      [4, 1, 'HANDLER'],
    ],
  );
});

test('a call is settled only once its answer has arrived', async (t) => {
  const bench = new Bench(plain([]));
  let arrive = (): void => undefined;
  bench.replying = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const entry = claim('ask', ['a', 'b'], { calls: true });
  bench.dispatcher.take([entry]);
  await sleep(80);
  t.deepEqual(bench.told(entry.id), []);
  arrive();
  await bench.until('the end', () => bench.told(entry.id).length > 0);
  t.deepEqual(bench.told(entry.id), ['done']);
  t.deepEqual(
    bench.answers.map(({ correlation }) => correlation),
    [1, 2],
  );
  t.is(bench.stats.replied, 2);
});

test('when answers were what held the room, it is asked for again once they have arrived', async (t) => {
  const bench = new Bench(actor(work, { run: () => undefined, ask: (text) => text }, { concurrency: 2 }));
  let arrive = (): void => undefined;
  bench.replying = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  for (let n = 0; n < 80; n += 1) bench.dispatcher.take([claim('ask', ['x'], { calls: true })]);
  t.is(bench.dispatcher.inFlight, 0, 'all handlers have ended');
  t.is(bench.dispatcher.room(), 0, 'so many entries in hand are enough');
  t.is(bench.wakes, 0);
  arrive();
  await bench.until('the reader to be woken', () => bench.wakes > 0);
  t.true(bench.dispatcher.room() > 0);
});

test('an entry that killed two nodes runs one envelope at a time, each with a start mark', async (t) => {
  for (const [method, calls] of [
    ['run', false],
    ['ask', true],
  ] as const) {
    const { served, seen, go } = waiting();
    const bench = new Bench(served);
    const entry = claim(method, ['a', 'b', 'c'], { crashes: 2, charges: new Map([[1, 1]]), calls });
    bench.dispatcher.take([entry]);
    for (const [index, text] of ['a', 'b', 'c'].entries()) {
      await bench.until(`${text} to run`, () => seen.length === index + 1);
      t.deepEqual(bench.marks, [0, 1, 2].slice(0, index + 1), method);
      go(text);
    }
    await bench.until('the end', () => bench.told(entry.id).includes('done'));
    t.deepEqual(
      bench.told(entry.id),
      ['mark 111', 'progress 011', 'mark 011', 'progress 001', 'mark 001', 'done'],
      method,
    );
  }
});

test('suspect entries keep within the concurrency too', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 2 });
  const bench = new Bench(served);
  const texts = ['a', 'b', 'c', 'd', 'e', 'f'];
  bench.dispatcher.take([
    claim('run', ['a', 'd'], { crashes: 2 }),
    claim('run', ['b', 'e'], { crashes: 2 }),
    claim('run', ['c', 'f'], { crashes: 3 }),
  ]);
  for (let started = 2; started <= texts.length; started += 1) {
    await bench.until(`${started} to have started`, () => seen.length === started);
    await sleep(5);
    t.is(bench.dispatcher.inFlight, 2);
    t.is(seen.length, started);
    go(seen[started - 2]!);
  }
  go(seen.at(-1)!);
  await bench.dispatcher.drained();
  t.deepEqual(seen.toSorted(), texts);
});

test('an entry whose start mark cannot be written is handed back', async (t) => {
  const seen: string[] = [];
  const bench = new Bench(plain(seen));
  bench.markFails = true;
  const entry = claim('run', ['a', 'b'], { crashes: 2 });
  bench.dispatcher.take([entry]);
  await bench.dispatcher.drained();
  await bench.settler.settled();
  t.deepEqual(bench.told(entry.id), ['park 11']);
  t.deepEqual(seen, []);
  t.is(bench.dispatcher.inFlight, 0);
});

test('an envelope that has spent its deliveries by killing nodes is dead without being run', async (t) => {
  const seen: string[] = [];
  const bench = new Bench(plain(seen));
  const alone = claim('run', ['a'], { crashes: 3 });
  const charged = claim('run', ['b', 'c'], { crashes: 3, charges: new Map([[0, 3]]) });
  const asked = claim('ask', ['d'], { crashes: 3, calls: true });
  bench.dispatcher.take([alone, charged, asked]);
  await bench.dispatcher.drained();
  await bench.settler.settled();
  t.deepEqual(seen, ['c']);
  t.deepEqual(bench.told(alone.id), ['bury 1']);
  t.deepEqual(
    bench.told(charged.id).filter((told) => told.startsWith('bury')),
    ['bury 10 01'],
  );
  t.deepEqual(bench.told(asked.id), ['done']);
  t.deepEqual(bench.answers, [{ correlation: 1, error: true }]);
  t.is((bench.settled.find(({ kind }) => kind === 'bury') as { reason: string }).reason, 'NODE_DIED');
});

test('bytes that are no frame, and a count that is wrong, become dead letters with their bytes', async (t) => {
  const seen: string[] = [];
  const bench = new Bench(plain(seen));
  const garbage = claim('run', ['a'], { frame: new Uint8Array([1, 2, 3]) });
  const miscounted = claim('run', ['a', 'b'], { count: 3 });
  bench.dispatcher.take([garbage, miscounted, claim('run', ['good'])]);
  await bench.settler.settled();
  t.deepEqual(bench.told(garbage.id), ['bury 1']);
  t.deepEqual(bench.told(miscounted.id), ['bury 111']);
  t.true((bench.settled[0] as { reason: string }).reason.startsWith('FRAME_INVALID: '));
  t.deepEqual(seen, ['good']);
  await bench.dispatcher.drained();
});

test('what has expired is not run: a call ends, a cast is kept', async (t) => {
  const seen: string[] = [];
  const bench = new Bench(plain(seen));
  const [call, cast] = [
    claim('ask', ['a'], { calls: true, deadline: NOW + 1 }),
    claim('run', ['b'], { deadline: NOW + 1 }),
  ];
  await bench.until('the deadline to pass', () => bench.clock.now() > NOW + 1);
  bench.dispatcher.take([call, cast]);
  await bench.settler.settled();
  t.deepEqual(seen, []);
  t.deepEqual(bench.told(call.id), ['done']);
  t.deepEqual(bench.told(cast.id), ['bury 1']);
  t.deepEqual(bench.answers, [], 'nobody waits for it any more');
  t.is(bench.stats.expired, 2);
  t.is(bench.stats.dead, 1);
});

test('a method that only others announce is put back without charge', async (t) => {
  const bench = new Bench(plain([]));
  bench.elsewhere = true;
  const entry = claim('other', ['a', 'b'], { deliveries: 1 });
  bench.dispatcher.take([entry]);
  await bench.dispatcher.drained();
  await bench.settler.settled();
  t.deepEqual(bench.told(entry.id), ['retry 11']);
  t.is((bench.settled[0] as { deliveries: number }).deliveries, 1);
  t.is(bench.stats.failed, 0);
});

test('methods that nobody knows leave no trace in what senders are told', async (t) => {
  const bench = new Bench(plain([]));
  for (let n = 0; n < 50; n += 1) bench.dispatcher.take([claim(`made_up_${n}`, ['x'])]);
  bench.dispatcher.take([claim('run', ['x'])]);
  await bench.dispatcher.drained();
  t.deepEqual(
    [...bench.dispatcher.times.entries()].map(([method]) => method),
    ['run'],
  );
  t.regex(bench.dispatcher.hints(), /^\*:8,run:\d+$/);
});

test('what expires without being run says nothing about how long handlers take', async (t) => {
  const { served, go } = waiting();
  const bench = new Bench(served);
  bench.dispatcher.take([claim('run', ['slow'])]);
  await sleep(30);
  go('slow');
  await bench.dispatcher.drained();
  const before = new Map(bench.dispatcher.times.entries()).get('run')!;
  for (let n = 0; n < 100; n += 1) bench.dispatcher.take([claim('run', ['x'], { deadline: NOW + 1 })]);
  await bench.dispatcher.drained();
  t.is(new Map(bench.dispatcher.times.entries()).get('run'), before);
});

test('room is what the concurrency leaves free, and little is taken ahead', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 4 });
  const bench = new Bench(served);
  for (let n = 0; n < 30; n += 1) bench.dispatcher.take([claim('ask', ['x'], { todo: '0' })]);
  t.is(bench.dispatcher.room(), 4, 'frames have been small of late');
  // Slow enough that nothing is worth taking ahead.
  bench.dispatcher.times.add('run', 1_000);
  bench.dispatcher.take([claim('run', ['a']), claim('run', ['b'])]);
  t.is(bench.dispatcher.room(), 2);
  bench.dispatcher.take([claim('run', ['c']), claim('run', ['d']), claim('run', ['e'])]);
  t.is(bench.dispatcher.room(), 0);
  t.deepEqual(seen, ['a', 'b', 'c', 'd']);
  go('a');
  await bench.until('the next to start', () => seen.length === 5);
  for (const text of ['b', 'c']) go(text);
  await bench.until('the reader to be woken', () => bench.wakes > 0);
  t.true(bench.dispatcher.room() >= 1);
  for (const text of ['d', 'e']) go(text);
  await bench.dispatcher.drained();
});

test('of work that is done in a moment the next frame may be on its way already', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 4 });
  const bench = new Bench(served);
  for (let n = 0; n < 100; n += 1) bench.dispatcher.times.add('run', 0.01);
  bench.dispatcher.take([claim('run', ['a', 'b', 'c', 'd', 'e'])]);
  t.is(bench.dispatcher.room(), 1, 'a frame more, and no more than that');
  for (const text of seen) go(text);
  await bench.until('the last to run', () => seen.length === 5);
  go('e');
  await bench.dispatcher.drained();
});

test('stopping hands back what has not started, and the rest of an entry once what runs has ended', async (t) => {
  const { served, seen, go } = waiting({ concurrency: 2 });
  const bench = new Bench(served);
  const [running, queued] = [claim('run', ['a', 'b', 'c', 'd']), claim('run', ['e', 'f'])];
  bench.dispatcher.take([running, queued]);
  t.deepEqual(seen, ['a', 'b']);
  await bench.dispatcher.stop();
  await bench.settler.settled();
  t.deepEqual(bench.told(queued.id), ['park 11']);
  t.is(bench.dispatcher.room(), 0);
  go('a');
  await sleep(5);
  go('b');
  await bench.dispatcher.drained();
  await bench.settler.settled();
  t.deepEqual(
    bench.told(running.id).filter((told) => !told.startsWith('progress')),
    ['park 0011'],
  );
  const late = claim('run', ['g']);
  bench.dispatcher.take([late]);
  await bench.settler.settled();
  t.deepEqual(bench.told(late.id), ['park 1'], 'what arrives while it stops goes back too');
  t.deepEqual(seen, ['a', 'b']);
});

test('giving up aborts what runs and hands it back; its late end changes nothing', async (t) => {
  const { served, seen, go } = waiting();
  const bench = new Bench(served);
  const entry = claim('run', ['a', 'b']);
  bench.dispatcher.take([entry]);
  go('a');
  await bench.dispatcher.stop();
  bench.dispatcher.giveUp(new NodeClosed('handler'));
  await bench.dispatcher.drained();
  await bench.settler.settled();
  t.deepEqual(bench.told(entry.id).at(-1), 'park 01');
  go('b');
  await sleep(60);
  await bench.settler.settled();
  t.deepEqual(bench.told(entry.id).at(-1), 'park 01');
  t.is(bench.dispatcher.inFlight, 0);
  t.deepEqual(seen, ['a', 'b']);
});

test('what an evicted node had in hand is not settled by it', async (t) => {
  const { served, seen, go } = waiting();
  const bench = new Bench(served);
  const [cast, call] = [claim('run', ['a', 'b']), claim('ask', ['c'], { calls: true })];
  bench.dispatcher.take([cast, call]);
  t.deepEqual(seen, ['a', 'b', 'c']);
  bench.dispatcher.drop();
  for (const text of seen) go(text);
  await bench.until('the handlers to end', () => bench.dispatcher.inFlight === 0);
  await sleep(60);
  t.deepEqual(bench.settled, []);
  t.deepEqual(bench.answers, []);
  t.true(bench.dispatcher.reading, 'its reader goes on under the new id');
  bench.dispatcher.take([claim('run', ['after'])]);
  await bench.until('new work to run', () => seen.length === 4);
  go('after');
  await bench.dispatcher.drained();
});

test('an answer that cannot travel fails its call and nothing else', async (t) => {
  const wild = contract('work', {
    methods: { run: { input: z.string() }, ask: { input: z.string(), output: z.any() } },
  });
  const bench = new Bench(
    actor(wild, {
      run: () => undefined,
      ask: (text) => (text === 'bad' ? (): number => 1 : text),
    }) as unknown as Actor<Work>,
  );
  const entry = claim('ask', ['good', 'bad', 'good'], { calls: true });
  bench.dispatcher.take([entry]);
  await bench.dispatcher.drained();
  t.deepEqual(bench.answers, [
    { correlation: 1, error: false },
    { correlation: 2, error: true },
    { correlation: 3, error: false },
  ]);
});
