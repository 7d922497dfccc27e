/** Tells an answer to those who wait for it. */
import { messageOf, type HomeostatError } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import type { OnceWaiter } from '../../ports/once.ts';
import type { Receipt } from '../../sending/outbox.ts';
import type { Sending } from '../../sending/sending.ts';
import { toWireError } from '../../wire/envelope.ts';
import type { Answer } from './answer.ts';

/** Copies of an answer on their way at once, bytes: a thousand may wait for a large one. */
const AT_ONCE_BYTES = 4 * 1024 * 1024;
const AT_ONCE = 256;

/** Resolves when all of them have it, or are gone; false: somebody may not have it. */
export async function tellAll(
  waiters: readonly OnceWaiter[],
  answer: Answer,
  { sending, log }: { readonly sending: Sending; readonly log: Log },
): Promise<boolean> {
  const bytes = answer.failed ? 0 : (answer.body?.byteLength ?? 0);
  const step = Math.max(1, Math.min(AT_ONCE, Math.floor(AT_ONCE_BYTES / (bytes + 1))));
  let all = true;
  for (let from = 0; from < waiters.length; from += step) {
    const told = waiters.slice(from, from + step).map((waiter) => tell(waiter, answer, sending, log));
    if ((await Promise.all(told)).includes(false)) all = false;
  }
  return all;
}

function tell({ inbox, correlation }: OnceWaiter, answer: Answer, sending: Sending, log: Log): Promise<boolean> {
  return new Promise((resolve) => {
    const outbox = sending.inbox(inbox);
    const receipt = new Told(resolve);
    try {
      if (answer.failed) outbox.error(correlation, answer.error, receipt);
      else outbox.replyBytes(correlation, answer.body, receipt);
    } catch (thrown) {
      log.warn(
        { evt: 'reply_unsendable', reason: messageOf(thrown) },
        'an answer could not be told to who waits for it',
      );
      outbox.error(correlation, { ...toWireError(thrown), details: undefined, outcome: 'failed' }, receipt);
    }
  });
}

class Told implements Receipt {
  readonly wanted = true;
  travels = false;
  readonly #resolve: (told: boolean) => void;

  constructor(resolve: (told: boolean) => void) {
    this.#resolve = resolve;
  }

  accepted(): void {
    this.#resolve(true);
  }

  refused(_error: HomeostatError): void {
    this.#resolve(false);
  }
}
