/** The runs of ids that one actor has on this node: how they begin and end, and who is told. */
import { createHash } from 'node:crypto';
import type { Delivery } from '../delivery.ts';
import { codeOf, HandlerError, HomeostatError, messageOf } from '../../ground/errors.ts';
import { sleep } from '../../ground/loop.ts';
import type { Log } from '../../ground/log.ts';
import type { Once, OnceBegun, OnceEnded, OnceRun, OnceWaiter } from '../../ports/once.ts';
import type { Refusal } from '../gate.ts';
import type { Sending } from '../../sending/sending.ts';
import { Kind, toWireError } from '../../wire/envelope.ts';
import { fromKept, toKept, type Answer } from './answer.ts';
import { tellAll } from './telling.ts';

/** Who may wait for one answer; the next ones come back later. */
const MAX_WAITERS = 1_000;
/** A run that nothing is heard of holds its id at least so long, ms. */
const HOLD_MS = 86_400_000;
/** What finds no place comes back after this long, ms. */
const LATER_MS = 250;
const RESEND_MS = 20;
const RESEND_MAX_MS = 1_000;

export interface OnceNeeds {
  readonly once: Once;
  readonly mailbox: string;
  /** How long an answer of the method stands, ms. */
  keepMs(method: string): number;
  /** Methods that run at most once. Absent: none. */
  readonly atMostOnce?: ReadonlySet<string> | undefined;
  readonly sending: Sending;
  readonly log: Log;
  readonly maxBodyBytes: number;
}

/** `keep`: the answer stands. `free`: whoever comes next runs. `drop`: the same, whoever began the run of this message. */
export type Fate = 'keep' | 'free' | 'drop';

export class OnceRuns {
  readonly #needs: OnceNeeds;
  readonly #held = new WeakMap<Delivery, OnceRun>();
  /** Of which it is known what becomes of them here: they run, wait, or have their answer. */
  readonly #judged = new WeakSet<Delivery>();

  constructor(needs: OnceNeeds) {
    this.#needs = needs;
  }

  /** Whether the delivery is the run of its id. */
  holds(delivery: Delivery): boolean {
    return this.#held.has(delivery);
  }

  /** Whether the delivery was turned away before anybody could ask for its id; an earlier one of its message may be the run. */
  unasked(delivery: Delivery): boolean {
    return !this.#judged.has(delivery);
  }

  runsAtMostOnce(method: string): boolean {
    return this.#needs.atMostOnce?.has(method) ?? false;
  }

  /** Undefined: the delivery is the run of its id now. Never rejects. */
  async begin(delivery: Delivery): Promise<Refusal | undefined> {
    const { once, log } = this.#needs;
    const run = this.#runOf(delivery);
    const holdMs = Math.max(HOLD_MS, this.#needs.keepMs(delivery.method));
    try {
      const begun = await once.begin({ ...run, waiter: waiterOf(delivery), maxWaiters: MAX_WAITERS, holdMs });
      return await this.#begun(delivery, run, begun);
    } catch (thrown) {
      log.warn(
        { evt: 'once_begin_failed', method: delivery.method, reason: messageOf(thrown) },
        'it is not known whether a message with an id is to run; it comes back later',
      );
      return later('ONCE_UNKNOWN');
    }
  }

  /** What the message changes was written, with this answer: ends its id with that, whoever began its run. Never rejects. */
  async finish(delivery: Delivery, body: Uint8Array | undefined): Promise<Refusal> {
    const refusal = await this.begin(delivery);
    if (refusal?.kind === 'later') return refusal;
    const mayLeave = refusal !== undefined || (await this.end(delivery, 'keep', { failed: false, body }));
    return mayLeave ? { kind: 'answer', body } : later('ONCE_UNTOLD');
  }

  /**
   * Ends the run of the delivery, as soon as the backend is there, and tells those who wait. Answers whether its own answer
   * may leave: not while somebody who waits may not have it, whoever has the message next sees to that. Never rejects.
   */
  async end(delivery: Delivery, fate: Fate, answer: Answer): Promise<boolean> {
    const run = this.#held.get(delivery) ?? this.#runOf(delivery);
    const ended = await this.#ended(delivery, run, fate, answer);
    const held = this.#held.delete(delivery);
    if (ended?.kind === 'ended') return this.#tell(run, ended.waiters, answer);
    if (ended?.kind === 'lost' && held) {
      this.#needs.log.warn(
        { evt: 'once_lost', method: delivery.method, messageId: delivery.messageId },
        'the id belonged to another message when its run ended; the answer is not kept',
      );
    }
    return true;
  }

