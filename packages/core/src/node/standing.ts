import type { BackendMemory } from '../backend.ts';

/** What a node is at this moment, and how it stands with its backend. Written by the room `life` alone, read by every part. */
export class Standing {
  /** Id as a member; another one after the node has rejoined. */
  id = '';
  /** False before it has joined, and from an eviction until it has joined again. */
  member = false;
  stage: 'starting' | 'draining' | undefined = 'starting';
  closed = false;
  /** When the backend answered a beat last, or let it join, on the monotonic clock, ms. */
  lastBeatAt: number | undefined;
  /** As of the last look. */
  connected = true;
  backendMemory: BackendMemory | undefined;
  /** Resolves when the node has joined again, or closes; undefined while it need not. */
  rejoining: Promise<void> | undefined;
  readonly #closing = new AbortController();

  /** Aborts when the node begins to close. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  beginClosing(): void {
    this.stage = 'draining';
    this.#closing.abort();
  }
}
