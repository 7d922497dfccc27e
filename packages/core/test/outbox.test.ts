import test from 'ava';
import fc from 'fast-check';
import {
  BackendFull,
  type HomeostatError,
  MailboxFull,
  NodeClosed,
  NotMember,
  PayloadTooLarge,
  SerializationError,
  TransportError,
} from '../src/ground/errors.ts';
import { Flusher } from '../src/ground/flusher.ts';
import { DEFAULT_MAX_BODY_BYTES, readBody, readFrame, type Frame } from '../src/wire/frame.ts';
import { sleep } from '../src/ground/loop.ts';
import { Numbers } from '../src/sending/numbers.ts';
import { Outbox, type Destination, type Receipt, type TransmitResult } from '../src/sending/outbox.ts';
import { waitFor } from '../src/testing/wait-for.ts';

const ACCEPTED: TransmitResult = { kind: 'accepted' };
const LOST = (): never => {
  throw new TransportError('the reply was lost');
};
const REFUSED = (): never => {
  throw new TransportError('away', { outcome: 'not-executed' });
};
const FULL = (room: number): TransmitResult => ({
  kind: 'full',
  room,
  refusal: new MailboxFull('m@1', { messages: 9, maxLength: 10, bytes: 1, maxBytes: 1, room }),
});

interface Sent {
  readonly number: number;
  readonly count: number;
  readonly at: number | undefined;
  readonly bytes: Uint8Array;
  readonly frame: Frame;
}

/** Answers each frame as told; without instructions it accepts. */
class Fake implements Destination {
  id = 'me-1';
  shares = 0;
  turn?: (signal: AbortSignal) => Promise<void>;
  readonly sent: Sent[] = [];
  /** How the next frames are answered. */
  readonly answers: (() => TransmitResult | Promise<TransmitResult>)[] = [];
  inFlight = 0;
  mostInFlight = 0;

  async transmit(frame: Uint8Array, number: number, count: number, at: number | undefined): Promise<TransmitResult> {
    const bytes = new Uint8Array(frame);
    this.sent.push({ number, count, at, bytes, frame: readFrame(bytes) });
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      const answer = this.answers.shift();
      await sleep(0);
      return answer === undefined ? ACCEPTED : await answer();
    } finally {
      this.inFlight -= 1;
    }
  }

  from(): string {
    return this.id;
  }

  async ready(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
  }

  share(): number {
    return this.shares;
  }

  now(): number {
    return 1_000_000;
  }

  /** The bodies of each frame sent. */
  bodies(): unknown[][] {
    return this.sent.map(({ frame }) => bodiesOf(frame));
  }

  numbers(): number[] {
    return this.sent.map(({ number }) => number);
  }
}

function bodiesOf(frame: Frame): unknown[] {
  return frame.envelopes.map((envelope) => readBody(frame.bytes, envelope.bodyStart, envelope.bodyEnd));
}

class Slip implements Receipt {
  wanted = true;
  patient = false;
  travels = false;
  /** How it ended, as often as it was told. */
  readonly ends: ('accepted' | HomeostatError)[] = [];

  accepted(): void {
    this.ends.push('accepted');
  }

  refused(error: HomeostatError): void {
    this.ends.push(error);
  }

  get end(): string {
    return this.ends.map((end) => (end === 'accepted' ? end : `${end.code} ${end.outcome}`)).join(', ');
  }
}

function setUp(): { to: Fake; outbox: Outbox; cast: (body: unknown, at?: number) => Slip } {
  const to = new Fake();
  const outbox = new Outbox(to, new Flusher(), DEFAULT_MAX_BODY_BYTES);
  const cast = (body: unknown, at?: number): Slip => {
    const slip = new Slip();
    outbox.cast('run', body, 0, undefined, at, slip);
    return slip;
  };
  return { to, outbox, cast };
}

