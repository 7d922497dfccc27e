/** What becomes of messages that keep their order: they are tried again where they are, and what they change is committed. */
import type { Batch } from '../serving/batch.ts';
import type { Delivery } from '../serving/delivery.ts';
import type { DispatcherNeeds } from '../serving/dispatcher-needs.ts';
import { Endings, type Applied } from '../serving/endings.ts';
import { isPaid } from '../serving/gates/paid.ts';
import type { Verdict } from '../serving/verdict.ts';
import { codeOf, messageOf } from '../ground/errors.ts';
import { toWireError, type WireError } from '../wire/envelope.ts';
import { encodeBody } from '../wire/frame.ts';
import { KeyedBatch } from './keyed-batch.ts';
import { Transaction } from './transaction.ts';

const NO_BODY = new Uint8Array(0);
/** What could not be told to all who wait for it is told again after so long, ms. */
const UNTOLD_MS = 250;

export class KeyedEndings extends Endings {
  readonly #needs: DispatcherNeeds;
  readonly #freed: (batch: Batch) => void;
  /** Entries of partitions in hand: they do not count for the whole mailbox. */
  readonly #keyed = new Set<KeyedBatch>();

  constructor(needs: DispatcherNeeds, freed: (batch: Batch) => void) {
    super(needs, freed);
    this.#needs = needs;
    this.#freed = freed;
  }

  override get inHand(): number {
    return super.inHand - this.#keyed.size;
  }

  override hold(batch: Batch): void {
    if (batch instanceof KeyedBatch) this.#keyed.add(batch);
    super.hold(batch);
  }

  override succeeded(delivery: Delivery, value: unknown): void {
    const { batch, scope } = delivery;
    if (!(batch instanceof KeyedBatch)) return super.succeeded(delivery, value);
    if (scope instanceof Transaction) scope.held.close();
    if (scope instanceof Transaction && scope.changes) {
      void this.#commit(batch, delivery, scope, () => encodeBody(value, this.#needs.maxBodyBytes));
      return;
    }
    batch.over(delivery.index);
    super.succeeded(delivery, value);
    batch.partition.over(batch, delivery.index);
  }

  override succeededWithBytes(delivery: Delivery, body: Uint8Array | undefined): void {
    const { batch } = delivery;
    if (batch instanceof KeyedBatch) batch.over(delivery.index);
    super.succeededWithBytes(delivery, body);
    if (batch instanceof KeyedBatch) batch.partition.over(batch, delivery.index);
  }

  override apply(delivery: Delivery, body: Uint8Array | undefined): Promise<Applied> | undefined {
    const { batch, scope } = delivery;
    if (!(batch instanceof KeyedBatch) || !(scope instanceof Transaction)) return undefined;
    scope.held.close();
    return scope.changes ? this.#write(batch, delivery, scope, () => body ?? NO_BODY) : undefined;
  }

  /** Ends a message that was applied before. Never rejects. */
  async finish(delivery: Delivery): Promise<void> {
    const { once } = this.#needs;
    const body = appliedBody(delivery);
    const refusal = delivery.id === undefined || once === undefined ? undefined : await once.finish(delivery, body);
    if (refusal?.kind === 'later') this.comeBack(delivery, refusal.delayMs, refusal.code);
    else this.succeededWithBytes(delivery, body);
  }

  override untold(delivery: Delivery): void {
    this.comeBack(delivery, UNTOLD_MS, 'ONCE_UNTOLD');
  }

  override failed(delivery: Delivery, error: WireError, verdict?: Verdict): void {
    if (delivery.scope instanceof Transaction) delivery.scope.held.close();
    super.failed(delivery, error, verdict);
    this.#overUnlessAgain(delivery);
  }

  override refused(delivery: Delivery, reason: string): void {
    super.refused(delivery, reason);
    this.#overUnlessAgain(delivery);
  }

  override skipped(delivery: Delivery): void {
    super.skipped(delivery);
    this.#overUnlessAgain(delivery);
  }

  /** Nor does it keep its partition from another node. */
  override unanswered(batch: Batch): void {
    if (!(batch instanceof KeyedBatch) || batch.dropped) return;
    this.#stays(batch);
    this.letGo(batch);
  }

  /** Nobody else can have it: it waits in its place. */
  override comeBack(delivery: Delivery, delayMs: number, code: string): void {
    const { batch, index } = delivery;
    if (!(batch instanceof KeyedBatch)) return super.comeBack(delivery, delayMs, code);
    if (batch.dropped) return;
    if (isPaid(code)) batch.cameBack(this.handedBack(delivery, code));
    this.#stays(batch);
    batch.partition.again(batch, index, delayMs, 'waits');
  }

