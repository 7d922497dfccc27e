/**
 * Claims frames of one mailbox for the free room of its pool and hands deliveries over. Judging is in `verdict.ts`,
 * what becomes of an entry in `batch.ts` and `endings.ts`; here is who starts when.
 */
import { Batch } from './batch.ts';
import type { Claim, Intake, MailboxReader } from './broker.ts';
import type { Clock } from './clock.ts';
import type { Deadlines } from './deadlines.ts';
import { Delivery, type DeliveryOwner } from './delivery.ts';
import { Endings } from './endings.ts';
import { Kind, toWireError, type WireError } from './envelope.ts';
import { codeOf, FrameInvalid, HandlerTimeout, MethodNotFound, NotMember, type HomeostatError } from './errors.ts';
import { envelopesPerFrame, writeHints } from './frame-shares.ts';
import { MAX_ENVELOPES, readFrame } from './frame.ts';
import type { Log } from './log.ts';
import type { ActorPolicy } from './options.ts';
import type { Ended, Pool } from './pool.ts';
import type { Sending } from './sending.ts';
import { ServiceTimes } from './service-times.ts';
import type { Settler } from './settler.ts';
import type { Stats } from './stats.ts';

export interface DispatcherNeeds {
  readonly mailbox: string;
  readonly methods: ReadonlySet<string>;
  readonly pool: Pool;
  readonly policy: ActorPolicy;
  readonly sending: Sending;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly log: Log;
  readonly stats: Stats;
  readonly maxBodyBytes: number;
  settler(): Settler;
  memberId(): string;
  /** Writes a start mark and resolves once it is there. */
  mark(batch: Batch, index: number): Promise<void>;
  /** Whether another living node announces the method. */
  announcedElsewhere(mailbox: string, method: string): Promise<boolean>;
}

/** Work in hand that drains sooner than this need not keep the next frame from travelling, ms. */
const PREFETCH_MS = 2;
/** Most frames asked for at once. */
const MAX_FRAMES = 64;
/** A handler that has been told to stop is given up after this long, ms. */
const STOP_GRACE_MS = 5_000;
/** Node deaths with an entry in hand after which it is run one envelope at a time. */
const SUSPECT_AFTER = 2;
/** A delivery whose method only other nodes know comes back after this long, ms. */
const ELSEWHERE_MS = 250;

export class Dispatcher implements Intake, Ended, DeliveryOwner {
  readonly sending: Sending;
  readonly log: Log;
  readonly times: ServiceTimes = new ServiceTimes();
  readonly #needs: DispatcherNeeds;
  readonly #endings: Endings;
  readonly #running = new Set<Delivery>();
  #waiting: Batch[] = [];
  /** Envelopes of waiting batches that have not started. */
  #queued = 0;
  #busy = 0;
  /** Envelopes a frame usually holds: the largest of late. */
  #frameSize = MAX_ENVELOPES;
  #starved = false;
  #pumping = false;
  #stopped = false;
  #reader: MailboxReader | undefined;

  constructor(needs: DispatcherNeeds) {
    this.#needs = needs;
    this.sending = needs.sending;
    this.log = needs.log;
    this.#endings = new Endings(needs, (batch) => this.#freed(batch));
  }

  /** Envelopes that run now. */
  get inFlight(): number {
    return this.#busy;
  }

  attach(reader: MailboxReader): void {
    this.#reader = reader;
  }

  /** Whether it has a reader. That outlives an eviction: once the node has joined again it claims for the new id. */
  get reading(): boolean {
    return this.#reader !== undefined;
  }

  /** What senders should know of this mailbox's methods, in the form of `frame-shares.ts`. */
  hints(): string {
    const { pool, policy } = this.#needs;
    const capacity = pool.kind === 'threads' ? pool.capacity : policy.concurrency;
    const known = new Map<string, number>([['*', pool.kind === 'threads' ? 1 : 8]]);
    for (const [method, serviceMs] of this.times.entries())
      known.set(method, powerOfTwo(envelopesPerFrame(serviceMs, capacity)));
    return writeHints(known);
  }

  room(): number {
    const frames = this.#stopped ? 0 : this.#roomInFrames();
    this.#starved = frames === 0;
    return frames;
  }

  take(claims: readonly Claim[]): void {
    for (const claim of claims) this.#open(claim);
    this.#pump();
  }

