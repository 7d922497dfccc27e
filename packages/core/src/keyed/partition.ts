/** One partition in its owner's hands: reads its log, keeps the order of its keys, and carries what they change. */
import { closesCycle, CHAIN_HEADER } from '../calling/chain.ts';
import { codeOf, FrameInvalid, KeyRequired, CallCycle, TransportError, type HomeostatError } from '../ground/errors.ts';
import { sleep } from '../ground/loop.ts';
import type { Claim, Intake } from '../ports/broker.ts';
import type { KeyedCommit, PartitionReader } from '../ports/partitions.ts';
import { Delivery } from '../serving/delivery.ts';
import { Kind, toWireError } from '../wire/envelope.ts';
import { MAX_ENVELOPES, readFrame } from '../wire/frame.ts';
import { Again } from './again.ts';
import { KeyedBatch } from './keyed-batch.ts';
import { Line, MAX_PER_KEY, type KeyQueue } from './line.ts';
import type { PartitionNeeds } from './partition-needs.ts';
import { comparePositions, justBefore } from './position.ts';
import { Relay } from './relay.ts';
import type { Transaction } from './transaction.ts';

/** Messages of one partition in memory. */
const MAX_WAITING = 1_024;
/** Bytes of its entries in memory; one entry may be more. */
const MAX_BYTES: number = 4 * 1024 * 1024;
/** Frames asked for at once. */
const MAX_FRAMES = 64;
/** Wait before a commit is tried again, ms; doubles each time. */
const COMMIT_MS = 20;
const COMMIT_MAX_MS = 1_000;

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
  /** Entries in hand, and those of which the backend has not heard everything. */
  readonly #entries = new Map<string, KeyedBatch>();
  /** Entry → settlements and commits that the backend has not answered yet. */
  readonly #underWay = new Map<string, number>();
  readonly #closing = new AbortController();
  #reader: PartitionReader | undefined;
  #bytes = 0;
  /** Envelopes an entry usually holds. */
  #frameSize = MAX_ENVELOPES;
  #starved = false;
  /** Where reading was last begun anew; nothing has come since. */
  #sought: string | undefined;
  /** The log has been asked since. */
  #asked = false;
  /** What came while nothing could be taken, from here on. */
  #missed: string | undefined;
  #idle: (() => void)[] = [];

  constructor(needs: PartitionNeeds, number: number, orphaned: string | undefined) {
    const { waiting, deadlines, clock } = needs;
    this.#needs = needs;
    this.number = number;
    this.#orphaned = orphaned ?? '';
    this.#line = new Line<KeyedBatch>({
      ready: (queue) => waiting.offer(this.#line, queue),
      dropped: ({ entry, index }) => this.#dropped(entry, index),
    });
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
    this.#relay?.wake();
  }

  room(): number {
    const frames = this.resting ? 0 : this.#roomInFrames();
    this.#starved = frames === 0;
    if (frames > 0) this.#asked = true;
    return frames;
  }

  take(claims: readonly Claim[]): void {
    this.#sought = undefined;
    for (const claim of claims) this.#meet(claim);
    this.#reread(false);
    this.#needs.pump();
  }

  /** The first message of a key has been handled: the next one may run. */
  over(batch: KeyedBatch, index: number): void {
    const queue = this.#queueOf(batch, index);
    if (queue === undefined) return;
    this.#line.ended(queue);
    if (queue.closed !== undefined && queue.places.length === 0) this.#reread(false);
    this.#wake();
    this.#needs.pump();
  }

  /** It has not ended: it comes again in its place. `failed`: what is behind it need not wait in memory. */
  again(batch: KeyedBatch, index: number, delayMs: number, why: 'failed' | 'waits'): void {
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
    this.#settled(batch);
  }

  /** One settlement or commit more of an entry is under way. */
  departed(id: string): void {
    this.#underWay.set(id, (this.#underWay.get(id) ?? 0) + 1);
  }

  /** The backend has answered one. */
  arrived(id: string): void {
    const left = (this.#underWay.get(id) ?? 1) - 1;
    if (left > 0) {
      this.#underWay.set(id, left);
      return;
    }
    this.#underWay.delete(id);
    const batch = this.#entries.get(id);
    if (batch !== undefined) this.#settled(batch);
    else this.#tellIdle();
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
    const { written, key, held } = transaction;
    const { states, clock } = this.#needs;
    const result = await this.#carried(batch, {
      claim: batch.claim,
      index,
      key,
      casts: held.frames,
      ...(written === undefined ? undefined : { state: written }),
      ...(answer === undefined ? undefined : { answer }),
    });
    if (result !== 'settled') states?.drop(key);
    else if (written !== undefined && !batch.dropped) states?.put(this.number, key, written ?? undefined, clock.elapsed());
    if (result === 'lost') return 'lost';
    if (held.frames.length > 0) this.#relay?.wake();
    return 'committed';
  }

  /** The committed state of a key. @throws TransportError */
  async load(key: string): Promise<Uint8Array | undefined> {
    const { partitions, mailbox, states, clock } = this.#needs;
    const [bytes] = await partitions.states(mailbox, this.number, [key]);
    if (!this.#closing.signal.aborted) states?.put(this.number, key, bytes, clock.elapsed());
    return bytes;
  }

  /** Looks whether something has been left behind; called now and then. */
  look(): void {
    const inVain = this.#sought !== undefined && this.#asked;
    this.#sought = undefined;
    this.#reread(inVain);
    this.#wake();
  }

  /** Nothing more starts; resolves when nothing is in hand and everything is settled. */
  async retire(): Promise<void> {
    this.retiring = true;
    await this.#reader?.close();
    const endings = this.#needs.endings();
    for (const batch of [...this.#entries.values()]) if (!batch.dropped) endings.letGo(batch);
    await this.#relay?.close();
    while (this.#entries.size + this.#underWay.size > 0 && !this.#closing.signal.aborted)
      await new Promise<void>((resolve) => this.#idle.push(resolve));
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
    this.#entries.clear();
    this.#underWay.clear();
    this.#tellIdle();
  }

  #meet(claim: Claim): void {
    if (this.resting) {
      if (this.#missed === undefined || comparePositions(claim.id, this.#missed) < 0) this.#missed = claim.id;
      return;
    }
    this.#line.meet(claim.id);
    const known = this.#entries.get(claim.id);
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
    this.#entries.set(claim.id, batch);
    this.#bytes += claim.frame.byteLength;
    endings().hold(batch);
    return batch;
  }

  #admit(batch: KeyedBatch, index: number): void {
    const envelope = batch.frame.envelopes[index]!;
    const { mailbox } = this.#needs;
    const { key, headers } = envelope.extras ?? {};
    const applied = batch.claim.applied?.get(index);
    if (applied !== undefined) {
      this.#atOnce(batch, index, (delivery) =>
        this.#needs.endings().succeededWithBytes(delivery, applied.length === 0 ? undefined : applied),
      );
    } else if (key === undefined) {
      this.#fail(batch, index, new KeyRequired(mailbox));
    } else if (envelope.kind === Kind.call && closesCycle(headers?.[CHAIN_HEADER], mailbox, key)) {
      this.#fail(batch, index, new CallCycle(mailbox, key));
    } else {
      batch.keep(index);
      if (!this.#line.admit(batch, index, key)) batch.leave(index);
    }
  }

  #fail(batch: KeyedBatch, index: number, error: HomeostatError): void {
    this.#atOnce(batch, index, (delivery) => this.#needs.endings().failed(delivery, toWireError(error)));
  }

  /** Ends a message that is not run. */
  #atOnce(batch: KeyedBatch, index: number, end: (delivery: Delivery) => void): void {
    batch.over(index);
    batch.running += 1;
    const delivery = new Delivery(this.#needs.owner(), batch, index, this.#needs.clock.elapsed());
    delivery.ended = true;
    end(delivery);
  }

  /** Repeats what the backend may not have heard. */
  async #carried(batch: KeyedBatch, commit: KeyedCommit): Promise<'settled' | 'repeated' | 'lost'> {
    const { partitions, mailbox, log } = this.#needs;
    const { id } = commit.claim;
    let uncertain = false;
    this.departed(id);
    try {
      for (let failures = 1; !batch.dropped; failures += 1) {
        try {
          const result = await partitions.commit(mailbox, this.number, commit);
          if (result === 'settled') return 'settled';
          // It is still ours: what has been done, we have done, though we did not hear of it.
          return result === 'lost' && uncertain && !batch.dropped ? 'repeated' : 'lost';
        } catch (thrown) {
          if (!(thrown instanceof TransportError) || !thrown.retryable) throw thrown;
          if (thrown.outcome !== 'not-executed') uncertain = true;
          log.warn({ evt: 'commit_failed', failures, reason: thrown.message }, 'a commit failed; it is tried again');
          await sleep(Math.min(COMMIT_MAX_MS, COMMIT_MS * 2 ** (failures - 1)), this.#closing.signal);
        }
      }
      return 'lost';
    } finally {
      this.arrived(id);
    }
  }

  #roomInFrames(): number {
    const line = this.#line;
    if (line.waiting >= MAX_WAITING && line.runnable === 0) line.shed();
    const left = MAX_WAITING - line.waiting;
    if (left <= 0 || this.#bytes >= MAX_BYTES) return 0;
    // What is read again is mostly skipped again, but for one key's share.
    const wanted = line.rereads ? Math.min(left, 2 * MAX_PER_KEY) : left;
    return Math.min(MAX_FRAMES, Math.max(1, Math.floor(wanted / this.#frameSize)));
  }

  #reread(anew: boolean): void {
    const line = this.#line;
    const missed = this.#missed;
    let from = line.wanted();
    if (missed !== undefined && !this.resting) {
      if (from === undefined || comparePositions(missed, from) < 0) from = missed;
      this.#missed = undefined;
    }
    if (from !== undefined && from !== this.#sought) {
      this.#sought = from;
      this.#asked = false;
      line.rewound(from, anew);
      this.#reader?.seek(justBefore(from));
      return;
    }
    const furthest = from === undefined && this.#sought === undefined ? line.leap() : undefined;
    if (furthest === undefined) return;
    line.leapt();
    this.#reader?.seek(furthest);
  }

  #wake(): void {
    if (!this.#starved || this.resting || this.#roomInFrames() === 0) return;
    this.#starved = false;
    this.#reader?.wake();
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

  /** Nothing of it is in hand or under way: it can be read again as it then is. */
  #settled(batch: KeyedBatch): void {
    const { id } = batch.claim;
    if (this.#underWay.has(id) || (!batch.dropped && batch.remaining > 0)) return;
    if (this.#entries.get(id) === batch) this.#entries.delete(id);
    this.#tellIdle();
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
