/** One dispatcher on a bench: without a backend, told by hand what was claimed. */
import { pino } from 'pino';
import { z } from 'zod';
import { actor, type Actor } from '../src/contract/actor.ts';
import type { Batch } from '../src/serving/batch.ts';
import type { Broker, Claim, MailboxReader, ReplyResult, Settlement, SettleResult } from '../src/ports/broker.ts';
import type { Calling } from '../src/calling/calling.ts';
import { contract, type Contract } from '../src/contract/contract.ts';
import { Deadlines } from '../src/ground/deadlines.ts';
import { Dispatcher } from '../src/serving/dispatcher.ts';
import type { DispatcherNeeds } from '../src/serving/dispatcher-needs.ts';
import { Kind } from '../src/wire/envelope.ts';
import { TransportError } from '../src/ground/errors.ts';
import { Flusher } from '../src/ground/flusher.ts';
import { DEFAULT_MAX_BODY_BYTES, FrameWriter, readBody, readFrame } from '../src/wire/frame.ts';
import type { Log } from '../src/ground/log.ts';
import { sleep } from '../src/ground/loop.ts';
import { AsyncPool } from '../src/serving/pools/async.ts';
import { Replies } from '../src/sending/replies.ts';
import { Sending } from '../src/sending/sending.ts';
import { Settler } from '../src/serving/settler.ts';
import { newStats, type Stats } from '../src/node/stats.ts';
import { waitFor } from '../src/testing/wait-for.ts';

export type Work = {
  readonly run: { readonly input: z.ZodString };
  readonly ask: { readonly input: z.ZodString; readonly output: z.ZodString };
};

export const work: Contract<Work> = contract('work', {
  methods: { run: { input: z.string() }, ask: { input: z.string(), output: z.string() } },
});

const MAILBOX = work.mailbox;
const log: Log = pino({ level: 'silent' });
export const NOW = 1_700_000_000_000;

const benches: Bench[] = [];

/** So that no timer is left. */
export function closeBenches(): void {
  for (const bench of benches) bench.close();
}

/** One dispatcher, what it told the backend, and the means to hold the backend up. */
export class Bench implements Partial<Broker> {
  readonly dispatcher: Dispatcher;
  readonly stats: Stats = newStats();
  readonly settled: Settlement[] = [];
  readonly answers: { correlation: number; error: boolean }[] = [];
  /** What the answers held, in the same order. */
  readonly bodies: unknown[] = [];
  readonly marks: number[] = [];
  readonly settler: Settler;
  wakes = 0;
  elsewhere = false;
  markFails = false;
  /** Answers wait for it before they count as arrived. */
  replying: Promise<unknown> = Promise.resolve();
  readonly clock = { now: (): number => NOW + performance.now(), elapsed: (): number => performance.now() };
  readonly reader: MailboxReader = { wake: () => void (this.wakes += 1), close: () => Promise.resolve() };
  readonly #deadlines = new Deadlines(this.clock);

