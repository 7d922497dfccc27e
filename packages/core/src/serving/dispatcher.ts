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
import type { Line } from '../contract/lines.ts';
import { Kind, toWireError, type WireError } from '../wire/envelope.ts';
import {
  Aborted,
  codeOf,
  FrameInvalid,
  HandlerTimeout,
  MethodNotFound,
  NoHealthyInstances,
  NotMember,
  StreamBroken,
  type HomeostatError,
} from '../ground/errors.ts';
import { envelopesPerFrame, writeHints } from '../sending/frame-shares.ts';
import { MAX_ENVELOPES, readFrame } from '../wire/frame.ts';
import { STOP_GRACE_MS, type LocalRequest, type LocalRoom, type LocalRun } from './local-call.ts';
import { LocalDeliveries } from './local-delivery.ts';
import type { Log } from '../ground/log.ts';
import type { ActorPolicy } from '../node/options.ts';
import { PING, type Pong } from '../calling/ping.ts';
import type { Party } from './fair-batches.ts';
import type { LineIntake } from './line-intake.ts';
import { Lines, OVERSTAYED_MS, type LinesHost } from './lines.ts';
import { enterAll, type Gate, type Refusal } from './gate.ts';
import { OnceEndings, type Ends } from './once/endings.ts';
import type { OnceRuns } from './once/runs.ts';
import type { Ended, Pool } from './pool.ts';
import { serviceOf } from '../registry/instance.ts';
import { tagsWanted } from '../calling/routing-headers.ts';
import type { Sending } from '../sending/sending.ts';
import { ServiceTimes } from './service-times.ts';
import type { Settler } from './settler.ts';
import { StreamDelivery } from './stream-delivery.ts';
import type { StreamEnd, Yielding } from '../streaming/outgoing.ts';
import type { OutgoingStreams } from '../streaming/outgoing-streams.ts';
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
  /** Absent: no method answers with a stream. */
  readonly streams?: Streams;
  /** What has an id ends by way of these. Absent: ids mean nothing. */
  readonly once?: OnceRuns;
  /** Methods that are settled before they run. Absent: none. */
  readonly atMostOnce?: ReadonlySet<string> | undefined;
  /** Of some methods: how many of them a frame should hold at most. */
  frames?(): ReadonlyMap<string, number>;
  /** Of its mailbox; absent: there is but one. */
  readonly lines?: readonly Line[] | undefined;
  /** Between whom turns are taken; absent: first come first served. */
  readonly partyOf?: Party | undefined;
  /** Where frames wait that are not its mailbox's; absent: by lines, or first come first served. */
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

