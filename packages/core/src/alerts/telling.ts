/**
 * Tells what hurts, whatever becomes of the backend: what it does not take, or not soon, is kept in the ring, and this
 * node's own program hears of it at once.
 */
import type { Timers } from '../ground/clock.ts';
import type { Alert, Raised } from './alert.ts';
import { newAlertId } from './new-id.ts';
import { mayPass, wasSent, type Ring } from './ring.ts';

/** A backend that has not taken a raise after this is taken for away, ms. */
const LOCAL_AFTER_MS = 1_000;
/** The end of that: a loop that stood for longer reads what the backend has answered meanwhile, ms. */
const READ_MS = 10;

export interface TellingNeeds {
  readonly timers: Timers;
  readonly ring: Ring;
  /** Carries it out. */
  raise(raised: Raised, id: string): Promise<Alert>;
  clear(fingerprint: string): Promise<void>;
  /** As far as this node can judge it by itself. */
  local(raised: Raised, id: string): Alert;
}

export class Telling {
  readonly #needs: TellingNeeds;

  constructor(needs: TellingNeeds) {
    this.#needs = needs;
  }

  /** Resolves when it is told, or kept. Rejects only where it can never be told. */
  raise(raised: Raised): Promise<Alert> {
    const { ring, timers, raise } = this.#needs;
    const id = newAlertId();
    if (ring.has(raised.fingerprint)) {
      const alert = this.#keep(raised, id, false);
      void ring.flush();
      return Promise.resolve(alert);
    }
    return new Promise((resolve, reject) => {
      let kept = false;
      const keep = (sent: boolean): void => {
        kept = true;
        resolve(this.#keep(raised, id, sent));
      };
      let cancel = timers.setTimer(LOCAL_AFTER_MS - READ_MS, () => {
        cancel = timers.setTimer(READ_MS, () => keep(true));
      });
      raise(raised, id).then(
        (alert) => {
          cancel();
          if (kept) ring.forget(raised.token);
          else resolve(alert);
        },
        (thrown: unknown) => {
          cancel();
          if (kept) return;
          if (mayPass(thrown)) keep(wasSent(thrown));
          else reject(thrown);
        },
      );
    });
  }

  /** Resolves when it is told, or kept. */
  async clear(fingerprint: string): Promise<void> {
    const { ring, clear } = this.#needs;
    if (ring.has(fingerprint)) {
      ring.keepClear(fingerprint);
      void ring.flush();
      return;
    }
    try {
      await clear(fingerprint);
    } catch (thrown) {
      if (!mayPass(thrown)) throw thrown;
      ring.keepClear(fingerprint);
    }
  }

  #keep(raised: Raised, id: string, sent: boolean): Alert {
    const alert = this.#needs.local(raised, id);
    this.#needs.ring.keepRaise(raised, alert, sent);
    return alert;
  }
}
