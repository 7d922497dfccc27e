/**
 * Claims frames of one mailbox for the free room of its pool and hands deliveries over. Judging is in `verdict.ts`,
 * what becomes of an entry in `batch.ts` and `endings.ts`; here is who starts when.
 */
import { Batch } from './batch.ts';
import type { Claim, Intake, MailboxReader } from '../ports/broker.ts';
import type { Calling } from '../calling/calling.ts';
import { Capacity } from './capacity.ts';
import type { Clock } from '../ground/clock.ts';
import type { Deadlines } from '../ground/deadlines.ts';
import { Delivery, type DeliveryOwner } from './delivery.ts';
import { askWhetherElsewhere } from './elsewhere.ts';
import { Endings } from './endings.ts';
import { Kind, toWireError, type WireError } from '../wire/envelope.ts';
import {
  codeOf,
  FrameInvalid,
  HandlerTimeout,
  MethodNotFound,
  NoHealthyInstances,
  NotMember,
  type HomeostatError,
} from '../ground/errors.ts';
import { envelopesPerFrame, writeHints } from '../sending/frame-shares.ts';
import { MAX_ENVELOPES, readFrame } from '../wire/frame.ts';
import { STOP_GRACE_MS, type LocalRequest, type LocalRoom, type LocalRun } from './local-call.ts';
import { LocalDeliveries } from './local-delivery.ts';
import type { Log } from '../ground/log.ts';
import type { ActorPolicy } from '../node/options.ts';
import { PING, type Pong } from '../calling/ping.ts';
import { enterAll, type Gate, type Refusal } from './gate.ts';
import type { Ended, Pool } from './pool.ts';
import { serviceOf } from '../registry/instance.ts';
import { tagsWanted } from '../calling/routing-headers.ts';
import type { Sending } from '../sending/sending.ts';
import { ServiceTimes } from './service-times.ts';
import type { Settler } from './settler.ts';
import { waited, type Stats } from '../node/stats.ts';
import { WaitingBatches, type WaitingLine } from './waiting-batches.ts';

export interface DispatcherNeeds {
  readonly mailbox: string;
  readonly methods: ReadonlySet<string>;
  readonly pool: Pool;
  readonly policy: ActorPolicy;
  /** What answers leave by. */
  readonly sending: Sending;
  /** What handlers call others with. */
  readonly calling: Calling;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly log: Log;
  readonly stats: Stats;
  readonly maxBodyBytes: number;
  settler(): Settler;
  memberId(): string;
  /** Writes a start mark, after everything that is being settled, and resolves once it is there. */
  mark(batch: Batch, index: number): Promise<void>;
  /** Whether another living node announces the method. */
  announcedElsewhere(mailbox: string, method: string): boolean | Promise<boolean>;
  /** Asked before a handler runs, in this order. Absent: none. */
  readonly gates?: readonly Gate[];
  /** Absent: first come first served. */
  readonly waiting?: WaitingLine;
  /** What carries endings out; absent: what does where order does not matter. */
  endings?(freed: (batch: Batch) => void): Endings;
  /** What this node is tagged with; absent: nothing. */
  readonly tags?: ReadonlySet<string>;
  /** Whether another living node that serves the mailbox has all of these tags. Absent: nobody has. */
  satisfiedElsewhere?(mailbox: string, tags: readonly string[]): boolean | Promise<boolean>;
  /** A message that waited `waitMs` in this node's hands for its place starts. Must not throw. */
  onStart?(method: string, waitMs: number): void;
  /** A handler that ran for `ms` has ended; `code` says how it failed; `isCall`: somebody waited. Must not throw. */
  onEnded?(method: string, ms: number, code: string | undefined, isCall: boolean): void;
  /** So many messages have become dead letters. Must not throw. */
  onBuried?(count: number, code: string): void;
}

/** Work in hand that drains sooner than this need not keep the next frame from travelling, ms. */
const PREFETCH_MS = 2;
/** Most frames asked for at once. */
const MAX_FRAMES = 64;
/** Node deaths with an entry in hand after which it is run one envelope at a time. */
const SUSPECT_AFTER = 2;
/** A delivery that only other nodes can run comes back after this long, ms. */
const ELSEWHERE_MS = 250;