/** Its turn comes when `come` is called. */
function inLine(to: Fake): () => void {
  let come = (): void => undefined;
  to.turn = () =>
    new Promise<void>((resolve) => {
      come = resolve;
    });
  return () => come();
}

/** The next frame is on its way until the answer is called. */
function heldUp(to: Fake): () => void {
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  to.answers.push(() => arrived.then(() => ACCEPTED));
  return () => arrive();
}

const idle = (outbox: Outbox): Promise<unknown> =>
  waitFor(() => outbox.idle, { withinMs: 5_000, what: 'the outbox to be idle' });

test('what is sent in one turn leaves together, in order, under one number', async (t) => {
  const { to, outbox, cast } = setUp();
  const slips = [1, 2, 3].map((n) => cast(n));
  t.is(to.sent.length, 0, 'nothing leaves before the turn ends');
  await idle(outbox);
  t.deepEqual(to.bodies(), [[1, 2, 3]]);
  t.deepEqual(to.numbers(), [1]);
  t.is(to.sent[0]?.frame.from, 'me-1');
  t.is(to.sent[0]?.frame.number, 1);
  t.is(to.sent[0]?.frame.replyTo, null, 'nobody waits for an answer');
  for (const slip of slips) t.is(slip.end, 'accepted');
});

test('what is sent while a frame travels waits for it and leaves as one', async (t) => {
  const { to, outbox, cast } = setUp();
  const arrive = heldUp(to);
  cast(0);
  await waitFor(() => to.inFlight === 1, { withinMs: 5_000, what: 'the first frame to travel' });
  for (const n of [1, 2, 3, 4]) {
    cast(n);
    await sleep(0);
  }
  t.is(to.sent.length, 1);
  arrive();
  await idle(outbox);
  t.deepEqual(to.bodies(), [[0], [1, 2, 3, 4]]);
  t.deepEqual(to.numbers(), [1, 2]);
  t.is(to.mostInFlight, 1);
});

test('a frame with a call says where its answer goes', async (t) => {
  const { to, outbox } = setUp();
  outbox.call('ask', 'x', 7, 0, undefined, new Slip());
  await idle(outbox);
  t.is(to.sent[0]?.frame.replyTo, 'me-1');
  t.is(to.sent[0]?.frame.envelopes[0]?.correlation, 7);
});

test('frames are bounded by envelopes, by bytes, by the share of work and by the moment they are due', async (t) => {
  const byCount = setUp();
  for (let n = 0; n < 300; n += 1) byCount.cast(n);
  await idle(byCount.outbox);
  t.deepEqual(
    byCount.to.sent.map(({ count }) => count),
    [128, 128, 44],
  );

  const byBytes = setUp();
  for (let n = 0; n < 5; n += 1) byBytes.cast(new Uint8Array(30_000).fill(n));
  byBytes.cast(new Uint8Array(200_000));
  await idle(byBytes.outbox);
  t.deepEqual(
    byBytes.to.sent.map(({ count }) => count),
    [2, 2, 1, 1],
  );

  const byShare = setUp();
  byShare.to.shares = 1 / 3;
  for (let n = 0; n < 7; n += 1) byShare.cast(n);
  await idle(byShare.outbox);
  t.deepEqual(byShare.to.bodies(), [[0, 1, 2], [3, 4, 5], [6]]);

  const byMoment = setUp();
  byMoment.cast('now');
  byMoment.cast('later', 5);
  byMoment.cast('later too', 5);
  byMoment.cast('now again');
  await idle(byMoment.outbox);
  t.deepEqual(byMoment.to.bodies(), [['now'], ['later', 'later too'], ['now again']]);
  t.deepEqual(
    byMoment.to.sent.map(({ at }) => at),
    [undefined, 5, undefined],
  );
});

