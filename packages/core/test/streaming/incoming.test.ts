/** The reader's side by hand: frames in, credits and cancellations out. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { Deadlines } from '../../src/ground/deadlines.ts';
import type { HomeostatError } from '../../src/ground/errors.ts';
import { OwnScope } from '../../src/ground/scope.ts';
import type { Outbox } from '../../src/sending/outbox.ts';
import type { Incoming } from '../../src/streaming/incoming.ts';
import { IncomingStreams } from '../../src/streaming/incoming-streams.ts';
import { CREDIT_ITEMS, WINDOW_ITEMS } from '../../src/streaming/window.ts';
import { toWireError } from '../../src/wire/envelope.ts';
import { waitFor } from '../../src/testing/wait-for.ts';
import { FrameWriter, readFrame } from '../../src/wire/frame.ts';

const clock = { now: (): number => Date.now(), elapsed: (): number => performance.now() };
const deadlines = new Deadlines(clock);

test.after.always('no timer is left', () => deadlines.close());

function setUp(): {
  streams: IncomingStreams;
  told: string[];
  ask: () => { stream: Incoming; correlation: number; opened: Promise<Incoming> };
  receive: (from: string, write: (writer: FrameWriter) => void) => boolean[];
} {
  const told: string[] = [];
  let correlation = 0;
  const inbox = (nodeId: string): Outbox =>
    ({
      credit: (number: number, taken: number) => told.push(`${nodeId}: ${number} has taken ${taken}`),
      cancel: (number: number) => told.push(`${nodeId}: ${number} cancelled`),
    }) as unknown as Outbox;
  const streams = new IncomingStreams({
    clock,
    deadlines,
    inbox,
    correlation: () => (correlation += 1),
    cancel: (mailbox, number) => told.push(`all of ${mailbox}: ${number} cancelled`),
  });
  const ask = (): ReturnType<ReturnType<typeof setUp>['ask']> => {
    let made: ReturnType<IncomingStreams['open']> | undefined;
    const opened = new Promise<Incoming>((resolve, reject) => {
      const terms = { stepMs: 20_000, until: 0, asking: new OwnScope() };
      made = streams.open({
        subject: 'a.list',
        mailbox: 'a@1',
        terms,
        over: () => undefined,
        opened: resolve,
        refused: reject,
      });
    });
    opened.catch(() => undefined);
    made!.stream.travels = true;
    return { ...made!, opened };
  };
  const receive = (from: string, write: (writer: FrameWriter) => void): boolean[] => {
    const writer = new FrameWriter(10_000_000);
    writer.open(1_000);
    write(writer);
    const frame = readFrame(new Uint8Array(writer.finish(from, 1, null)), { maxBodyBytes: 10_000_000 });
    return frame.envelopes.map((envelope) => streams.take(frame, envelope));
  };
  return { streams, told, ask, receive };
}

async function rest(stream: Incoming): Promise<unknown[]> {
  const items: unknown[] = [];
  try {
    for await (const item of stream) items.push(item);
  } catch (thrown) {
    items.push((thrown as HomeostatError).code);
  }
  return items;
}

test('items are taken once and in order, whatever comes twice', async (t) => {
  const { streams, told, ask, receive } = setUp();
  const { stream, correlation, opened } = ask();
  const first = (writer: FrameWriter): void => {
    writer.addItem(correlation, 1, 'a');
    writer.addItem(correlation, 2, undefined);
  };
  receive('p-1', first);
  receive('p-1', first);
  t.is(await opened, stream);
  receive('p-1', (writer) => {
    writer.addItem(correlation, 2, undefined);
    writer.addItem(correlation, 3, null);
    writer.addReply(correlation, 3);
  });
  t.deepEqual(await rest(stream), ['a', undefined, null]);
  t.is(streams.size, 0);
  // What repeats the end is late, and nobody's.
  t.deepEqual(
    receive('p-1', (writer) => writer.addReply(correlation, 3)),
    [false],
  );
  t.deepEqual(told, []);
});

test('a gap, a wrong count, an end that cannot be read and too much end a stream; the producer is told', async (t) => {
  const wrongs: ((writer: FrameWriter, correlation: number) => void)[] = [
    (writer, correlation) => writer.addItem(correlation, 3, 'c'),
    (writer, correlation) => writer.addReply(correlation, 2),
    (writer, correlation) => writer.addReply(correlation, undefined),
    (writer, correlation) => writer.addReply(correlation, { toString: 'no' }),
    (writer, correlation) => writer.addItem(correlation, 2 ** 53 - 1, 'c'),
  ];
  for (const wrong of wrongs) {
    const { told, ask, receive } = setUp();
    const { stream, correlation } = ask();
    receive('p-1', (writer) => writer.addItem(correlation, 1, 'a'));
    receive('p-1', (writer) => wrong(writer, correlation));
    t.deepEqual(await rest(stream), ['a', 'STREAM_BROKEN']);
    t.deepEqual(told, [`p-1: ${correlation} cancelled`]);
  }
});

test('a producer that heeds no credit is cut off; memory holds a window of it', async (t) => {
  const { told, ask, receive } = setUp();
  const { stream, correlation } = ask();
  for (let number = 1; number <= WINDOW_ITEMS + 200; number += 1)
    receive('p-1', (writer) => writer.addItem(correlation, number, number));
  t.deepEqual(told, [`p-1: ${correlation} cancelled`]);
  const items = await rest(stream);
  t.deepEqual([items.length, items.at(-1)], [WINDOW_ITEMS + 1, 'STREAM_BROKEN']);
});

test('a reader says what it has taken, to whoever sends it', async (t) => {
  const { told, ask, receive } = setUp();
  const { stream, correlation } = ask();
  for (let number = 1; number <= WINDOW_ITEMS; number += 1)
    receive('p-1', (writer) => writer.addItem(correlation, number, number));
  for (let taken = 1; taken < CREDIT_ITEMS; taken += 1) await stream.next();
  t.deepEqual(told, []);
  await stream.next();
  t.deepEqual(told, [`p-1: ${correlation} has taken ${CREDIT_ITEMS}`]);
  await stream.return();
  t.deepEqual(told.slice(1), [`p-1: ${correlation} cancelled`]);
});

test('a stranger neither adds to a stream nor ends it well; an error ends it whoever sends it', async (t) => {
  const { ask, receive } = setUp();
  const { stream, correlation } = ask();
  receive('p-1', (writer) => writer.addItem(correlation, 1, 'a'));
  receive('stranger', (writer) => {
    writer.addItem(correlation, 2, 'forged');
    writer.addReply(correlation, 1);
  });
  receive('p-1', (writer) => writer.addItem(correlation, 2, 'b'));
  receive('adopter', (writer) => writer.addError(correlation, toWireError(new Error('gone'))));
  t.deepEqual(await rest(stream), ['a', 'b', 'HANDLER']);
});

test('whoever sends items that nobody reads is told so, once', (t) => {
  const { told, receive } = setUp();
  for (let time = 0; time < 5; time += 1) {
    t.deepEqual(
      receive('p-1', (writer) => {
        writer.addItem(77, 2 * time + 1, 'a');
        writer.addItem(77, 2 * time + 2, 'a');
      }),
      [true, true],
    );
  }
  t.deepEqual(told, ['p-1: 77 cancelled']);
});

test('as long as nobody is known to produce it, all who might are told', async (t) => {
  const { streams, told, ask } = setUp();
  const { stream, correlation, opened } = ask();
  await stream.return();
  t.deepEqual(told, [`all of a@1: ${correlation} cancelled`]);
  t.deepEqual(await rest(await opened), []);
  t.is(streams.size, 0);
});

test('what an item holds is opened when it is taken; one that cannot be read ends the stream', async (t) => {
  const { streams, told, ask } = setUp();
  const { stream, correlation } = ask();
  const writer = new FrameWriter(1_000);
  writer.open(1_000);
  writer.addItem(correlation, 1, 'fine');
  writer.addItem(correlation, 2, 'spoilt');
  const frame = readFrame(new Uint8Array(writer.finish('p-1', 1, null)));
  for (const envelope of frame.envelopes) streams.take(frame, envelope);
  // Behind the back of the reader, which has checked it once.
  frame.bytes[frame.envelopes[1]!.bodyStart] = 0xc1;
  t.deepEqual(await rest(stream), ['fine', 'STREAM_BROKEN']);
  t.deepEqual(told, [`p-1: ${correlation} cancelled`]);
});

test('several may wait for the next items; each gets its own, and all learn of the end', async (t) => {
  const { ask, receive } = setUp();
  const { stream, correlation } = ask();
  const waiting = [stream.next(), stream.next(), stream.next(), stream.next()];
  const settled = Promise.allSettled(waiting);
  receive('p-1', (writer) => {
    writer.addItem(correlation, 1, 1);
    writer.addItem(correlation, 2, 2);
    writer.addError(correlation, toWireError(new Error('torn')));
  });
  t.deepEqual(
    (await settled).map((one) => (one.status === 'fulfilled' ? one.value.value : (one.reason as HomeostatError).code)),
    [1, 2, 'HANDLER', undefined],
  );
});

test('of several who wait the first learns that an item cannot be read', async (t) => {
  const { streams, ask } = setUp();
  const { stream, correlation } = ask();
  const waiting = Promise.allSettled([stream.next(), stream.next()]);
  const writer = new FrameWriter(1_000);
  writer.open(1_000);
  writer.addItem(correlation, 1, 'spoilt');
  const frame = readFrame(new Uint8Array(writer.finish('p-1', 1, null)));
  frame.bytes[frame.envelopes[0]!.bodyStart] = 0xc1;
  for (const envelope of frame.envelopes) streams.take(frame, envelope);
  t.deepEqual(
    (await waiting).map((one) => (one.status === 'fulfilled' ? one.value.done : (one.reason as HomeostatError).code)),
    ['STREAM_BROKEN', true],
  );
});

test.serial('a slow reader keeps the items that wait for it, and not what came beside them', async (t) => {
  const { ask, receive } = setUp();
  const { stream, correlation } = ask();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage().arrayBuffers;
  const beside = 'x'.repeat(60_000);
  for (let number = 1; number <= WINDOW_ITEMS; number += 1)
    receive('p-1', (writer) => {
      writer.addItem(correlation, number, `item ${number}`);
      writer.addReply(1_000_000, beside);
    });
  const isLittle = (): boolean => {
    collect();
    return process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024;
  };
  await waitFor(isLittle, { withinMs: 10_000, what: 'the rest to be let go' });
  for (let number = 1; number <= WINDOW_ITEMS; number += 1)
    t.deepEqual(await stream.next(), { done: false, value: `item ${number}` });
});