  value(delivery: Delivery, value: unknown): void {
    if (!this.#ended(delivery)) return;
    this.#needs.stats.processed += 1;
    this.#endings.succeeded(delivery, value);
    this.#pump();
  }

  bytes(delivery: Delivery, body: Uint8Array | undefined): void {
    if (!this.#ended(delivery)) return;
    this.#needs.stats.processed += 1;
    this.#endings.succeededWithBytes(delivery, body);
    this.#pump();
  }

  failed(delivery: Delivery, error: WireError): void {
    if (!this.#ended(delivery)) return;
    this.#needs.stats.failed += 1;
    this.#endings.failed(delivery, error);
    this.#pump();
  }

  /** First the handler is told, later it is given up. */
  overdue(delivery: Delivery): void {
    const ran = this.#needs.clock.elapsed() - delivery.startedAt;
    const error = new HandlerTimeout(`${this.#needs.mailbox} ${delivery.method}`, Math.round(ran));
    if (delivery.aborted) {
      this.failed(delivery, toWireError(error));
      return;
    }
    delivery.abort(error);
    this.#needs.pool.abandon(delivery);
    if (!delivery.ended) this.#needs.deadlines.add(delivery, this.#needs.clock.elapsed() + STOP_GRACE_MS);
  }

  /** The node was evicted: nothing in hand is ours any more. */
  drop(): void {
    this.#endings.dropAll();
    this.#abortRunning(new NotMember(this.#needs.memberId()));
    this.#waiting = [];
    this.#queued = 0;
  }

  /** Stops claiming and starting; what has not started is handed back at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#reader?.close();
    this.#waiting = [];
    this.#queued = 0;
    this.#endings.handBack();
  }

  /** Resolves when nothing is in hand any more. */
  drained(): Promise<void> {
    return this.#endings.drained();
  }

  /** The time is up: what still runs is told to stop and handed back. */
  giveUp(reason: HomeostatError): void {
    this.#abortRunning(reason);
    this.#endings.handBackAll();
  }

  /** Frames for the free room, and one more to travel meanwhile when all of it would drain before that could arrive. */
  #roomInFrames(): number {
    const { policy, pool } = this.#needs;
    const capacity = Math.min(policy.concurrency, pool.capacity);
    if (this.#endings.inHand > capacity + MAX_FRAMES) return 0;
    const taken = this.#busy + this.#queued;
    const fitting = taken < capacity ? Math.max(1, Math.floor((capacity - taken) / this.#frameSize)) : 0;
    const drainMs = ((taken + fitting * this.#frameSize) * this.times.typical) / capacity;
    const ahead = drainMs < PREFETCH_MS && this.#queued <= MAX_ENVELOPES ? 1 : 0;
    return Math.min(MAX_FRAMES, fitting + ahead);
  }

  #open(claim: Claim): void {
    const { clock, maxBodyBytes } = this.#needs;
    let batch: Batch;
    try {
      const frame = readFrame(claim.frame, { maxBodyBytes });
      if (frame.envelopes.length !== claim.count) throw new FrameInvalid('the count beside the frame is wrong');
      batch = new Batch(claim, frame, clock.elapsed(), claim.count > 1 && claim.crashes >= SUSPECT_AFTER);
    } catch (thrown) {
      this.#endings.buryWhole(
        claim,
        thrown instanceof FrameInvalid ? `FRAME_INVALID: ${thrown.reason}` : codeOf(thrown),
      );
      return;
    }
    this.#frameSize = Math.max(claim.count, Math.floor(this.#frameSize * 0.75), 1);
    if (batch.remaining === 0) {
      this.#needs.settler().add({ kind: 'done', claim });
      return;
    }
    this.#endings.hold(batch);
    if (this.#stopped) {
      this.#endings.handBack();
    } else {
      this.#wait(batch);
    }
  }

  /** Starts what there is room for. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      this.#startWaiting();
    } finally {
      this.#pumping = false;
    }
    if (this.#starved && !this.#stopped && this.#roomInFrames() > 0) {
      this.#starved = false;
      this.#reader?.wake();
    }
  }

  #startWaiting(): void {
    const capacity = Math.min(this.#needs.policy.concurrency, this.#needs.pool.capacity);
    while (this.#busy < capacity && !this.#stopped) {
      const batch = this.#waiting[0];
      if (batch === undefined) return;
      const index = nextTodo(batch);
      if (index === undefined) {
        this.#waiting.shift();
        continue;
      }
      this.#queued -= 1;
      if (batch.suspect) {
        this.#waiting.shift();
        void this.#startMarked(batch, index);
      } else {
        this.#start(batch, index);
      }
    }
  }

  #wait(batch: Batch): void {
    this.#waiting.push(batch);
    this.#queued += batch.suspect ? 1 : batch.remaining;
  }

  /** An entry has left, or the next envelope of a suspect one may start. */
  #freed(batch: Batch): void {
    if (batch.suspect && batch.remaining > 0 && !batch.dropped && !this.#stopped) this.#wait(batch);
    this.#pump();
  }

  /** One envelope of an entry that killed two nodes, alone and with a start mark. */
  async #startMarked(batch: Batch, index: number): Promise<void> {
    batch.running += 1;
    this.#busy += 1;
    let marked = false;
    try {
      if (batch.untold > 0) this.#endings.flush(batch);
      await this.#needs.settler().settled();
      await this.#needs.mark(batch, index);
      marked = true;
    } catch (thrown) {
      this.log.warn(
        { evt: 'mark_failed', entry: batch.claim.id, code: codeOf(thrown) },
        'a start mark could not be written; the entry is handed back',
      );
    }
    batch.running -= 1;
    this.#busy -= 1;
    if (!marked || this.#stopped) this.#endings.handBackOne(batch);
    else if (!batch.dropped) this.#start(batch, index);
    this.#pump();
  }

  #start(batch: Batch, index: number): void {
    const { clock, policy, deadlines, pool, stats } = this.#needs;
    const delivery = new Delivery(this, batch, index, clock.elapsed());
    const { envelope } = delivery;
    batch.running += 1;
    this.#busy += 1;
    if (envelope.kind !== Kind.call && envelope.kind !== Kind.cast) return this.#refuse(delivery, 'KIND_UNKNOWN');
    if (delivery.attempt > policy.redelivery.deliveries) return this.#refuse(delivery, 'NODE_DIED');
    let limitMs = envelope.kind === Kind.call ? Infinity : policy.maxRunMs;
    if (envelope.deadline !== 0) {
      const left = envelope.deadline - clock.now();
      if (left <= 0) {
        stats.expired += 1;
        return this.#refuse(delivery, 'EXPIRED');
      }
      limitMs = Math.min(limitMs, left);
    }
    if (!this.#needs.methods.has(envelope.method)) {
      void this.#unknownMethod(delivery);
      return;
    }
    delivery.ran = true;
    if (!pool.run(delivery, limitMs, this) || delivery.ended) return;
    this.#running.add(delivery);
    if (limitMs !== Infinity) deadlines.add(delivery, delivery.startedAt + limitMs);
  }

  /** Ends a delivery that is not run. */
  #refuse(delivery: Delivery, reason: string): void {
    if (!this.#ended(delivery)) return;
    this.#endings.refused(delivery, reason);
    this.#pump();
  }

  async #unknownMethod(delivery: Delivery): Promise<void> {
    const { mailbox } = this.#needs;
    let elsewhere = false;
    try {
      elsewhere = await this.#needs.announcedElsewhere(mailbox, delivery.method);
    } catch {
      // Who else knows it cannot be asked now: it comes back, and is asked again.
      elsewhere = true;
    }
    if (!elsewhere) {
      this.failed(delivery, toWireError(new MethodNotFound(mailbox, delivery.method)));
    } else if (this.#ended(delivery)) {
      this.#endings.comeBack(delivery, ELSEWHERE_MS, 'METHOD_ELSEWHERE');
      this.#pump();
    }
  }

  /** Frees the room of a delivery; answers false when it had ended before. */
  #ended(delivery: Delivery): boolean {
    if (delivery.ended) return false;
    delivery.ended = true;
    this.#busy -= 1;
    this.#running.delete(delivery);
    if (delivery.slot >= 0) this.#needs.deadlines.remove(delivery);
    if (delivery.ran) this.times.add(delivery.method, this.#needs.clock.elapsed() - delivery.startedAt);
    return true;
  }

  #abortRunning(reason: HomeostatError): void {
    for (const delivery of this.#running) {
      delivery.abort(reason);
      this.#needs.pool.abandon(delivery);
    }
  }
}

function nextTodo(batch: Batch): number | undefined {
  while (batch.cursor < batch.claim.count) {
    const index = batch.cursor;
    batch.cursor += 1;
    if (batch.isTodo(index)) return index;
  }
  return undefined;
}

/** Rounds down to a power of two, so that hints change seldom. */
function powerOfTwo(value: number): number {
  return 2 ** Math.floor(Math.log2(value));
}