  constructor(served: Actor<Work>, needs: Partial<DispatcherNeeds> = {}) {
    const flusher = new Flusher();
    const broker = this as unknown as Broker;
    this.settler = new Settler(broker, flusher, log);
    const sending = new Sending({
      broker,
      clock: this.clock,
      deadlines: this.#deadlines,
      flusher,
      replies: new Replies(this.clock, this.#deadlines, log, DEFAULT_MAX_BODY_BYTES),
      timeoutMs: 1_000,
      maxBodyBytes: DEFAULT_MAX_BODY_BYTES,
      memberId: () => 'me-1',
      ready: () => Promise.resolve(),
    });
    this.dispatcher = new Dispatcher({
      mailbox: MAILBOX,
      methods: new Set(Object.keys(work.methods)),
      pool: new AsyncPool(served),
      policy: served.policy,
      sending,
      calling: { sending } as Calling,
      deadlines: this.#deadlines,
      clock: this.clock,
      log,
      stats: this.stats,
      maxBodyBytes: DEFAULT_MAX_BODY_BYTES,
      settler: () => this.settler,
      memberId: () => 'me-1',
      mark: (batch: Batch, index: number) => this.#mark(batch, index),
      announcedElsewhere: () => Promise.resolve(this.elsewhere),
      ...needs,
    });
    this.dispatcher.attach(this.reader);
    benches.push(this);
  }

  close(): void {
    this.dispatcher.drop();
    this.#deadlines.close();
  }

  async reply(_inbox: string, bytes: Uint8Array): Promise<ReplyResult> {
    const copy = new Uint8Array(bytes);
    const { envelopes } = readFrame(copy);
    await this.replying;
    this.bodies.push(...envelopes.map(({ bodyStart, bodyEnd }) => readBody(copy, bodyStart, bodyEnd)));
    this.answers.push(...envelopes.map(({ correlation, kind }) => ({ correlation, error: kind === Kind.error })));
    return 'accepted';
  }

  async settle(batch: readonly Settlement[]): Promise<readonly SettleResult[]> {
    this.settled.push(...batch);
    return batch.map(() => 'settled');
  }

  /** What was told of the entry, in order. */
  told(id: string): string[] {
    return this.settled
      .filter(({ claim }) => claim.id === id)
      .map((one) =>
        [one.kind, 'moved' in one ? one.moved : '', 'todo' in one && one.todo !== undefined ? one.todo : '']
          .filter(Boolean)
          .join(' '),
      );
  }

  until(what: string, condition: () => boolean): Promise<unknown> {
    return waitFor(condition, { withinMs: 5_000, what });
  }

  async #mark(batch: Batch, index: number): Promise<void> {
    await this.settler.settled();
    await sleep(1);
    if (this.markFails) throw new TransportError('away');
    this.marks.push(index);
    this.settled.push({ kind: 'mark', claim: batch.claim, todo: batch.todo(), index });
  }
}

let entries = 0;

/** A claim of casts, or of calls whose correlations count from 1. */
export function claim(
  method: string,
  bodies: readonly string[],
  facts: Partial<Claim> & { deadline?: number; calls?: boolean; headers?: Record<string, string> } = {},
): Claim {
  const { deadline = 0, calls = false, headers, ...rest } = facts;
  const extras = headers && { headers };
  const writer = new FrameWriter(DEFAULT_MAX_BODY_BYTES);
  writer.open(NOW);
  bodies.forEach((body, index) => {
    if (calls) writer.addCall(method, body, index + 1, deadline === 0 ? NOW + 600_000 : deadline, extras);
    else writer.addCast(method, body, deadline, extras);
  });
  entries += 1;
  const frame = new Uint8Array(writer.finish('caller-1', entries, calls ? 'caller-1' : null));
  return { mailbox: MAILBOX, id: `${entries}-0`, frame, count: bodies.length, deliveries: 0, crashes: 0, ...rest };
}

/** An actor whose handlers wait until their text is let go; `seen` in the order of their start. */
export function waiting(options: { concurrency?: number } = {}): {
  served: Actor<Work>;
  seen: string[];
  attempts: number[];
  go: (text: string) => void;
} {
  const seen: string[] = [];
  const attempts: number[] = [];
  const open = new Map<string, () => void>();
  const hold = (text: string, attempt: number): Promise<void> => {
    seen.push(text);
    attempts.push(attempt);
    return new Promise((resolve) => open.set(text, resolve));
  };
  const served = actor(
    work,
    { run: (text, ctx) => hold(text, ctx.attempt), ask: (text, ctx) => hold(text, ctx.attempt).then(() => text) },
    options,
  );
  return { served, seen, attempts, go: (text) => open.get(text)?.() };
}

export const plain = (seen: string[]): Actor<Work> =>
  actor(work, { run: (text) => void seen.push(text), ask: (text) => (seen.push(text), text) });
