import { controlLine } from '../contract/lines.ts';
import { PING } from './ping.ts';
import type { LocalActor } from './routing.ts';
import type { Sending } from '../sending/sending.ts';

/**
 * Sends `$ping` through a mailbox and waits for its answer: it takes the road that every call takes, and a place in the
 * pool, so that a pool that is stuck does not answer.
 * @param target the node that shall answer; absent: whoever has room.
 */
export function sendPing(sending: Sending, mailbox: string, timeoutMs: number, target?: string): Promise<unknown> {
  const subject = `${mailbox} ${PING}`;
  return new Promise((resolve, reject) => {
    const outbox = sending.open(mailbox, subject, target);
    const waiting = sending.replies.open(subject, timeoutMs, resolve, reject);
    outbox.call(PING, undefined, waiting.correlation, sending.now() + timeoutMs, undefined, waiting);
  });
}

/** Where a ping goes that must not wait behind work: where there is a line for control, there. */
export function pingLine({ mailbox, priorities }: { readonly mailbox: string; readonly priorities?: true }): string {
  return priorities === true ? controlLine(mailbox) : mailbox;
}

/** As `sendPing`, for an actor in this process that takes nothing from its mailbox. `deadline` is backend time, ms. */
export function pingHere(actor: LocalActor, deadline: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    actor.runLocal({ method: PING, body: undefined, deadline }, resolve, reject);
  });
}
