import { setMaxListeners } from 'node:events';

/** Calls `act` once, when the signal aborts; not where it has aborted already. Answers how to take that back. */
export function whenAborted(signal: AbortSignal, act: () => void): () => void {
  // One signal may end any number of things: Node would take more than ten for a leak, and warn.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', act, { once: true });
  return () => signal.removeEventListener('abort', act);
}
