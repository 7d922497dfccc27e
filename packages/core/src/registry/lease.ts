/** An instance held for a while: it counts as one in flight there, so that others are preferred by whoever looks at that. */
import type { Clock, Timers } from '../ground/clock.ts';
import type { Instance } from './instance.ts';

/** A lease ends by itself after this long, ms. */
export const DEFAULT_LEASE_MS = 30_000;

export interface Lease extends Disposable {
  readonly instance: Instance;
  /** When it ends by itself: on the clock's `elapsed()`, ms. */
  readonly endsAt: number;
  readonly ended: boolean;
  /** Gives it back. Once it has ended this does nothing. */
  close(): void;
}

export interface LeasesNeeds {
  readonly clock: Clock;
  readonly setTimer: Timers['setTimer'];
  started(service: string, nodeId: string): void;
  ended(service: string, nodeId: string): void;
}

export class Leases {
  readonly #needs: LeasesNeeds;
  readonly #open = new Set<Lease>();

  constructor(needs: LeasesNeeds) {
    this.#needs = needs;
  }

  grant(instance: Instance, ttlMs: number): Lease {
    const { service, nodeId } = instance;
    let ended = false;
    const close = (): void => {
      if (ended) return;
      ended = true;
      cancel();
      this.#open.delete(lease);
      this.#needs.ended(service, nodeId);
    };
    const lease: Lease = {
      instance,
      endsAt: this.#needs.clock.elapsed() + ttlMs,
      get ended() {
        return ended;
      },
      close,
      [Symbol.dispose]: close,
    };
    const cancel = this.#needs.setTimer(ttlMs, close);
    this.#open.add(lease);
    this.#needs.started(service, nodeId);
    return lease;
  }

  close(): void {
    for (const lease of [...this.#open]) lease.close();
  }
}
