/** What lies in the cache: an answer or a failure, in the codec of messages. */
import { encodeBody, openBody } from '../wire/frame.ts';
import { fromWireError, toWireError } from '../wire/envelope.ts';
import { FrameInvalid, type HomeostatError } from '../ground/errors.ts';

export type Cached =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: HomeostatError };

/** @throws SerializationError, PayloadTooLarge */
export function encodeCached(cached: Cached, maxBytes: number): Uint8Array {
  const body = cached.ok ? { ok: true, value: cached.value } : { ok: false, error: toWireError(cached.error) };
  // Never undefined: the body is an object.
  return encodeBody(body, maxBytes) as Uint8Array;
}

/**
 * Reads what anybody who can write to the backend may have put there.
 * @throws FrameInvalid
 */
export function decodeCached(body: Uint8Array, maxBytes: number): Cached {
  const read = openBody(body, maxBytes) as { ok?: unknown; value?: unknown; error?: unknown } | null;
  if (typeof read !== 'object' || read === null || typeof read.ok !== 'boolean') throw new FrameInvalid('cached');
  return read.ok ? { ok: true, value: read.value } : { ok: false, error: fromWireError(read.error) };
}
