import test from 'ava';
import fc from 'fast-check';
import { pino } from 'pino';
import { Deadlines } from '../src/ground/deadlines.ts';
import { toWireError } from '../src/wire/envelope.ts';
import { ActorError, HomeostatError, NodeClosed, NotMember } from '../src/ground/errors.ts';
import { DEFAULT_MAX_BODY_BYTES, FrameWriter } from '../src/wire/frame.ts';
import { Replies, type WaitingCall } from '../src/sending/replies.ts';

const clock = { now: (): number => Date.now(), elapsed: (): number => performance.now() };
const deadlines = new Deadlines(clock);

test.after.always('no timer is left', () => deadlines.close());

function setUp(): { replies: Replies; ask: () => { call: WaitingCall; answer: Promise<unknown> } } {
  const replies = new Replies(clock, deadlines, pino({ level: 'silent' }), DEFAULT_MAX_BODY_BYTES);
  const ask = (): { call: WaitingCall; answer: Promise<unknown> } => {
    let call: WaitingCall | undefined;
    const answer = new Promise((resolve, reject) => {
      call = replies.open('users.get', 20_000, resolve, reject);
    });
    return { call: call!, answer };
  };
  return { replies, ask };
}

function frame(write: (writer: FrameWriter) => void): Uint8Array {
  const writer = new FrameWriter(DEFAULT_MAX_BODY_BYTES);
  writer.open(1_000);
  write(writer);
  return new Uint8Array(writer.finish('server-1', 1, null));
}

test('each answer ends its own call, whatever the order', async (t) => {
  const { replies, ask } = setUp();
  const [one, two, three] = [ask(), ask(), ask()];
  replies.receive([
    frame((writer) => {
      writer.addReply(three.call.correlation, 'three');
      writer.addError(one.call.correlation, toWireError(new ActorError('NO', 'no', { details: { why: 1 } })));
    }),
    frame((writer) => writer.addReply(two.call.correlation, undefined)),
  ]);
  t.is(await three.answer, 'three');
  t.is(await two.answer, undefined);
  const error = await t.throwsAsync(one.answer, { instanceOf: ActorError, message: 'no' });
  t.deepEqual([error.code, error.details], ['NO', { why: 1 }]);
  t.is(replies.size, 0);
  t.is(replies.late, 0);
});

test('an answer that comes twice, or to nobody, is late', async (t) => {
  const { replies, ask } = setUp();
  const { call, answer } = ask();
  const bytes = frame((writer) => writer.addReply(call.correlation, 1));
  replies.receive([bytes, bytes, frame((writer) => writer.addReply(4_711, 1))]);
  t.is(await answer, 1);
  t.is(replies.late, 2);
});

test('bytes that are no frame cost nothing but themselves', async (t) => {
  const { replies, ask } = setUp();
  const { call, answer } = ask();
  const good = frame((writer) => writer.addReply(call.correlation, 'good'));
  replies.receive([new Uint8Array(), new Uint8Array([0xc1, 1, 2]), good.subarray(0, good.length - 1), good]);
  t.is(await answer, 'good');
});

test('damaged frames never throw and never end a call twice', async (t) => {
  const { replies, ask } = setUp();
  const asked = Array.from({ length: 5 }, ask);
  for (const { answer } of asked) answer.catch(() => undefined);
  const bytes = frame((writer) =>
    asked.forEach(({ call }, index) =>
      index % 2 === 0
        ? writer.addReply(call.correlation, { index })
        : writer.addError(call.correlation, toWireError(new Error('x'))),
    ),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (damage) => {
      const damaged = new Uint8Array(bytes);
      for (const [at, value] of damage) damaged[at] = value;
      replies.receive([damaged]);
    }),
    { numRuns: 500 },
  );
  replies.receive([bytes]);
  await Promise.allSettled(asked.map(({ answer }) => answer));
  t.is(replies.size, 0);
});

test('a request that strays into an inbox ends no call', async (t) => {
  const { replies, ask } = setUp();
  const { call, answer } = ask();
  replies.receive([frame((writer) => writer.addCall('get', 'x', call.correlation, 0))]);
  t.is(replies.size, 1);
  replies.receive([frame((writer) => writer.addReply(call.correlation, 'x'))]);
  t.is(await answer, 'x');
});

test('an error that cannot be understood is an error all the same', async (t) => {
  const { replies, ask } = setUp();
  const { call, answer } = ask();
  replies.receive([frame((writer) => writer.addError(call.correlation, 'nonsense' as never))]);
  await t.throwsAsync(answer, { instanceOf: HomeostatError, code: 'HANDLER' } as object);
});

test('when the inbox is lost, calls that have left fail and the others stay', async (t) => {
  const { replies, ask } = setUp();
  const [left, here] = [ask(), ask()];
  left.call.travels = true;
  replies.lose('me-1');
  const error = await t.throwsAsync(left.answer, { instanceOf: NotMember });
  t.is(error.outcome, 'unknown');
  t.is(replies.size, 1);
  replies.close();
  t.is((await t.throwsAsync(here.answer, { instanceOf: NodeClosed })).outcome, 'not-executed');
  t.is(replies.size, 0);
});
