/** How deliveries with an id end: what they changed is written, the answer is kept, then it leaves, then the entry is settled. */
import type { Delivery } from '../delivery.ts';
import type { Endings } from '../endings.ts';
import { HandlerError, messageOf } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import { encodeBody } from '../../wire/frame.ts';
import { toWireError, type WireError } from '../../wire/envelope.ts';
import type { Answer } from './answer.ts';
import { stands } from './rules.ts';
import type { Fate, OnceRuns } from './runs.ts';

/** The endings that pass by here. */
export type Ends = Pick<Endings, 'succeeded' | 'succeededWithBytes' | 'failed' | 'refused' | 'skipped'>;

export interface OnceEndingsNeeds {
  readonly runs: OnceRuns;
  readonly endings: Endings;
  readonly log: Log;
  readonly maxBodyBytes: number;
}

export class OnceEndings implements Ends {
  readonly #needs: OnceEndingsNeeds;

  constructor(needs: OnceEndingsNeeds) {
    this.#needs = needs;
  }

  succeeded(delivery: Delivery, value: unknown): void {
    const { runs, endings, log, maxBodyBytes } = this.#needs;
    if (!runs.holds(delivery)) return endings.succeeded(delivery, value);
    try {
      this.succeededWithBytes(delivery, encodeBody(value, maxBodyBytes));
    } catch (thrown) {
      log.warn(
        { evt: 'reply_unsendable', method: delivery.method, reason: messageOf(thrown) },
        'an answer could not be encoded',
      );
      const error = unsendable(thrown);
      const answer = { failed: true, error } as const;
      if (delivery.isCall) this.#end(delivery, 'keep', answer, () => endings.failed(delivery, error));
      // A cast that has run is done, whatever its handler returned.
      else this.#applyAndEnd(delivery, undefined, answer, () => endings.skipped(delivery));
    }
  }

  succeededWithBytes(delivery: Delivery, body: Uint8Array | undefined): void {
    const { runs, endings } = this.#needs;
    if (!runs.holds(delivery)) return endings.succeededWithBytes(delivery, body);
    this.#applyAndEnd(delivery, body, { failed: false, body }, () => endings.succeededWithBytes(delivery, body));
  }

  failed(delivery: Delivery, error: WireError): void {
    const { runs, endings } = this.#needs;
    const verdict = endings.verdict(delivery, error);
    const leave = (): void => endings.failed(delivery, error, verdict);
    // What comes again under the same name, and what runs on though nobody waits for it any more, keeps its id.
    const holdsOn = verdict.kind === 'retry' || countsLate(delivery) || endings.isOthers(delivery);
    if (holdsOn) leave();
    else if (runs.unasked(delivery)) this.#drop(delivery, error.code, leave);
    else if (runs.holds(delivery)) this.#end(delivery, ...this.#failureOf(delivery, error), leave);
    else leave();
  }

  /** Nobody wants it any more. */
  skipped(delivery: Delivery): void {
    const { runs, endings } = this.#needs;
    const leave = (): void => endings.skipped(delivery);
    if (runs.unasked(delivery) && !endings.isOthers(delivery)) this.#drop(delivery, 'ABORTED', leave);
    else leave();
  }

  /** Its handler was not run here; it may have been elsewhere, by whoever died of it. */
  refused(delivery: Delivery, reason: string): void {
    const { endings } = this.#needs;
    const leave = (): void => endings.refused(delivery, reason);
    if (endings.isOthers(delivery)) return leave();
    const thrown = new HandlerError(`the first message with this id ended without an answer: ${reason}`, {
      retryable: reason === 'EXPIRED',
      outcome: 'unknown',
    });
    this.#end(delivery, 'drop', { failed: true, error: { ...toWireError(thrown), code: reason } }, leave);
  }

  /** A handler that was given up has ended after all: nobody waits for it but those with the same id. */
  late(delivery: Delivery, answer: Answer): void {
    const [fate, told] = answer.failed ? this.#failureOf(delivery, answer.error) : (['keep', answer] as const);
    this.#endLate(delivery, fate, told);
  }

  lateValue(delivery: Delivery, value: unknown): void {
    try {
      this.late(delivery, { failed: false, body: encodeBody(value, this.#needs.maxBodyBytes) });
    } catch (thrown) {
      this.#endLate(delivery, 'keep', { failed: true, error: unsendable(thrown) });
    }
  }

  /** What becomes of the id, and what those are told who wait. Nobody is told that he has aborted, or was late, for another one. */
  #failureOf(delivery: Delivery, error: WireError): [fate: Fate, answer: Answer] {
    const { runs } = this.#needs;
    const { isCall, aborted: stopped, method } = delivery;
    if (stands(error, { stopped, isCall, atMostOnce: runs.runsAtMostOnce(method) }))
      return ['keep', { failed: true, error }];
    return ['free', { failed: true, error: stopped ? givenUp(error.code) : error }];
  }

  /** Frees the id where an earlier delivery of this message was its run: nobody goes on with it now. */
  #drop(delivery: Delivery, code: string, leave: () => void): void {
    this.#end(delivery, 'drop', { failed: true, error: givenUp(code) }, leave);
  }

  #endLate(delivery: Delivery, fate: Fate, answer: Answer): void {
    const { runs } = this.#needs;
    if (countsLate(delivery) && runs.holds(delivery)) void runs.end(delivery, fate, answer);
  }

  /** Whoever has the message after a crash in between ends the id with the same answer. */
  #applyAndEnd(delivery: Delivery, body: Uint8Array | undefined, answer: Answer, leave: () => void): void {
    const applying = this.#needs.endings.apply(delivery, body);
    if (applying === undefined) return this.#end(delivery, 'keep', answer, leave);
    void applying.then((applied) => {
      if (applied === 'applied') this.#end(delivery, 'keep', answer, leave);
      else if (applied !== 'others') this.failed(delivery, applied);
    });
  }

  #end(delivery: Delivery, fate: Fate, answer: Answer, leave: () => void): void {
    const { runs, endings } = this.#needs;
    void runs.end(delivery, fate, answer).then((mayLeave) => (mayLeave ? leave() : endings.untold(delivery)));
  }
}

/** Given up, but its answer will stand; not so where what the handler changes by its context does not count any more. */
function countsLate({ runsOn, state }: Delivery): boolean {
  return runsOn && state === undefined;
}

/** For those who wait for a run that ended without an answer for a reason that is not theirs. */
function givenUp(code: string): WireError {
  const error = new HandlerError(`the first message with this id was given up: ${code}; ask again`, {
    retryable: true,
    outcome: 'unknown',
  });
  return { ...toWireError(error), code: 'ONCE_GIVEN_UP' };
}

function unsendable(thrown: unknown): WireError {
  return { ...toWireError(thrown), details: undefined, outcome: 'failed' };
}