test('a frame whose outcome is unknown is sent again unchanged, under the same number', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(LOST, LOST);
  const [kept, tired] = [cast('kept'), cast('tired')];
  await waitFor(() => to.sent.length === 1 && kept.travels, { withinMs: 5_000, what: 'the first try' });
  // Nobody waits for this one any more, but it may be there already: the frame must stay what it was.
  tired.wanted = false;
  cast('next');
  await idle(outbox);
  t.deepEqual(to.bodies(), [['kept', 'tired'], ['kept', 'tired'], ['kept', 'tired'], ['next']]);
  t.deepEqual(to.numbers(), [1, 1, 1, 2]);
  t.deepEqual(to.sent[1]?.bytes, to.sent[0]?.bytes);
  t.is(kept.end, 'accepted');
  t.is(kept.ends.length, 1);
});

test('a frame of unknown outcome that nobody waits for is given up, and its number with it', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(LOST);
  const slip = cast('a');
  await waitFor(() => to.sent.length === 1 && to.inFlight === 0, { withinMs: 5_000, what: 'the first try' });
  slip.wanted = false;
  cast('b');
  await idle(outbox);
  t.deepEqual(to.bodies(), [['a'], ['b']]);
  t.deepEqual(to.numbers(), [1, 2], 'the next frame must not be taken for a repetition');
});

test('envelopes that nobody waits for any more are left out before the first send', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(REFUSED);
  const slips = ['a', 'b', 'c', 'd'].map((body) => cast(body));
  slips[1]!.wanted = false;
  await waitFor(() => to.sent.length === 1 && to.inFlight === 0, { withinMs: 5_000, what: 'the first try' });
  t.false(slips[0]?.travels, 'a try that was surely not carried out leaves nothing unknown');
  slips[3]!.wanted = false;
  await idle(outbox);
  t.deepEqual(to.bodies(), [
    ['a', 'c', 'd'],
    ['a', 'c'],
  ]);
  t.deepEqual(to.numbers(), [1, 1], 'a frame that was not accepted uses up no number');
  t.deepEqual(
    slips.map((slip) => slip.end),
    ['accepted', '', 'accepted', ''],
  );
});

test('a frame that nobody waits for does not leave at all', async (t) => {
  const { to, outbox, cast } = setUp();
  cast('a').wanted = false;
  await idle(outbox);
  t.is(to.sent.length, 0);
  cast('b');
  await idle(outbox);
  t.deepEqual(to.numbers(), [1]);
});

test('a full mailbox gets what fits; the others are refused', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(
    () => FULL(2),
    () => FULL(1),
  );
  const slips = ['a', 'b', 'c', 'd'].map((body) => cast(body));
  await idle(outbox);
  t.deepEqual(to.bodies(), [['a', 'b', 'c', 'd'], ['a', 'b'], ['a']]);
  t.deepEqual(to.numbers(), [1, 1, 1]);
  t.deepEqual(
    slips.map((slip) => slip.end),
    ['accepted', ...['b', 'c', 'd'].map(() => 'MAILBOX_FULL not-executed')],
  );
  cast('e');
  await idle(outbox);
  t.is(to.numbers().at(-1), 2);
});

test('a backend that says full and names room for all is not asked for ever', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(
    () => FULL(5),
    () => FULL(5),
  );
  const slips = ['a', 'b'].map((body) => cast(body));
  await idle(outbox);
  t.deepEqual(
    slips.map((slip) => slip.end),
    ['MAILBOX_FULL not-executed', 'MAILBOX_FULL not-executed'],
  );
});

test('a mailbox without room refuses all at once', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(() => FULL(0));
  const slips = ['a', 'b'].map((body) => cast(body));
  await idle(outbox);
  t.is(to.sent.length, 1);
  t.deepEqual(
    slips.map((slip) => slip.end),
    ['MAILBOX_FULL not-executed', 'MAILBOX_FULL not-executed'],
  );
});

