/** One partition in its owner's hands: reads its log, keeps the order of its keys, and carries what they change. */
import { closesCycle, CHAIN_HEADER } from '../calling/chain.ts';
import { CallCycle, codeOf, FrameInvalid, KeyRequired, type HomeostatError } from '../ground/errors.ts';
import { sleep } from '../ground/loop.ts';
import type { Claim, Intake } from '../ports/broker.ts';
import type { PartitionReader } from '../ports/partitions.ts';
import { Delivery } from '../serving/delivery.ts';
import { Kind, toWireError, type Envelope } from '../wire/envelope.ts';
import { MAX_ENVELOPES, readFrame } from '../wire/frame.ts';
import { Again } from './again.ts';
import { Committer } from './committer.ts';
import { Cursor } from './cursor.ts';
import { InHand } from './in-hand.ts';
import { KeyedBatch } from './keyed-batch.ts';
import { Line, MAX_PER_KEY, type KeyQueue } from './line.ts';
import type { PartitionNeeds } from './partition-needs.ts';
import { comparePositions } from './position.ts';
import { Relay } from './relay.ts';
import type { Transaction } from './transaction.ts';

/** Messages of one partition in memory. */
const MAX_WAITING = 1_024;
/** Bytes of its entries in memory; one entry may be more. */
const MAX_BYTES: number = 4 * 1024 * 1024;
/** A frame is taken for so large before any has come, bytes: for one body of the greatest size. */
const FRAME_BYTES: number = 1024 * 1024;
/** Frames asked for at once. */
const MAX_FRAMES = 64;
/** So many times that may be in memory while nothing of it can run. */
const STUCK = 4;

export class Partition implements Intake {
  readonly number: number;
  /** It is about to be released: nothing of it starts any more. */
  retiring = false;
  readonly #needs: PartitionNeeds;
  /** The last entry that a node which died may have had in hand. */
  readonly #orphaned: string;
  readonly #line: Line<KeyedBatch>;
  readonly #again: Again<KeyQueue<KeyedBatch>>;
  readonly #relay: Relay | undefined;
  readonly #cursor: Cursor;
  readonly #inHand = new InHand();
  readonly #committer: Committer;
  readonly #closing = new AbortController();
  #reader: PartitionReader | undefined;
  #bytes = 0;
  /** Envelopes an entry usually holds. */
  #frameSize = MAX_ENVELOPES;
  /** Bytes it usually has: the largest of late. */
  #frameBytes = FRAME_BYTES;
  #starved = false;

