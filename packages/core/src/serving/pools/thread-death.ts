/** How threads end, and how that is told. */
import { toWireError, type WireError } from '../../wire/envelope.ts';
import { HomeostatError } from '../../ground/errors.ts';
import { readBody } from '../../wire/frame.ts';

/** The thread ended without an uncaught error. */
export class Exit extends Error {
  constructor(code: number) {
    super(`it exited with code ${code}`);
  }
}

/** The module itself refused to load: its own error, and no thread has died of it. */
export class LoadError extends Error {
  readonly error: WireError;
  constructor(error: WireError) {
    super(error.message);
    this.error = error;
  }
}

/** What a thread says of an error. */
export function readError(bytes: Uint8Array): WireError {
  return readBody(bytes, 0, bytes.byteLength) as WireError;
}

/** How a thread ended, in words. */
export function describeDeath(cause: unknown, maxHeapMb: number): string {
  const { code, message } = toWireError(cause);
  if (cause instanceof Exit) return message;
  if (cause instanceof HomeostatError) return `it was ended: ${message}`;
  return code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? `it ran out of heap (maxHeapMb: ${maxHeapMb})`
    : `it died of an uncaught error: ${message}`;
}