test('what has not left when the node is evicted leaves under its new id, and its number goes on', async (t) => {
  const { to, outbox, cast } = setUp();
  cast('before');
  await idle(outbox);
  to.answers.push(
    () => ({ kind: 'not-member' }),
    () => {
      to.id = 'me-2';

      return { kind: 'not-member' };
    },
  );
  const slip = cast('during');
  await waitFor(() => to.sent.length === 2 && to.inFlight === 0, { withinMs: 5_000, what: 'the first refusal' });
  t.false(slip.travels);
  await idle(outbox);
  t.is(slip.end, 'accepted');
  t.deepEqual(
    to.sent.map(({ frame, number }) => `${frame.from} ${number}`),
    ['me-1 1', 'me-1 2', 'me-1 2', 'me-2 2'],
  );
});

test('a frame of unknown outcome is not sent under another id: it would be accepted twice', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(() => {
    to.id = 'me-2';

    return LOST();
  });
  const slip = cast('a');
  cast('b').wanted = false;
  await idle(outbox);
  t.is(slip.end, 'NOT_MEMBER unknown');
  t.true(slip.ends[0] instanceof NotMember);
  const next = cast('c');
  await idle(outbox);
  t.is(next.end, 'accepted');
  t.deepEqual(
    to.sent.map(({ frame, number }) => `${frame.from} ${number}`),
    ['me-1 1', 'me-2 1'],
  );
});

test('a frame of unknown outcome that a member no more is asked about fails unknown', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(LOST, () => ({ kind: 'not-member' }));
  const slip = cast('a');
  await idle(outbox);
  t.is(slip.end, 'NOT_MEMBER unknown');
});

test('a final refusal fails the frame with what is known of it', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(() => {
    throw new BackendFull('no memory');
  });
  const slip = cast('a');
  await idle(outbox);
  t.is(slip.end, 'BACKEND_FULL not-executed');
  cast('b');
  await idle(outbox);
  t.deepEqual(to.numbers(), [1, 1]);
});

test('a final refusal of a frame that may be there already says unknown, and uses its number up', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(LOST, () => {
    throw new BackendFull('no memory');
  });
  const slip = cast('a');
  await idle(outbox);
  t.is(slip.end, 'TRANSPORT unknown');
  cast('b');
  await idle(outbox);
  t.deepEqual(to.numbers(), [1, 1, 2], 'the next frame must not be taken for a repetition');
});

test('a body that cannot travel throws at once and leaves the others alone', async (t) => {
  const { to, outbox, cast } = setUp();
  t.throws(() => cast(() => 1), { instanceOf: SerializationError });
  t.true(outbox.idle, 'a refused body leaves nothing behind');
  const slip = cast('a');
  t.throws(() => cast(new Uint8Array(DEFAULT_MAX_BODY_BYTES + 1)), { instanceOf: PayloadTooLarge });
  await idle(outbox);
  t.is(slip.end, 'accepted');
  t.deepEqual(to.bodies(), [['a']]);
});

test('closing refuses whatever waits; what travels ends by itself', async (t) => {
  const { to, outbox, cast } = setUp();
  const arrive = heldUp(to);
  const travelling = cast('travels');
  await waitFor(() => to.inFlight === 1, { withinMs: 5_000, what: 'the first frame to travel' });
  to.shares = 1;
  const waiting = [cast('full'), cast('open')];
  outbox.close();
  t.deepEqual(
    waiting.map((slip) => slip.end),
    ['NODE_CLOSED not-executed', 'NODE_CLOSED not-executed'],
  );
  t.true(waiting[0]?.ends[0] instanceof NodeClosed);
  arrive();
  await idle(outbox);
  t.is(travelling.end, 'accepted');
  t.is(to.sent.length, 1);
});