export class Dispatcher implements Intake, Ended, DeliveryOwner {
  readonly calling: Calling;
  readonly log: Log;
  readonly times: ServiceTimes = new ServiceTimes();
  readonly #needs: DispatcherNeeds;
  readonly #capacity: Capacity;
  readonly #endings: Endings;
  readonly #local: LocalDeliveries;
  readonly #running = new Set<Delivery>();
  readonly #waiting: WaitingLine;
  #busy = 0;
  /** Envelopes a frame usually holds: the largest of late. */
  #frameSize = MAX_ENVELOPES;
  #starved = false;
  #pumping = false;
  /** Claims and starts; false while paused and once stopped. */
  #open = true;
  #stopped = false;
  /** Whose turn it is when both claims and local calls wait for a place. */
  #localTurn = false;
  #paused: string | undefined;
  #reader: MailboxReader | undefined;
  /** How a ping ends: it has been through the pool, no handler has run. */
  readonly #pings: Ended = {
    value: (delivery) => this.#pinged(delivery),
    bytes: (delivery) => this.#pinged(delivery),
    failed: (delivery, error) => this.failed(delivery, error),
  };

  constructor(needs: DispatcherNeeds) {
    this.#needs = needs;
    this.calling = needs.calling;
    this.log = needs.log;
    this.#capacity = new Capacity(needs.pool, needs.policy.concurrency);
    this.#waiting = needs.waiting ?? new WaitingBatches();
    const freed = (batch: Batch): void => this.#freed(batch);
    this.#endings = needs.endings?.(freed) ?? new Endings(needs, freed);
    this.#local = new LocalDeliveries(this.#localRoom());
  }

  /** Envelopes that run now, local calls included. */
  get inFlight(): number {
    return this.#busy;
  }

  /** Handlers that run at once at most, as far as its share does not say less. */
  get concurrency(): number {
    return this.#capacity.concurrency;
  }

  /** In flight ÷ concurrency, 0 to 1. */
  get load(): number {
    return Math.min(1, this.#busy / this.concurrency);
  }

  /** Smoothed time its handlers take, over all methods, ms; undefined before the first has ended. */
  get serviceMs(): number | undefined {
    return this.times.average;
  }

  /** How long what was claimed first among what has not started waits by now, ms; 0 when nothing does. */
  get oldestWaitMs(): number {
    const { first } = this.#waiting;
    return first === undefined ? 0 : this.#needs.clock.elapsed() - first.claimedAt;
  }

  /** Envelopes a frame of this mailbox usually holds. */
  get frameSize(): number {
    return this.#frameSize;
  }

  /** Part of its concurrency that it uses, 0 to 1, at least one place: so a heavier or healthier instance takes more. */
  get share(): number {
    return this.#capacity.share;
  }

  set share(share: number) {
    this.#capacity.share = share;
    this.#pump();
  }

  /** Why it is paused; undefined when it is not. */
  get paused(): string | undefined {
    return this.#paused;
  }

  /** Claims nothing from now on and hands back what has not started; what runs finishes. Local calls wait. */
  pause(reason: string): void {
    this.#paused = reason;
    if (!this.#open) return;
    this.#open = false;
    this.#endings.handBack();
  }

  resume(): void {
    this.#paused = undefined;
    if (this.#open || this.#stopped) return;
    this.#open = true;
    this.#endings.keep();
    this.#pump();
  }

  /** Changes the concurrency (of a thread pool: its threads) at once; what runs beyond a smaller one finishes. */
  resize(concurrency: number): void {
    this.#capacity.resize(concurrency);
    this.#pump();
  }

  /** Whether a local call would start at once, and the load is below `maxLoad`. */
  hasRoom(maxLoad: number): boolean {
    return this.#open && this.load < maxLoad && this.#local.waiting === 0 && this.#busy < this.#capacity.available;
  }

  /**
   * Runs a call in this process, without the backend. It waits for a place until its deadline; exactly one of the two is
   * called, maybe before this returns. Rejects with what a call by the mailbox would, `NodeClosed` once it is stopped.
   */
  runLocal(request: LocalRequest, resolve: (value: unknown) => void, reject: (error: Error) => void): LocalRun {
    return this.#local.run(request, resolve, reject);
  }

  attach(reader: MailboxReader): void {
    this.#reader = reader;
    if (this.#stopped) void reader.close();
  }

  /** Whether it claims and starts: it is neither paused nor stopped. */
  get open(): boolean {
    return this.#open;
  }

  /** Whether it has a reader. That outlives an eviction: once the node has joined again it claims for the new id. */
  get reading(): boolean {
    return this.#reader !== undefined;
  }

  /** What senders should know of this mailbox's methods, in the form of `frame-shares.ts`. */
  hints(): string {
    const { pool } = this.#needs;
    const capacity = pool.kind === 'threads' ? pool.capacity : this.concurrency;
    const known = new Map<string, number>([['*', pool.kind === 'threads' ? 1 : 8]]);
    for (const [method, serviceMs] of this.times.entries())
      known.set(method, powerOfTwo(envelopesPerFrame(serviceMs, capacity)));
    return writeHints(known);
  }

  room(): number {
    const frames = this.#open ? this.#roomInFrames() : 0;
    this.#starved = frames === 0;
    return frames;
  }

  take(claims: readonly Claim[]): void {
    for (const claim of claims) this.#unpack(claim);
    this.#pump();
  }

  value(delivery: Delivery, value: unknown): void {
    if (!this.#ended(delivery, undefined)) return;
    this.#needs.stats.processed += 1;
    this.#endings.succeeded(delivery, value);
    this.#pump();
  }

  bytes(delivery: Delivery, body: Uint8Array | undefined): void {
    if (!this.#ended(delivery, undefined)) return;
    this.#needs.stats.processed += 1;
    this.#endings.succeededWithBytes(delivery, body);
    this.#pump();
  }

  failed(delivery: Delivery, error: WireError): void {
    if (!this.#ended(delivery, error.code)) return;
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
    this.#waiting.clear();
  }

  /** Stops claiming and starting; what has not started is handed back at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#open = false;
    this.#local.stop();
    await this.#reader?.close();
    this.#waiting.clear();
    this.#endings.handBack();
  }

  /** Resolves when nothing is in hand any more. */
  drained(): Promise<void> {
    const deliveries = this.#endings.drained();
    return this.#local.running === 0 ? deliveries : deliveries.then(() => this.#local.drained());
  }

  /** The time is up: what still runs is told to stop and handed back. */
  giveUp(reason: HomeostatError): void {
    this.#abortRunning(reason);
    this.#endings.handBackAll();
    this.#local.giveUp(reason);
  }

  /** Frames for the free room, and one more to travel meanwhile when all of it would drain before that could arrive. */
  #roomInFrames(): number {
    const capacity = this.#capacity.available;
    if (this.#endings.inHand > capacity + MAX_FRAMES) return 0;
    const taken = this.#busy + this.#waiting.envelopes;
    const fitting = taken < capacity ? Math.max(1, Math.floor((capacity - taken) / this.#frameSize)) : 0;
    const drainMs = ((taken + fitting * this.#frameSize) * this.times.typical) / capacity;
    const ahead = drainMs < PREFETCH_MS && this.#waiting.envelopes <= MAX_ENVELOPES ? 1 : 0;
    return Math.min(MAX_FRAMES, fitting + ahead);
  }

  #unpack(claim: Claim): void {
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
    if (this.#open) this.#waiting.add(batch);
    else this.#endings.handBack();
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
    if (this.#starved && this.#open && this.#roomInFrames() > 0) {
      this.#starved = false;
      this.#reader?.wake();
    }
  }

  #startWaiting(): void {
    const capacity = this.#capacity.available;
    if (!this.#open) {
      if (this.#local.waiting > 0) this.#local.startNext(true);
      return;
    }
    while (this.#busy < capacity && this.#open) {
      if (this.#local.waiting > 0 && (this.#localTurn || this.#waiting.envelopes === 0)) {
        this.#localTurn = false;
        this.#local.startNext(false);
        continue;
      }
      const batch = this.#waiting.next();
      if (batch === undefined) return;
      this.#localTurn = true;
      if (batch.suspect) void this.#startMarked(batch, this.#waiting.index);
      else this.#start(batch, this.#waiting.index);
    }
  }

  /** An entry has left, or the next envelope of a suspect one may start. */
  #freed(batch: Batch): void {
    if (batch.dropped) this.#waiting.forget(batch);
    else if (batch.suspect && batch.remaining > 0 && this.#open) this.#waiting.add(batch);
    this.#pump();
  }

  /** One envelope of an entry that killed two nodes, alone and with a start mark. */
  async #startMarked(batch: Batch, index: number): Promise<void> {
    batch.running += 1;
    this.#busy += 1;
    let marked = false;
    try {
      if (batch.untold > 0) this.#endings.flush(batch);
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
    if (!marked || !this.#open) this.#endings.handBackOne(batch);
    else if (!batch.dropped) this.#start(batch, index);
    this.#pump();
  }

  #start(batch: Batch, index: number): void {
    const { clock, policy, stats } = this.#needs;
    const delivery = new Delivery(this, batch, index, clock.elapsed());
    const { envelope } = delivery;
    waited(stats, delivery.startedAt - batch.claimedAt);
    this.#needs.onStart?.(envelope.method, delivery.startedAt - batch.claimedAt);
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
    if (envelope.extras !== undefined) {
      const tags = tagsWanted(envelope.extras.headers, this.#needs.tags);
      if (tags !== undefined) return this.#wrongTags(delivery, tags);
    }
    if (this.#needs.methods.has(envelope.method)) this.#enter(delivery, limitMs);
    else if (envelope.method === PING) this.#run(delivery, limitMs, this.#pings);
    else this.#unknownMethod(delivery);
  }

  #enter(delivery: Delivery, limitMs: number): void {
    const { gates } = this.#needs;
    const refusal = gates === undefined ? undefined : enterAll(gates, delivery);
    if (refusal instanceof Promise) void refusal.then((answer) => this.#entered(delivery, answer));
    else if (refusal === undefined) this.#handle(delivery, limitMs);
    else this.#turnAway(delivery, refusal);
  }

  /** A gate took its time: meanwhile the delivery may have been taken away, or its own time may be over. */
  #entered(delivery: Delivery, refusal: Refusal | undefined): void {
    if (refusal !== undefined) return this.#turnAway(delivery, refusal);
    const { clock, policy, stats } = this.#needs;
    const left = delivery.deadline === 0 ? Infinity : delivery.deadline - clock.now();
    if (left <= 0) {
      stats.expired += 1;
      return this.#refuse(delivery, 'EXPIRED');
    }
    if (delivery.batch.dropped) return this.#refuse(delivery, 'NOT_MEMBER');
    this.#handle(delivery, Math.min(left, delivery.isCall ? Infinity : policy.maxRunMs));
  }

  #handle(delivery: Delivery, limitMs: number): void {
    delivery.ran = true;
    this.#run(delivery, limitMs, this);
  }

  #turnAway(delivery: Delivery, refusal: Refusal): void {
    if (refusal.kind === 'later') return this.#comeBack(delivery, refusal.code, refusal.delayMs);
    if (refusal.kind === 'fail') return this.failed(delivery, refusal.error);
    if (!this.#ended(delivery, undefined)) return;
    if (refusal.kind === 'answer') this.#endings.succeededWithBytes(delivery, refusal.body);
    else this.#endings.skipped(delivery);
    this.#pump();
  }

  #run(delivery: Delivery, limitMs: number, ended: Ended): void {
    const { pool, deadlines } = this.#needs;
    if (!pool.run(delivery, limitMs, ended) || delivery.ended) return;
    this.#running.add(delivery);
    if (limitMs !== Infinity) deadlines.add(delivery, delivery.startedAt + limitMs);
  }

  #pinged(delivery: Delivery): void {
    if (!this.#ended(delivery, undefined)) return;
    this.#endings.succeeded(delivery, this.#pong());
    this.#pump();
  }

  #pong(): Pong {
    return { nodeId: this.#needs.memberId(), at: Math.round(this.#needs.clock.now()) };
  }

  /** Ends a delivery that is not run. */
  #refuse(delivery: Delivery, reason: string): void {
    if (!this.#ended(delivery, reason)) return;
    this.#endings.refused(delivery, reason);
    this.#pump();
  }

  #unknownMethod(delivery: Delivery): void {
    const { mailbox } = this.#needs;
    askWhetherElsewhere(
      () => this.#needs.announcedElsewhere(mailbox, delivery.method),
      (elsewhere) => {
        if (elsewhere) this.#comeBack(delivery, 'METHOD_ELSEWHERE');
        else this.failed(delivery, toWireError(new MethodNotFound(mailbox, delivery.method)));
      },
    );
  }

  #wrongTags(delivery: Delivery, tags: readonly string[]): void {
    const { mailbox } = this.#needs;
    askWhetherElsewhere(
      () => this.#needs.satisfiedElsewhere?.(mailbox, tags) ?? false,
      (elsewhere) => {
        if (elsewhere) this.#comeBack(delivery, 'TAGS_ELSEWHERE');
        else this.failed(delivery, toWireError(noneTagged(mailbox, tags)));
      },
    );
  }

  #comeBack(delivery: Delivery, code: string, delayMs = ELSEWHERE_MS): void {
    if (!this.#ended(delivery, code)) return;
    this.#endings.comeBack(delivery, delayMs, code);
    this.#pump();
  }

  /** Frees the room of a delivery; answers false when it had ended before. */
  #ended(delivery: Delivery, code: string | undefined): boolean {
    if (delivery.ended) return false;
    delivery.ended = true;
    this.#busy -= 1;
    this.#running.delete(delivery);
    if (delivery.slot >= 0) this.#needs.deadlines.remove(delivery);
    if (delivery.ran) {
      const ms = this.#needs.clock.elapsed() - delivery.startedAt;
      this.#measured(delivery.method, ms, code, delivery.isCall);
    }
    return true;
  }

  #measured(method: string, ms: number, code: string | undefined, isCall: boolean): void {
    this.times.add(method, ms);
    this.#needs.onEnded?.(method, ms, code, isCall);
  }

  #localRoom(): LocalRoom {
    const { pool, deadlines, clock, stats, mailbox, maxBodyBytes } = this.#needs;
    return {
      owner: this,
      pool,
      deadlines,
      clock,
      maxBodyBytes,
      mailbox,
      memberId: () => this.#needs.memberId(),
      pong: () => this.#pong(),
      knows: (method) => method === PING || this.#needs.methods.has(method),
      enter: (method, waitedMs) => {
        const admitted = this.#open || (method === PING && !this.#stopped);
        if (!admitted || this.#busy >= this.#capacity.available) return false;
        this.#busy += 1;
        waited(stats, waitedMs);
        this.#needs.onStart?.(method, waitedMs);
        return true;
      },
      leave: (method, ms, code) => {
        this.#busy -= 1;
        if (ms !== undefined) {
          if (code === undefined) stats.processed += 1;
          else stats.failed += 1;
          this.#measured(method, ms, code, true);
        }
        this.#pump();
      },
      expired: () => void (stats.expired += 1),
    };
  }

  #abortRunning(reason: HomeostatError): void {
    for (const delivery of this.#running) {
      delivery.abort(reason);
      this.#needs.pool.abandon(delivery);
    }
  }
}

function noneTagged(mailbox: string, tags: readonly string[]): NoHealthyInstances {
  return new NoHealthyInstances(serviceOf(mailbox), `with the tags ${tags.join(', ')}`);
}

/** Rounds down to a power of two, so that hints change seldom. */
function powerOfTwo(value: number): number {
  return 2 ** Math.floor(Math.log2(value));
}