  constructor(needs: PartitionNeeds, number: number, orphaned: string | undefined) {
    const { waiting, deadlines, clock } = needs;
    this.#needs = needs;
    this.number = number;
    this.#orphaned = orphaned ?? '';
    this.#line = new Line<KeyedBatch>({
      ready: (queue) => waiting.offer(this.#line, queue),
      dropped: ({ entry, index }) => this.#dropped(entry, index),
    });
    this.#cursor = new Cursor(this.#line, (after) => this.#reader?.seek(after));
    this.#committer = new Committer(needs, number, this.#inHand, this.#closing.signal);
    this.#again = new Again(deadlines, clock, (queue) => {
      this.#line.again(queue);
      needs.pump();
    });
    this.#relay = needs.states === undefined ? undefined : new Relay({ ...needs, number });
  }

  /** Nothing of it may start. */
  get resting(): boolean {
    return this.retiring || !this.#needs.isOpen();
  }

  /** Messages of it in this node's memory. */
  get waiting(): number {
    return this.#line.waiting;
  }

  async open(): Promise<void> {
    const { partitions, mailbox } = this.#needs;
    this.#reader = await partitions.read(mailbox, this.number, this);
    if (this.#closing.signal.aborted) await this.#reader.close();
    else this.look();
    this.#relay?.wake();
  }

  room(): number {
    const frames = this.resting ? 0 : this.#roomInFrames();
    this.#starved = frames === 0;
    this.#inHand.reads();
    return frames;
  }

  take(claims: readonly Claim[]): void {
    if (this.#closing.signal.aborted) return;
    this.#cursor.came();
    for (const claim of claims) this.#meet(claim);
    if (!this.resting) this.#move();
    this.#needs.pump();
  }

  /** The first message of a key has been handled: the next one may run. */
  over(batch: KeyedBatch, index: number): void {
    if (this.#closing.signal.aborted) return;
    const queue = this.#queueOf(batch, index);
    if (queue === undefined) return;
    this.#line.ended(queue);
    if (queue.closed !== undefined && queue.places.length === 0) this.#move();
    this.#wake();
    this.#needs.pump();
  }

  /** The first message of a key was applied before: it ends, and is not run. */
  finish(batch: KeyedBatch, index: number): void {
    void this.#needs.endings().finish(this.#notRun(batch, index));
  }

  /** It has not ended: it comes again in its place. `failed`: what is behind it need not wait in memory. */
  again(batch: KeyedBatch, index: number, delayMs: number, why: 'failed' | 'waits'): void {
    if (this.#closing.signal.aborted) return;
    const queue = this.#queueOf(batch, index);
    if (queue === undefined) return;
    this.#again.add(queue, delayMs);
    if (why === 'failed') this.#line.hold(queue);
    if (this.resting) this.#needs.endings().letGo(batch);
    this.#wake();
    this.#needs.pump();
  }

  waitsAgain(batch: KeyedBatch, index: number): boolean {
    const queue = this.#queueOf(batch, index);
    return queue !== undefined && this.#again.has(queue);
  }

  /** The entry stays in the log, and so does what comes behind it with the same keys. */
  forget(batch: KeyedBatch): void {
    for (let index = 0; index < batch.claim.count; index += 1) {
      if (!batch.isKept(index)) continue;
      const queue = this.#queueOf(batch, index);
      if (queue !== undefined) this.#again.remove(queue);
      batch.leave(index);
      this.#line.drop(batch, index, batch.keyOf(index) ?? '');
    }
  }

  /** An entry is in hand no more. */
  released(batch: KeyedBatch): void {
    this.#bytes -= batch.claim.frame.byteLength;
    this.#inHand.released(batch);
  }

  /** One settlement more of an entry is under way. */
  departed(id: string): void {
    this.#inHand.departed(id);
  }

  /** Resolves when the backend has answered everything of an entry. */
  quiet(id: string): Promise<void> {
    return this.#inHand.quiet(id);
  }

  /** The backend has answered one. */
  arrived(id: string): void {
    this.#inHand.arrived(id);
    // The room of a call's entry returns with its answer, after its key has gone on.
    this.#wake();
  }

  /**
   * What the handler of a message changed, in one step with its end. `lost`: the entry was no longer ours, or is gone.
   * @throws what the backend refuses for good.
   */
  async commit(
    batch: KeyedBatch,
    index: number,
    transaction: Transaction,
    answer: Uint8Array | undefined,
  ): Promise<'committed' | 'lost'> {
    const result = await this.#committer.commit(batch, index, transaction, answer);
    const { length } = transaction.held.frames;
    if (result === 'committed' && length > 0) this.#relay?.wake(length);
    return result;
  }

  /** So many casts wait to be sent on that no handler should add to them. */
  get flooded(): boolean {
    return this.#relay?.full ?? false;
  }

  /** The committed state of a key. @throws TransportError */
  load(key: string): Promise<Uint8Array | undefined> {
    return this.#committer.load(key);
  }

  /** Looks whether something has been left behind; called now and then. */
  look(): void {
    if (this.resting) return;
    this.#move();
    this.#wake();
  }

  /**
   * Nothing more starts; resolves when nothing is in hand and everything is settled. False: after so long something still
   * runs, and waits for a call that it has made.
   */
  async retire(patienceMs: number): Promise<boolean> {
    this.retiring = true;
    await this.#reader?.close();
    const endings = this.#needs.endings();
    for (const batch of this.#inHand.all()) if (!batch.dropped) endings.letGo(batch);
    const empty = this.#inHand.empty();
    while (!(await isSoon(empty, patienceMs))) if (this.#needs.waitsForCalls(this)) return false;
    await this.#relay?.finish();
    this.close();
    return true;
  }

  /** It goes on after all. @throws TransportError */
  async resume(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.retiring = false;
    this.#line.offerAll();
    await this.open();
    this.#needs.pump();
  }

  /** It has turned out to be this node's no more: what is in hand is somebody else's. */
  lose(): void {
    this.retiring = true;
    const endings = this.#needs.endings();
    for (const batch of this.#inHand.all()) endings.handBackOne(batch);
    this.close();
  }

  /** It is this node's no more, whatever is in hand. */
  close(): void {
    this.retiring = true;
    this.#closing.abort();
    void this.#reader?.close().catch(() => undefined);
    void this.#relay?.close();
    this.#again.clear();
    this.#needs.states?.dropPartition(this.number);
    this.#inHand.clear();
  }

  #meet(claim: Claim): void {
    if (this.resting) {
      this.#cursor.miss(claim.id);
      return;
    }
    this.#line.meet(claim.id);
    // It was read before its end, and arrives after that.
    if (this.#inHand.hasEnded(claim.id)) return;
    const known = this.#inHand.get(claim.id);
    const batch = known === undefined || known.dropped ? this.#unpack(claim, known) : known;
    if (batch === undefined) return;
    batch.arriving = true;
    for (let index = 0; index < claim.count; index += 1) if (batch.isLeft(index)) this.#admit(batch, index);
    batch.arriving = false;
    if (!batch.dropped) this.#needs.endings().letGo(batch);
  }

  #unpack(claim: Claim, known: KeyedBatch | undefined): KeyedBatch | undefined {
    const { clock, maxBodyBytes, endings } = this.#needs;
    let batch: KeyedBatch;
    try {
      const frame = readFrame(claim.frame, { maxBodyBytes });
      if (frame.envelopes.length !== claim.count) throw new FrameInvalid('the count beside the frame is wrong');
      const suspect = this.#orphaned !== '' && comparePositions(claim.id, this.#orphaned) <= 0;
      batch = new KeyedBatch(this, claim, frame, clock.elapsed(), suspect);
    } catch (thrown) {
      const reason = thrown instanceof FrameInvalid ? `FRAME_INVALID: ${thrown.reason}` : codeOf(thrown);
      endings().buryWhole(claim, reason);
      return undefined;
    }
    if (known !== undefined) batch.inherit(known);
    this.#frameSize = Math.max(claim.count, Math.floor(this.#frameSize * 0.75), 1);
    if (batch.remaining === 0) return undefined;
    this.#inHand.add(batch);
    this.#bytes += claim.frame.byteLength;
    this.#frameBytes = Math.max(claim.frame.byteLength, this.#frameBytes * 0.75);
    endings().hold(batch);
    return batch;
  }

  #admit(batch: KeyedBatch, index: number): void {
    const envelope = batch.frame.envelopes[index]!;
    const { mailbox } = this.#needs;
    const key = batch.keyOf(index);
    const isApplied = batch.appliedAnswer(index) !== undefined;
    // With an id it waits for its turn: whoever comes with the same id, behind it, must find its answer.
    if (isApplied && envelope.extras?.id === undefined) {
      batch.over(index);
      this.finish(batch, index);
    } else if (key === undefined) {
      this.#fail(batch, index, new KeyRequired(mailbox));
    } else if (!isApplied && closesCycleBy(envelope, mailbox, key)) {
      this.#fail(batch, index, new CallCycle(mailbox, key));
    } else {
      batch.keep(index);
      if (!this.#line.admit(batch, index, key)) batch.leave(index);
    }
  }

  #fail(batch: KeyedBatch, index: number, error: HomeostatError): void {
    batch.over(index);
    this.#needs.endings().failed(this.#notRun(batch, index), toWireError(error));
  }

  /** A delivery of which nothing is left but its end. */
  #notRun(batch: KeyedBatch, index: number): Delivery {
    batch.running += 1;
    const delivery = new Delivery(this.#needs.owner(), batch, index, this.#needs.clock.elapsed());
    delivery.ended = true;
    return delivery;
  }

  #roomInFrames(): number {
    const line = this.#line;
    const isStuck = line.runnable === 0 && this.#needs.hasRoom();
    if (isStuck && (line.waiting >= MAX_WAITING || this.#bytes >= MAX_BYTES)) line.shed();
    const most = isStuck ? STUCK : 1;
    const left = most * MAX_WAITING - line.waiting;
    const bytesLeft = most * MAX_BYTES - this.#bytes;
    if (left <= 0 || bytesLeft <= 0) return 0;
    // What is read again is mostly skipped again, but for one key's share.
    const wanted = line.rereads ? Math.min(left, 2 * MAX_PER_KEY) : left;
    const fitting = Math.floor(Math.min(wanted / this.#frameSize, bytesLeft / this.#frameBytes));
    return Math.min(MAX_FRAMES, Math.max(1, fitting));
  }

  /** What is read may arrive before it is known by what: until then nothing can be sent back. */
  #move(): void {
    if (this.#reader !== undefined) this.#cursor.move();
  }

  #wake(): void {
    if (this.#reader === undefined || !this.#starved || this.resting || this.#roomInFrames() === 0) return;
    this.#starved = false;
    this.#reader.wake();
  }

  #dropped(batch: KeyedBatch, index: number): void {
    batch.leave(index);
    if (!batch.dropped) this.#needs.endings().letGo(batch);
  }

  /** The queue of which it is the first. */
  #queueOf(batch: KeyedBatch, index: number): KeyQueue<KeyedBatch> | undefined {
    const queue = this.#line.find(batch.keyOf(index) ?? '');
    const head = queue?.head;
    return head?.entry === batch && head.index === index ? queue : undefined;
  }
}

/** Whether it resolves within so long. */
async function isSoon(resolving: Promise<void>, withinMs: number): Promise<boolean> {
  if (withinMs === Infinity) return resolving.then(() => true);
  const over = new AbortController();
  const late = sleep(withinMs, over.signal).then(() => false);
  const isResolved = await Promise.race([resolving.then(() => true), late]);
  over.abort();
  return isResolved;
}

function closesCycleBy({ kind, extras }: Envelope, mailbox: string, key: string): boolean {
  return kind === Kind.call && closesCycle(extras?.headers?.[CHAIN_HEADER], mailbox, key);
}