test('after closing nothing is tried again', async (t) => {
  for (const [answer, end] of [
    [LOST, 'TRANSPORT unknown'],
    [REFUSED, 'TRANSPORT not-executed'],
    [(): TransmitResult => ({ kind: 'not-member' }), 'NOT_MEMBER not-executed'],
  ] as const) {
    const { to, outbox, cast } = setUp();
    to.answers.push(() => {
      outbox.close();
      return answer();
    });
    const slip = cast('a');
    await idle(outbox);
    t.is(slip.end, end);
    t.is(to.sent.length, 1);
  }
});

test('an error that is none of ours counts as unknown', async (t) => {
  const { to, outbox, cast } = setUp();
  to.answers.push(() => {
    throw new RangeError('a bug');
  });
  const slip = cast('a');
  await idle(outbox);
  t.is(slip.end, 'accepted');
  t.deepEqual(to.numbers(), [1, 1]);
});

/** What may happen to one try. `done`: the backend carries it out. */
type Fate =
  | { readonly kind: 'accept' }
  | { readonly kind: 'lose'; readonly done: boolean }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'out-of-memory' }
  | { readonly kind: 'full'; readonly room: number }
  | { readonly kind: 'evict'; readonly lose: boolean };

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>({ kind: 'accept' }) },
  { weight: 3, arbitrary: fc.boolean().map((done): Fate => ({ kind: 'lose', done })) },
  { weight: 1, arbitrary: fc.constant<Fate>({ kind: 'refuse' }) },
  { weight: 1, arbitrary: fc.constant<Fate>({ kind: 'out-of-memory' }) },
  { weight: 1, arbitrary: fc.nat(3).map((room): Fate => ({ kind: 'full', room })) },
  { weight: 1, arbitrary: fc.boolean().map((lose): Fate => ({ kind: 'evict', lose })) },
);

/** A mailbox that keeps the last number of each producer, as the port says. */
class Model extends Fake {
  readonly stored: number[] = [];
  readonly #last = new Map<string, number>();
  readonly #fates: Fate[];
  transmitAll?: NonNullable<Destination['transmitAll']>;
  /** How many frames each step carried. */
  readonly steps: number[] = [];

  constructor(fates: readonly Fate[], together: boolean) {
    super();
    this.#fates = [...fates];
    if (together) this.transmitAll = (frames, number) => this.#transmitAll(frames, number);
  }

