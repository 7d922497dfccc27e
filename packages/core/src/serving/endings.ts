/** What becomes of the entries in hand: answers, redeliveries, dead letters, progress, hand-back. Each envelope ends once. */
import type { Batch, Leaving } from './batch.ts';
import type { Claim, HistoryItem } from '../ports/broker.ts';
import type { Delivery } from './delivery.ts';
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import { Kind, toWireError, type WireError } from '../wire/envelope.ts';
import { HandlerError, messageOf } from '../ground/errors.ts';
import { NO_RECEIPT } from '../sending/no-receipt.ts';
import type { Receipt } from '../sending/outbox.ts';
import { settlementsOf } from './settlements.ts';
import { judge, type Verdict } from './verdict.ts';

/** Progress of an entry older than this is told to the backend, and as often, ms. */
const PROGRESS_MS = 50;
/** Longest message kept in the history, characters. */
const MAX_HISTORY_MESSAGE = 300;

/** `others`: what becomes of the delivery is not this node's matter. An error: nothing was written, and it has failed so. */
export type Applied = 'applied' | 'others' | WireError;

export class Endings {
  readonly #needs: DispatcherNeeds;
  readonly #freed: (batch: Batch) => void;
  readonly #inHand = new Set<Batch>();
  #ticker: NodeJS.Timeout | undefined;
  #handingBack = false;
  #drained: (() => void)[] = [];

  /** `freed` is called when an entry has left, and when nothing of a suspect one runs any more. */
  constructor(needs: DispatcherNeeds, freed: (batch: Batch) => void) {
    this.#needs = needs;
    this.#freed = freed;
  }

  get inHand(): number {
    return this.#inHand.size;
  }

  hold(batch: Batch): void {
    this.#inHand.add(batch);
    if (this.#ticker === undefined) this.#ticker = setTimeout(this.#tick, PROGRESS_MS);
  }

  succeeded(delivery: Delivery, value: unknown): void {
    if (!delivery.isCall) this.end(delivery.batch, delivery.index);
    else this.#answer(delivery, (inbox, receipt) => inbox.reply(delivery.envelope.correlation, value, receipt));
  }

  succeededWithBytes(delivery: Delivery, body: Uint8Array | undefined): void {
    if (!delivery.isCall) this.end(delivery.batch, delivery.index);
    else this.#answer(delivery, (inbox, receipt) => inbox.replyBytes(delivery.envelope.correlation, body, receipt));
  }

  /**
   * Writes what a handler that succeeded has changed, together with its answer, for whoever has the message next. The delivery
   * ends later, with that answer. Undefined: there is nothing to write. Never rejects.
   */
  apply(_delivery: Delivery, _body: Uint8Array | undefined): Promise<Applied> | undefined {
    return undefined;
  }

  /** Somebody who waits for its answer may not have it: it stays in hand, and is delivered again when this node leaves. */
  untold(_delivery: Delivery): void {}

  /** What becomes of a delivery that has failed so. */
  verdict(delivery: Delivery, { retryable, code }: WireError): Verdict {
    const { policy, clock } = this.#needs;
    if (delivery.settled) return { kind: 'ack' };
    const { isCall, attempt, deadline } = delivery;
    return judge(
      { retryable, crashed: code === 'WORKER' },
      { isCall, attempt, now: clock.now(), deadline },
      policy.redelivery,
    );
  }

  /** Whether its end is not this node's matter any more. */
  isOthers({ batch, settled }: Delivery): boolean {
    return batch.dropped && !settled;
  }

  /**
   * Settles one envelope before it is run, so that nobody ever has it again; what else the entry holds stays. Answers
   * whether that is sure.
   */
  async settleFirst(delivery: Delivery): Promise<boolean> {
    const { batch, index } = delivery;
    if (batch.untold > 0) this.flush(batch);
    delivery.settled = true;
    return (await this.#needs.settler().carryOut(batch.settleFirst(index))) === 'settled';
  }

  failed(delivery: Delivery, error: WireError, verdict: Verdict = this.verdict(delivery, error)): void {
    const { clock, log, mailbox } = this.#needs;
    log.debug(
      {
        evt: 'handler_failed',
        mailbox,
        method: delivery.method,
        messageId: delivery.messageId,
        attempt: delivery.attempt,
        code: error.code,
      },
      'a delivery failed',
    );
    // After the deadline the caller has its own error, which says more truly what happened: it waited too long.
    const tooLate = delivery.isCall && delivery.deadline !== 0 && clock.now() >= delivery.deadline;
    if (delivery.settled && !delivery.isCall) this.#endForGood(delivery, error.code);
    else if (verdict.kind === 'ack' && tooLate) this.end(delivery.batch, delivery.index);
    else if (verdict.kind === 'ack')
      this.#answer(delivery, (inbox, receipt) => inbox.error(delivery.envelope.correlation, error, receipt));
    else if (verdict.kind === 'retry') this.leave(delivery, error, verdict.at);
    else this.leave(delivery, error);
  }

  /** Ends a delivery that nobody wants any more. */
  skipped(delivery: Delivery): void {
    this.end(delivery.batch, delivery.index);
  }

  /** Tells the caller and ends the delivery at once: it shall not be done again, whether or not the answer arrives. */
  brokenOff(delivery: Delivery, error: WireError): void {
    const { batch, index, envelope } = delivery;
    if (batch.dropped) return;
    const { replyTo } = batch.frame;
    if (replyTo !== null && delivery.isCall)
      this.#needs.sending.inbox(replyTo).error(envelope.correlation, error, NO_RECEIPT);
    this.end(batch, index);
  }

  /** Ends a delivery whose handler was not run. An expired call has nobody waiting; whatever else is kept. */
  refused(delivery: Delivery, reason: string): void {
    if (reason === 'EXPIRED' && delivery.isCall) {
      this.end(delivery.batch, delivery.index);
      return;
    }
    // The handlers that died may have done their work.
    const outcome = reason === 'NODE_DIED' ? 'unknown' : 'not-executed';
    const error = {
      ...toWireError(new HandlerError(`not run: ${reason}`)),
      code: reason,
      retryable: false,
      outcome,
    } as const;
    if (!delivery.isCall && delivery.settled) this.#endForGood(delivery, reason);
    else if (!delivery.isCall) this.leave(delivery, error);
    else this.#answer(delivery, (inbox, receipt) => inbox.error(delivery.envelope.correlation, error, receipt));
  }

  /** The delivery is not charged; somebody else, or we, will have it again in a while. */
  comeBack(delivery: Delivery, delayMs: number, code: string): void {
    const { clock } = this.#needs;
    this.#push(delivery, {
      index: delivery.index,
      at: clock.now() + delayMs,
      deliveries: delivery.attempt - 1,
      reason: '',
      history: this.handedBack(delivery, code),
    });
  }