  /** It stays in the log: what of it has ended is told, and it is forgotten. */
  override handBackOne(batch: Batch): void {
    if (!(batch instanceof KeyedBatch)) return super.handBackOne(batch);
    if (batch.dropped || !this.#keyed.has(batch)) return;
    if (batch.untold > 0 || batch.leaving.length > 0) this.flush(batch);
    batch.dropped = true;
    this.release(batch);
  }

  override dropAll(): void {
    this.#keyed.clear();
    super.dropAll();
  }

  protected override leave(delivery: Delivery, error: WireError, at?: number): void {
    const { batch, index } = delivery;
    if (!(batch instanceof KeyedBatch) || at === undefined) return super.leave(delivery, error, at);
    if (batch.dropped) return;
    const { stats, clock } = this.#needs;
    stats.redelivered += 1;
    const known = batch.failed(index, delivery.attempt, this.history(delivery, error.code, error.message));
    this.#needs.settler().add({ kind: 'progress', claim: batch.claim, todo: everything(batch), ...known });
    this.#stays(batch);
    batch.partition.again(batch, index, at - clock.now(), 'failed');
  }

  protected override end(batch: Batch, index: number): void {
    const wasTodo = batch.isTodo(index);
    super.end(batch, index);
    if (!(batch instanceof KeyedBatch) || batch.dropped || !wasTodo) return;
    batch.leave(index);
    this.letGo(batch);
  }

  protected override release(batch: Batch): void {
    if (batch instanceof KeyedBatch) this.#keyed.delete(batch);
    super.release(batch);
    if (batch instanceof KeyedBatch) batch.partition.released(batch);
  }

  /** What is left of the entry stays in the log, once nothing of it is in hand. */
  letGo(batch: KeyedBatch): void {
    if (batch.remaining === 0 || batch.running > 0 || batch.arriving) return;
    if (batch.held === 0 || batch.partition.resting) this.handBackOne(batch);
  }

  /** The backend knows already that it is done: nothing is told. */
  #done(batch: KeyedBatch, index: number): void {
    const before = batch.untold;
    if (batch.dropped || !batch.end(index)) return;
    batch.untold = before;
    batch.running -= 1;
    batch.leave(index);
    if (batch.remaining > 0) {
      if (batch.suspect && batch.running === 0) this.#freed(batch);
      this.letGo(batch);
      return;
    }
    if (before > 0 || batch.leaving.length > 0) this.flush(batch);
    this.release(batch);
  }

  /** It has not ended, and does not run. */
  #stays(batch: KeyedBatch): void {
    batch.running -= 1;
    if (batch.suspect && batch.running === 0) this.#freed(batch);
  }

  #overUnlessAgain({ batch, index }: Delivery): void {
    if (!(batch instanceof KeyedBatch) || batch.partition.waitsAgain(batch, index)) return;
    if (batch.isTodo(index)) batch.over(index);
    batch.partition.over(batch, index);
  }

  /** State, done mark and casts in one step; an answer leaves after it. */
  async #commit(
    batch: KeyedBatch,
    delivery: Delivery,
    transaction: Transaction,
    encode: () => Uint8Array | undefined,
  ): Promise<void> {
    const answer = delivery.isCall ? () => encode() ?? NO_BODY : undefined;
    const applied = await this.#write(batch, delivery, transaction, answer);
    if (applied === 'others') return;
    if (applied !== 'applied') this.failed(delivery, applied);
    else if (delivery.isCall) this.succeededWithBytes(delivery, appliedBody(delivery));
    else this.#overAlready(batch, delivery.index);
  }

  /** @param encode gives the answer; the message stays to do until it has ended with that. Absent: its end is in the step. */
  async #write(
    batch: KeyedBatch,
    { index, method }: Delivery,
    transaction: Transaction,
    encode: (() => Uint8Array) | undefined,
  ): Promise<Applied> {
    let outcome: 'committed' | 'lost';
    try {
      const answer = encode?.();
      outcome = await batch.partition.commit(batch, index, transaction, answer);
      if (answer !== undefined && outcome === 'committed') batch.applied(index, answer);
    } catch (thrown) {
      this.#needs.log.warn(
        { evt: 'commit_refused', method, code: codeOf(thrown), reason: messageOf(thrown) },
        'what a handler wanted to keep was refused; the message has failed',
      );
      return { ...toWireError(thrown), outcome: 'failed' };
    }
    if (batch.dropped) return 'others';
    if (outcome === 'committed') return 'applied';
    this.#overAlready(batch, index);
    return 'others';
  }

  /** The backend has its end, or it is somebody else's: the next message of its key may run. */
  #overAlready(batch: KeyedBatch, index: number): void {
    batch.over(index);
    this.#done(batch, index);
    batch.partition.over(batch, index);
  }
}

function appliedBody({ batch, index }: Delivery): Uint8Array | undefined {
  const answer = batch instanceof KeyedBatch ? batch.appliedAnswer(index) : undefined;
  return answer === undefined || answer.length === 0 ? undefined : answer;
}

/** Every bit: what has ended meanwhile is told on its own. */
function everything({ claim }: KeyedBatch): string {
  return '1'.repeat(claim.count);
}