  /** One step: what happens, happens to all of its frames. */
  async #transmitAll(frames: readonly { readonly frame: Uint8Array }[], number: number): Promise<number> {
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    this.steps.push(frames.length);
    const copies = frames.map(({ frame }) => readFrame(new Uint8Array(frame)));
    const by = this.id;
    try {
      await sleep(0);
      const what = this.#fates.shift() ?? { kind: 'accept' };
      if (what.kind === 'full') {
        let { room } = what;
        const refused = copies.findIndex((frame) => (room -= frame.envelopes.length) < 0);
        const taken = refused === -1 ? copies : copies.slice(0, refused);
        taken.forEach((frame, index) => this.#store(by, number + index, frame));
        return taken.length;
      }
      const carriedOut =
        what.kind === 'accept' || (what.kind === 'lose' && what.done) || (what.kind === 'evict' && what.lose);
      if (carriedOut) copies.slice(0, -1).forEach((frame, index) => this.#store(by, number + index, frame));
      const last = copies.length - 1;
      const result = this.#answer(what, by, number + last, copies[last]!);
      return result.kind === 'accepted' ? copies.length : 0;
    } finally {
      this.inFlight -= 1;
    }
  }

  override async transmit(frame: Uint8Array, number: number): Promise<TransmitResult> {
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    const bytes = new Uint8Array(frame);
    const by = this.id;
    try {
      await sleep(0);
      return this.#answer(this.#fates.shift() ?? { kind: 'accept' }, by, number, readFrame(bytes));
    } finally {
      this.inFlight -= 1;
    }
  }

  #answer(what: Fate, by: string, number: number, frame: Frame): TransmitResult {
    const repeated = number <= (this.#last.get(by) ?? 0);
    switch (what.kind) {
      case 'accept':
        this.#store(by, number, frame);
        return ACCEPTED;
      case 'lose':
        if (what.done) this.#store(by, number, frame);
        return LOST();
      case 'refuse':
        return REFUSED();
      case 'out-of-memory':
        throw new BackendFull('no memory');
      case 'full':
        if (!repeated && what.room < frame.envelopes.length) return FULL(what.room);
        this.#store(by, number, frame);
        return ACCEPTED;
      case 'evict':
        // Perhaps it was carried out just before.
        if (what.lose) this.#store(by, number, frame);
        this.id = `me-${Number(by.slice(3)) + 1}`;
        return what.lose ? LOST() : { kind: 'not-member' };
    }
  }

  #store(by: string, number: number, frame: Frame): void {
    if (frame.from !== by) throw new Error(`a frame of ${frame.from} came from ${by}`);
    if (number <= (this.#last.get(by) ?? 0)) return;
    this.#last.set(by, number);
    this.stored.push(...(bodiesOf(frame) as number[]));
  }
}

test('whatever happens on the way, each message ends once, and is there as often as its ending says', async (t) => {
  const run = async (
    fates: readonly Fate[],
    bursts: readonly number[],
    impatient: readonly number[],
    together: boolean,
  ): Promise<void> => {
    const to = new Model(fates, together);
    to.shares = 1 / 4;
    const outbox = new Outbox(to, new Flusher(), DEFAULT_MAX_BODY_BYTES);

    const slips: Slip[] = [];
    const outcomes = new Map<number, string>();
    for (const burst of bursts) {
      for (let n = 0; n < burst; n += 1) {
        const slip = new Slip();
        slips.push(slip);
        outbox.cast('run', slips.length - 1, 0, undefined, undefined, slip);
      }
      await sleep(1);
      for (const index of impatient) {
        const slip = slips[index];
        if (slip === undefined || slip.ends.length > 0 || !slip.wanted) continue;
        slip.wanted = false;
        outcomes.set(index, slip.travels ? 'unknown' : 'not-executed');
      }
    }
    await idle(outbox);
    t.is(to.mostInFlight, 1);
    slips.forEach((slip, index) => {
      const times = to.stored.filter((stored) => stored === index).length;
      const [end] = slip.ends;
      t.true(slip.ends.length <= 1, 'it ended more than once');
      const outcome =
        outcomes.get(index) ?? (end === undefined ? 'nothing' : end === 'accepted' ? 'accepted' : end.outcome);
      if (outcome === 'accepted') t.is(times, 1, `message ${index} was accepted`);
      else if (outcome === 'not-executed') t.is(times, 0, `message ${index} was not executed`);
      else t.true(outcome === 'unknown' && times <= 1, `message ${index}: ${outcome}, there ${times} times`);
    });
    t.deepEqual(
      to.stored,
      to.stored.toSorted((a, b) => a - b),
      'the order is kept',
    );
  };
  await fc.assert(
    fc.asyncProperty(
      // Many at once, because each waits before it tries again.
      fc.array(
        fc.tuple(
          fc.array(fate, { maxLength: 8 }),
          fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 5 }),
          fc.array(fc.nat(20), { maxLength: 3 }),
          fc.boolean(),
        ),
        { minLength: 12, maxLength: 12 },
      ),
      async (lives) => {
        await Promise.all(lives.map(([fates, bursts, impatient, together]) => run(fates, bursts, impatient, together)));
      },
    ),
    { numRuns: 12, endOnFailure: true },
  );
});