  /** A claim that is no frame of ours becomes a dead letter with its bytes. */
  buryWhole(claim: Claim, reason: string): void {
    const { log, stats, mailbox } = this.#needs;
    log.error(
      { evt: 'frame_invalid', mailbox, entry: claim.id, reason },
      'an entry that is no valid frame becomes a dead letter',
    );
    stats.dead += claim.count;
    this.#needs.onBuried?.(claim.count, 'FRAME_INVALID');
    const moved = claim.todo ?? '1'.repeat(claim.count);
    this.#needs
      .settler()
      .add({ kind: 'bury', claim, moved, reason, deliveries: claim.deliveries, history: claim.history ?? '[]' });
  }

  /** Tells the backend what has left the entry since the last time. */
  flush(batch: Batch): void {
    if (batch.dropped || batch.gone) return;
    const settler = this.#needs.settler();
    const { claim, leaving } = batch;
    batch.untold = 0;
    if (leaving.length > 0) {
      batch.leaving = [];
      for (const settlement of settlementsOf(batch, leaving)) settler.add(settlement);
    } else if (batch.remaining === 0) settler.add({ kind: 'done', claim });
    else settler.add({ kind: 'progress', claim, todo: batch.todo() });
  }

  /** From now on entries are handed back as soon as nothing of them runs. */
  handBack(): void {
    this.#handingBack = true;
    for (const batch of [...this.#inHand]) if (batch.running === 0) this.handBackOne(batch);
  }

  /** Entries stay in hand again until they end. */
  keep(): void {
    this.#handingBack = false;
  }

  /** Hands everything back, running or not. */
  handBackAll(): void {
    for (const batch of [...this.#inHand]) this.handBackOne(batch);
  }

  handBackOne(batch: Batch): void {
    if (batch.dropped || !this.#inHand.has(batch)) return;
    if (batch.leaving.length > 0) this.flush(batch);
    if (batch.remaining > 0 && !batch.gone)
      this.#needs.settler().add({ kind: 'park', claim: batch.claim, todo: batch.todo() });
    batch.dropped = true;
    this.release(batch);
  }

  dropAll(): void {
    for (const batch of this.#inHand) batch.dropped = true;
    this.#inHand.clear();
    this.#tellDrained();
  }

  drained(): Promise<void> {
    if (this.#inHand.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** The reply has arrived, or nobody waits for it any more. */
  answered(batch: Batch, index: number): void {
    this.#needs.stats.replied += 1;
    this.end(batch, index);
  }

  /** The answer to one of its calls has been refused for good: nothing of that call is under way any more, and it has not ended. */
  unanswered(_batch: Batch): void {}

  #answer(
    delivery: Delivery,
    send: (inbox: ReturnType<DispatcherNeeds['sending']['inbox']>, receipt: Receipt) => void,
  ): void {
    const { batch, index, envelope } = delivery;
    if (this.isOthers(delivery)) return;
    const { replyTo } = batch.frame;
    if (replyTo === null || envelope.kind !== Kind.call || envelope.correlation === 0) {
      this.end(batch, index);
      return;
    }
    const inbox = this.#needs.sending.inbox(replyTo);
    const receipt = new Answer(this, batch, index);
    try {
      send(inbox, receipt);
    } catch (thrown) {
      this.#needs.log.warn(
        { evt: 'reply_unsendable', method: delivery.method, reason: messageOf(thrown) },
        'an answer could not be encoded',
      );
      inbox.error(envelope.correlation, { ...toWireError(thrown), details: undefined, outcome: 'failed' }, receipt);
    }
  }

  /** A cast of a method that runs at most once has failed: it cannot come again, and nothing is left to keep of it. */
  #endForGood(delivery: Delivery, code: string): void {
    const { log, mailbox } = this.#needs;
    const { method, messageId } = delivery;
    log.error(
      { evt: 'at_most_once_failed', mailbox, method, messageId, code },
      'a cast that runs at most once has failed',
    );
    this.end(delivery.batch, delivery.index);
  }

  protected leave(delivery: Delivery, error: WireError, at?: number): void {
    const { stats, log, mailbox } = this.#needs;
    if (delivery.batch.dropped) return;
    const history = this.history(delivery, error.code, error.message);
    if (at === undefined) {
      stats.dead += 1;
      this.#needs.onBuried?.(1, error.code);
      log.error(
        {
          evt: 'dead_letter',
          mailbox,
          method: delivery.method,
          messageId: delivery.messageId,
          attempt: delivery.attempt,
          code: error.code,
        },
        'a message became a dead letter',
      );
      this.#push(delivery, { index: delivery.index, deliveries: delivery.attempt, reason: error.code, history });
    } else {
      stats.redelivered += 1;
      this.#push(delivery, { index: delivery.index, at, deliveries: delivery.attempt, reason: '', history });
    }
  }

  #push(delivery: Delivery, leaving: Leaving): void {
    const { batch, index } = delivery;
    if (batch.dropped || !batch.isTodo(index)) return;
    batch.leaving.push(leaving);
    this.end(batch, index);
  }

  protected history(delivery: Delivery, code: string, message: string): HistoryItem {
    const { clock, memberId } = this.#needs;
    return {
      index: delivery.index,
      attempt: delivery.attempt,
      at: Math.round(clock.now()),
      node: memberId(),
      code,
      message: message.slice(0, MAX_HISTORY_MESSAGE),
    };
  }

  /** It was not run, and is not charged. */
  protected handedBack(delivery: Delivery, code: string): HistoryItem {
    return { ...this.history(delivery, code, 'handed back'), attempt: delivery.attempt - 1 };
  }

  protected end(batch: Batch, index: number): void {
    if (batch.dropped || !batch.end(index)) return;
    batch.running -= 1;
    if (batch.remaining === 0) {
      this.flush(batch);
      this.release(batch);
    } else if (this.#handingBack && batch.running === 0) {
      this.handBackOne(batch);
    } else if (batch.suspect && batch.running === 0) {
      this.#freed(batch);
    }
  }

  protected release(batch: Batch): void {
    this.#inHand.delete(batch);
    if (this.#inHand.size === 0) this.#tellDrained();
    this.#freed(batch);
  }

  #tellDrained(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  readonly #tick = (): void => {
    this.#ticker = this.#inHand.size === 0 ? undefined : setTimeout(this.#tick, PROGRESS_MS);
    const before = this.#needs.clock.elapsed() - PROGRESS_MS;
    // A suspect's progress travels with its start marks, in their order.
    for (const batch of this.#inHand)
      if (batch.untold > 0 && batch.claimedAt <= before && !batch.suspect) this.flush(batch);
  };
}

/** The receipt of an answer: a call is settled only once its answer has arrived. */
class Answer implements Receipt {
  travels = false;
  private readonly endings: Endings;
  private readonly batch: Batch;
  private readonly index: number;

  constructor(endings: Endings, batch: Batch, index: number) {
    this.endings = endings;
    this.batch = batch;
    this.index = index;
  }

  get wanted(): boolean {
    return !this.batch.dropped || this.batch.gone;
  }

  accepted(): void {
    this.endings.answered(this.batch, this.index);
  }

  /** The entry stays in hand; it is delivered again when this node leaves. */
  refused(): void {
    this.endings.unanswered(this.batch);
  }
}