  async #begun(delivery: Delivery, run: OnceRun, begun: OnceBegun): Promise<Refusal | undefined> {
    this.#judged.add(delivery);
    switch (begun.kind) {
      case 'run':
        this.#held.set(delivery, run);
        if (!begun.inherited || !this.runsAtMostOnce(delivery.method)) return undefined;
        return { kind: 'fail', error: diedError(delivery) };
      case 'done': {
        const answer = fromKept(begun.answer, this.#needs.maxBodyBytes);
        if (!(await this.#tell(run, begun.waiters, answer))) return later('ONCE_UNTOLD');
        return answer.failed ? { kind: 'fail', error: answer.error } : { kind: 'answer', body: answer.body };
      }
      case 'waits':
        return { kind: 'end' };
      case 'busy':
        return later('ONCE_BUSY');
      case 'not-member':
        return later('NOT_MEMBER');
    }
  }

  /** Undefined: the backend cannot be asked any more, and the message is others' matter. */
  async #ended(delivery: Delivery, run: OnceRun, fate: Fate, answer: Answer): Promise<OnceEnded | undefined> {
    const { once, log, maxBodyBytes } = this.#needs;
    const end =
      fate === 'keep'
        ? ({ kind: 'keep', answer: toKept(answer, maxBodyBytes), keepMs: this.#needs.keepMs(delivery.method) } as const)
        : ({ kind: 'free', wherever: fate === 'drop' } as const);
    for (let failures = 1; ; failures += 1) {
      try {
        return await once.end(run, end);
      } catch (thrown) {
        if (delivery.batch.dropped || !(thrown instanceof HomeostatError && thrown.retryable)) return undefined;
        log.warn(
          { evt: 'once_end_failed', method: delivery.method, failures, reason: messageOf(thrown) },
          'the answer to an id could not be kept; it is tried again',
        );
        await sleep(Math.min(RESEND_MAX_MS, RESEND_MS * 2 ** (failures - 1)));
      }
    }
  }

  async #tell(run: OnceRun, waiters: readonly OnceWaiter[], answer: Answer): Promise<boolean> {
    if (waiters.length === 0) return true;
    const { once, log } = this.#needs;
    if (!(await tellAll(waiters, answer, this.#needs))) return false;
    // Told twice does no harm: their calls have ended.
    once.told(run).catch((thrown: unknown) => {
      log.debug({ evt: 'once_told_failed', code: codeOf(thrown) }, 'those who were told stay listed');
    });
    return true;
  }

  #runOf(delivery: Delivery): OnceRun {
    const scope = JSON.stringify([delivery.method, delivery.key ?? null, delivery.id]);
    const name = createHash('sha256').update(scope).digest('base64url');
    return { mailbox: this.#needs.mailbox, name, message: delivery.messageId };
  }
}

function waiterOf({ batch, envelope }: Delivery): OnceWaiter | undefined {
  const { replyTo } = batch.frame;
  if (replyTo === null || envelope.kind !== Kind.call || envelope.correlation === 0) return undefined;
  return { inbox: replyTo, correlation: envelope.correlation };
}

function later(code: string): Refusal {
  return { kind: 'later', delayMs: LATER_MS, code };
}

/** Of a method that runs at most once: whoever died may have done it. */
function diedError(delivery: Delivery): ReturnType<typeof toWireError> {
  const error = new HandlerError(`${delivery.method}: the node that ran this id has died; it may have been done`, {
    retryable: false,
    outcome: 'unknown',
  });
  return { ...toWireError(error), code: 'NODE_DIED' };
}
