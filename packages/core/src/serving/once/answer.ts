/** The answer of a run as it is kept and told. */
import { fromWireError, toWireError, type WireError } from '../../wire/envelope.ts';
import { HandlerError, messageOf } from '../../ground/errors.ts';
import { encodeBody, openBody } from '../../wire/frame.ts';
import type { OnceAnswer } from '../../ports/once.ts';

export type Answer =
  | { readonly failed: false; readonly body: Uint8Array | undefined }
  | { readonly failed: true; readonly error: WireError };

/** Bytes of the answer; what cannot travel of an error is left out. */
export function toKept(answer: Answer, maxBodyBytes: number): OnceAnswer {
  if (!answer.failed) return answer;
  const { error } = answer;
  const plain = { ...error, details: undefined };
  try {
    return { failed: true, body: encodeBody(error, maxBodyBytes) };
  } catch {
    return { failed: true, body: encodeBody(plain, maxBodyBytes) };
  }
}

/** Anybody who can write there may have put it: what cannot be read is a failure that says so. */
export function fromKept({ failed, body }: OnceAnswer, maxBodyBytes: number): Answer {
  try {
    const value = body === undefined ? undefined : openBody(body, maxBodyBytes);
    return failed ? { failed, error: toWireError(fromWireError(value)) } : { failed, body };
  } catch (thrown) {
    const unreadable = new HandlerError(`the answer that was kept cannot be read: ${messageOf(thrown)}`, {
      retryable: false,
      outcome: 'unknown',
    });
    return { failed: true, error: toWireError(unreadable) };
  }
}