/** Methods that answer with a stream, and who sends what their handlers yield. */
export interface Streams {
  readonly yields: ReadonlyMap<string, Yielding>;
  readonly outgoing: OutgoingStreams;
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
  /** Of what has an id. */
  readonly #once: OnceEndings | undefined;
  readonly #local: LocalDeliveries;
  readonly #running = new Set<Delivery>();
  /** Those that a gate keeps waiting. */
  readonly #entering = new Set<Delivery>();
  /** Undefined: the mailbox has but one. */
  readonly #lines: Lines | undefined;
  readonly #waiting: WaitingLine;
  #sweeper: NodeJS.Timeout | undefined;
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
  /** What the handler of a stream answers is where its items come from. */
  readonly #sources: Ended = {
    value: (delivery, answer) => this.#produce(delivery, answer),
    bytes: (delivery) => this.#produce(delivery, undefined),
    failed: (delivery, error) => this.failed(delivery, error),
  };
  readonly #streamEnd: StreamEnd = {
    complete: (delivery, count) => this.value(delivery, count),
    failed: (delivery, error) => this.failed(delivery, error),
    stopped: (delivery) => this.#skip(delivery),
  };

  constructor(needs: DispatcherNeeds) {
    this.#needs = needs;
    this.calling = needs.calling;
    this.log = needs.log;
    this.#capacity = new Capacity(needs.pool, needs.policy.concurrency);
    const freed = (batch: Batch): void => this.#freed(batch);
    this.#endings = needs.endings?.(freed) ?? new Endings(needs, freed);
    const { once: runs, log, maxBodyBytes } = needs;
    if (runs !== undefined) this.#once = new OnceEndings({ runs, endings: this.#endings, log, maxBodyBytes });
    this.#local = new LocalDeliveries(this.#localRoom());
    this.#lines = needs.lines === undefined ? undefined : new Lines(this.#linesHost(needs.lines, needs.partyOf));
    this.#waiting = needs.waiting ?? this.#lines ?? new WaitingBatches();
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
    this.#releaseGates();
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
    if (this.#lines?.hasRoomHere === false) return false;
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

  /** What claims for each line of its mailbox; undefined: there is but one, and it is the dispatcher that claims. */
  get intakes(): readonly LineIntake[] | undefined {
    return this.#lines?.intakes;
  }

  attachLine(line: LineIntake, reader: MailboxReader): void {
    line.attach(reader);
    if (this.#stopped) void reader.close();
  }

  /** What senders should know of this mailbox's methods, in the form of `frame-shares.ts`. */
  hints(): string {
    const { pool } = this.#needs;
    const capacity = pool.kind === 'threads' ? pool.capacity : this.concurrency;
    const known = new Map<string, number>([['*', pool.kind === 'threads' ? 1 : 8]]);
    for (const [method, serviceMs] of this.times.entries())
      known.set(method, powerOfTwo(envelopesPerFrame(serviceMs, capacity)));
    for (const [method, most] of this.#needs.frames?.() ?? [])
      known.set(method, Math.min(known.get(method) ?? known.get('*')!, powerOfTwo(most)));
    return writeHints(known);
  }

  room(): number {
    const frames = this.#open ? this.#roomInFrames() : 0;
    this.#starved = frames === 0;
    return frames;
  }

  take(claims: readonly Claim[], line?: LineIntake): void {
    for (const claim of claims) this.#unpack(claim, line);
    this.#pump();
  }

  value(delivery: Delivery, value: unknown): void {
    if (!this.#ended(delivery, undefined)) {
      if (delivery.runsOn) this.#once?.lateValue(delivery, value);
      return;
    }
    this.#needs.stats.processed += 1;
    this.#ends(delivery).succeeded(delivery, value);
    this.#pump();
  }

  bytes(delivery: Delivery, body: Uint8Array | undefined): void {
    if (!this.#ended(delivery, undefined)) {
      if (delivery.runsOn) this.#once?.late(delivery, { failed: false, body });
      return;
    }
    this.#needs.stats.processed += 1;
    this.#ends(delivery).succeededWithBytes(delivery, body);
    this.#pump();
  }

  failed(delivery: Delivery, error: WireError): void {
    if (delivery.gaveUp instanceof Aborted && (this.#once === undefined || delivery.id === undefined))
      return this.#skip(delivery);
    if (!this.#ended(delivery, error.code)) {
      if (delivery.runsOn) this.#once?.late(delivery, { failed: true, error });
      return;
    }
    this.#needs.stats.failed += 1;
    this.#ends(delivery).failed(delivery, error);
    this.#pump();
  }

  /** A caller does not want the answer to this call any more. False: it is not under way here. */
  cancel(caller: string, correlation: number): boolean {
    return this.#abandon(
      (delivery) => delivery.envelope.correlation === correlation && delivery.caller === caller,
      'nobody waits for the answer any more',
    );
  }

  /** A node is no member any more: nobody waits for the answers to its calls. */
  callerGone(nodeId: string): void {
    this.#abandon((delivery) => delivery.caller === nodeId, `node ${nodeId} is gone`);
  }

  /** First the handler is told, later it is given up. */
  overdue(delivery: Delivery): void {
    const ran = this.#needs.clock.elapsed() - delivery.startedAt;
    const error = new HandlerTimeout(`${this.#needs.mailbox} ${delivery.method}`, Math.round(ran));
    if (delivery.aborted) {
      delivery.runsOn = true;
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
    this.#releaseGates();
  }

  /** Stops claiming and starting; what has not started is handed back at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#open = false;
    this.#local.stop();
    await this.#reader?.close();
    await this.#lines?.close();
    this.#waiting.clear();
    this.#endings.handBack();
    this.#releaseGates();
  }

  /** Resolves when nothing is in hand any more. */
  drained(): Promise<void> {
    const deliveries = this.#endings.drained();
    return this.#local.running === 0 ? deliveries : deliveries.then(() => this.#local.drained());
  }

  /** The time is up: what still runs is told to stop and handed back. */
  giveUp(reason: HomeostatError): void {
    // What was begun of a stream nobody else can go on with.
    for (const delivery of this.#running) if (delivery instanceof StreamDelivery) this.#breakOff(delivery, reason);
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

  #unpack(claim: Claim, line: LineIntake | undefined): void {
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
    if (line !== undefined) this.#lineUp(batch, line);
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
    this.#lines?.wake();
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
    if (this.#lines !== undefined) this.#startControl(this.#lines);
    while (this.#busy < capacity && this.#open) {
      if (
        this.#local.waiting > 0 &&
        this.#lines?.hasRoomHere !== false &&
        (this.#localTurn || this.#waiting.envelopes === 0)
      ) {
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

  #startControl(lines: Lines): void {
    for (let batch = lines.nextControl(); batch !== undefined; batch = lines.nextControl()) {
      if (batch.suspect) void this.#startMarked(batch, lines.index);
      else this.#start(batch, lines.index);
    }
  }

  #lineUp(batch: Batch, line: LineIntake): void {
    batch.line = line;
    if (this.#sweeper === undefined) this.#sweeper = setTimeout(this.#sweep, OVERSTAYED_MS / 2).unref();
  }

  /** What has long been in hand without a place may find one elsewhere. */
  readonly #sweep = (): void => {
    this.#sweeper = undefined;
    for (const batch of this.#lines?.overstayed(this.#needs.clock.elapsed()) ?? []) this.#endings.handBackOne(batch);
    if (this.#waiting.envelopes > 0) this.#sweeper = setTimeout(this.#sweep, OVERSTAYED_MS / 2).unref();
  };

  #linesHost(lines: readonly Line[], partyOf: Party | undefined): LinesHost {
    return {
      lines,
      partyOf,
      mayClaim: () => this.#open && this.#endings.inHand <= this.#capacity.available + MAX_FRAMES,
      places: () => this.#capacity.available,
      taken: () => this.#busy,
      poolSize: () => this.#needs.pool.size,
      typicalMs: () => this.times.typical,
      take: (claims, line) => this.take(claims, line),
    };
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
    this.#lines?.started(batch);
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
    this.#lines?.ended(batch);
    if (!marked || !this.#open) this.#endings.handBackOne(batch);
    else if (!batch.dropped) this.#start(batch, index);
    this.#pump();
  }

  #start(batch: Batch, index: number): void {
    const { clock, policy, stats } = this.#needs;
    const delivery = this.#deliver(batch, index);
    const { envelope } = delivery;
    waited(stats, delivery.startedAt - batch.claimedAt);
    this.#needs.onStart?.(envelope.method, delivery.startedAt - batch.claimedAt);
    batch.running += 1;
    this.#busy += 1;
    this.#lines?.started(batch);
    if (envelope.kind !== Kind.call && envelope.kind !== Kind.cast) return this.#refuse(delivery, 'KIND_UNKNOWN');
    if (delivery.attempt > policy.redelivery.deliveries) return this.#refuse(delivery, 'NODE_DIED');
    // What is still in the mailbox has not been run by the rules; who died with it in hand may have known others.
    const second = this.#needs.atMostOnce !== undefined && (delivery.attempt > 1 || batch.claim.crashes > 0);
    if (second && this.#needs.atMostOnce.has(envelope.method)) return this.#refuse(delivery, 'NODE_DIED');
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
    if (refusal instanceof Promise) {
      this.#entering.add(delivery);
      void refusal.then((answer) => this.#entered(delivery, answer));
    } else if (refusal === undefined) this.#handle(delivery, limitMs);
    else this.#turnAway(delivery, refusal);
  }

  /** A gate took its time: meanwhile the delivery may have been taken away, or its own time may be over. */
  #entered(delivery: Delivery, refusal: Refusal | undefined): void {
    this.#entering.delete(delivery);
    if (delivery.gaveUp !== undefined) return this.#abandoned(delivery, delivery.gaveUp);
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

  /** Nobody waits for what has not started; what has an id frees it. */
  #abandoned(delivery: Delivery, why: HomeostatError): void {
    if (this.#ends(delivery) === this.#endings) this.#skip(delivery);
    else this.failed(delivery, toWireError(why));
  }

  #releaseGates(): void {
    for (const gate of this.#needs.gates ?? []) gate.release?.();
  }

  #handle(delivery: Delivery, limitMs: number): void {
    const { atMostOnce } = this.#needs;
    if (atMostOnce !== undefined && !delivery.settled && atMostOnce.has(delivery.method)) {
      void this.#settleFirst(delivery);
      return;
    }
    delivery.ran = true;
    const isStream = this.#needs.streams !== undefined && delivery instanceof StreamDelivery;
    if (isStream) this.#run(delivery, this.#leftOf(delivery), this.#sources);
    else this.#run(delivery, limitMs, this);
  }

  /** A stream may take until its own end; the deadline that was looked at is for its beginning. */
  #leftOf({ deadline }: StreamDelivery): number {
    return deadline === 0 ? Infinity : Math.max(1, deadline - this.#needs.clock.now());
  }

  #produce(delivery: Delivery, answer: unknown): void {
    if (delivery.ended) return;
    const { streams, clock } = this.#needs;
    const yielding = streams!.yields.get(delivery.method)!;
    const began = (): void => void ((delivery as StreamDelivery).beganAt = clock.elapsed());
    try {
      streams!.outgoing.start({ delivery, yielding, answer, began, end: this.#streamEnd });
    } catch (thrown) {
      this.failed(delivery, { ...toWireError(thrown), outcome: 'failed' });
    }
  }

  /** Never rejects. */
  async #settleFirst(delivery: Delivery): Promise<void> {
    if (await this.#endings.settleFirst(delivery)) this.#entered(delivery, undefined);
    else this.#refuse(delivery, 'NOT_SETTLED');
  }

  #turnAway(delivery: Delivery, refusal: Refusal): void {
    if (refusal.kind === 'later') return this.#comeBack(delivery, refusal.code, refusal.delayMs);
    if (refusal.kind === 'fail') return this.failed(delivery, refusal.error);
    if (refusal.kind === 'end') return this.#skip(delivery);
    if (!this.#ended(delivery, undefined)) return;
    this.#endings.succeededWithBytes(delivery, refusal.body);
    this.#pump();
  }

  /** Ends a delivery that nobody wants any more; that its handler failed then, as it was told to, is no fault. */
  #skip(delivery: Delivery): void {
    if (!this.#ended(delivery, delivery.aborted ? 'ABORTED' : undefined)) return;
    this.#endings.skipped(delivery);
    this.#pump();
  }

  /** Tells the handlers of calls that nobody waits for. False: there are none. */
  #abandon(isConcerned: (delivery: Delivery) => boolean, why: string): boolean {
    let found = false;
    for (const delivery of [...this.#running, ...this.#entering]) {
      if (!delivery.isCall || !isConcerned(delivery)) continue;
      found = true;
      if (delivery.aborted) continue;
      delivery.abort(new Aborted(`${this.#needs.mailbox} ${delivery.method}`, why));
      this.#needs.pool.abandon(delivery);
      // A stream has no deadline of its own: its place is not kept for a generator that does not stop.
      if (delivery instanceof StreamDelivery && !delivery.ended) this.#graceFor(delivery);
    }
    return found;
  }

  #graceFor(delivery: Delivery): void {
    const { deadlines, clock } = this.#needs;
    deadlines.remove(delivery);
    deadlines.add(delivery, clock.elapsed() + STOP_GRACE_MS);
  }

  /** Ends a stream in the middle: its reader is told, and nobody does it again. */
  #breakOff(delivery: StreamDelivery, reason: HomeostatError): void {
    if (!this.#ended(delivery, reason.code)) return;
    const broken = new StreamBroken(`${this.#needs.mailbox} ${delivery.method}`, reason.message);
    this.#endings.brokenOff(delivery, toWireError(broken));
    delivery.abort(reason);
  }

  #deliver(batch: Batch, index: number): Delivery {
    const { clock, streams } = this.#needs;
    const isStream = streams !== undefined && streams.yields.has(batch.frame.envelopes[index]!.method);
    return isStream
      ? new StreamDelivery(this, batch, index, clock.elapsed())
      : new Delivery(this, batch, index, clock.elapsed());
  }

  #ends(delivery: Delivery): Ends {
    return this.#once === undefined || delivery.id === undefined ? this.#endings : this.#once;
  }

  #run(delivery: Delivery, limitMs: number, ended: Ended): void {
    const { pool, deadlines } = this.#needs;
    pool.run(delivery, limitMs, ended);
    if (delivery.ended) return;
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
    this.#ends(delivery).refused(delivery, reason);
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
    this.#lines?.ended(delivery.batch);
    delivery.onEnded?.();
    this.#running.delete(delivery);
    if (delivery.slot >= 0) this.#needs.deadlines.remove(delivery);
    if (delivery.ran) {
      const now = this.#needs.clock.elapsed();
      this.#measured(delivery.method, now - delivery.startedAt, code, delivery.isCall, delivery.answerMs(now));
    }
    return true;
  }

  #measured(method: string, ms: number, code: string | undefined, isCall: boolean, answerMs: number = ms): void {
    this.times.add(method, ms);
    this.#needs.onEnded?.(method, answerMs, code, isCall);
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
        if (!admitted || this.#busy >= this.#capacity.available || this.#lines?.hasRoomHere === false) return false;
        this.#busy += 1;
        this.#lines?.startedHere();
        waited(stats, waitedMs);
        this.#needs.onStart?.(method, waitedMs);
        return true;
      },
      leave: (method, ms, code) => {
        this.#busy -= 1;
        this.#lines?.endedHere();
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