test('full frames that wait travel in one step, and one by one when the step was not accepted whole', async (t) => {
  const to = new Model(
    [{ kind: 'accept' }, { kind: 'full', room: 3 }, { kind: 'accept' }, { kind: 'lose', done: true }],
    true,
  );
  to.shares = 1 / 2;
  const outbox = new Outbox(to, new Flusher(), DEFAULT_MAX_BODY_BYTES);
  const slips = Array.from({ length: 20 }, (_, body) => {
    const slip = new Slip();
    outbox.cast('run', body, 0, undefined, undefined, slip);
    return slip;
  });
  await idle(outbox);
  t.deepEqual([...new Set(slips.map((slip) => slip.end))], ['accepted']);
  t.deepEqual(
    to.stored,
    slips.map((_, body) => body),
    'each once, in order',
  );
  t.true(to.steps.length >= 2 && to.steps.every((frames) => frames >= 2), `steps of ${to.steps.join(', ')}`);
  t.is(to.mostInFlight, 1);
});

test('of a frame that does not fit, the patient wait in line and the others are refused, in order', async (t) => {
  const { to, outbox } = setUp();
  const comes = inLine(to);
  to.answers.push(
    () => FULL(2),
    () => ACCEPTED,
    () => FULL(0),
  );
  const slips = Array.from({ length: 6 }, (_, index) => {
    const slip = new Slip();
    slip.patient = index % 2 === 0;
    outbox.cast('run', index, 0, undefined, undefined, slip);
    return slip;
  });
  await waitFor(() => to.sent.length === 3, { withinMs: 5_000, what: 'the frame in line' });
  t.deepEqual(to.bodies(), [
    [0, 1, 2, 3, 4, 5],
    [0, 1],
    [2, 4],
  ]);
  t.deepEqual(
    slips.map(({ end }) => end),
    ['accepted', 'accepted', '', 'MAILBOX_FULL not-executed', '', 'MAILBOX_FULL not-executed'],
  );
  await waitFor(() => throws(() => outbox.cast('run', 6, 0, undefined, undefined, new Slip())) === 'MAILBOX_FULL', {
    withinMs: 5_000,
    what: 'who is not patient to be refused at once',
  });
  comes();
  await idle(outbox);
  t.deepEqual(to.bodies()[3], [2, 4]);
  t.deepEqual(to.numbers(), [1, 1, 2, 2], 'a number is used up by what was accepted alone');
  t.deepEqual(
    slips.map(({ end }) => end.split(' ')[0]),
    ['accepted', 'accepted', 'accepted', 'MAILBOX_FULL', 'accepted', 'MAILBOX_FULL'],
  );
});

test('no two frames of a node have the same number, also after one that was lost and then refused for good', async (t) => {
  const numbers = new Numbers();
  const [first, second] = [new Fake(), new Fake()];
  const [one, two] = [first, second].map((to) => new Outbox(to, new Flusher(), DEFAULT_MAX_BODY_BYTES, numbers));
  first.answers.push(LOST, () => ({ kind: 'refused', refusal: new PayloadTooLarge(2, 1) }));
  const slip = new Slip();
  one!.cast('run', 'x', 0, undefined, undefined, slip);
  await idle(one!);
  t.is(slip.end, 'TRANSPORT unknown');
  for (const outbox of [one!, two!]) outbox.cast('run', 'y', 0, undefined, undefined, new Slip());
  await idle(one!);
  await idle(two!);
  t.deepEqual(new Set([...first.numbers(), ...second.numbers()]).size, 3);
});

test('what stands in line is refused when the node closes', async (t) => {
  const { to, outbox } = setUp();
  to.answers.push(
    () => FULL(0),
    () => FULL(0),
  );
  const slip = new Slip();
  slip.patient = true;
  to.turn = (signal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  outbox.cast('run', 'x', 0, undefined, undefined, slip);
  await waitFor(() => to.sent.length === 1, { withinMs: 5_000, what: 'the frame in line' });
  outbox.close();
  await idle(outbox);
  t.is(slip.end, 'MAILBOX_FULL not-executed');
});

function throws(act: () => void): string {
  try {
    act();
    return '';
  } catch (thrown) {
    return (thrown as HomeostatError).code;
  }
}
