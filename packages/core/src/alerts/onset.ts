/** What is told only when it has lasted: raised with `onDelayMs`, it waits here, and is not told if it is over before. */
import type { Timers } from '../ground/clock.ts';
import type { Alert, Raised } from './alert.ts';
import { merged } from './merge.ts';

interface Waiting {
  raised: Raised;
  readonly promise: Promise<Alert>;
  readonly resolve: (alert: Alert | Promise<Alert>) => void;
  readonly cancel: () => void;
}

export interface OnsetNeeds {
  readonly timers: Timers;
  tell(raised: Raised): Promise<Alert>;
  /** What it would have been. */
  local(raised: Raised): Alert;
}

export class Onset {
  readonly #needs: OnsetNeeds;
  /** By fingerprint. */
  readonly #waiting = new Map<string, Waiting>();
  #withdrawn = 0;

  constructor(needs: OnsetNeeds) {
    this.#needs = needs;
  }

  /** Conditions that were over before they were told. */
  get withdrawn(): number {
    return this.#withdrawn;
  }

  /** Resolves with the alert when it is told; where it is over before, with what it would have been, as resolved. */
  add(raised: Raised, delayMs: number): Promise<Alert> {
    const { fingerprint } = raised;
    const before = this.#waiting.get(fingerprint);
    if (before !== undefined) {
      before.raised = merged(before.raised, raised);
      return before.promise;
    }
    let resolve!: Waiting['resolve'];
    const promise = new Promise<Alert>((settle) => (resolve = settle));
    const cancel = this.#needs.timers.setTimer(delayMs, () => {
      this.#waiting.delete(fingerprint);
      resolve(this.#needs.tell(waiting.raised));
    });
    const waiting: Waiting = { raised, promise, resolve, cancel };
    this.#waiting.set(fingerprint, waiting);
    return promise;
  }

  /** It is over. Answers whether it had not been told yet. */
  withdraw(fingerprint: string): boolean {
    const waiting = this.#waiting.get(fingerprint);
    if (waiting === undefined) return false;
    this.#waiting.delete(fingerprint);
    this.#withdrawn += 1;
    waiting.cancel();
    waiting.resolve({ ...this.#needs.local(waiting.raised), state: 'resolved', resolution: 'cleared' });
    return true;
  }

  close(): void {
    for (const fingerprint of [...this.#waiting.keys()]) this.withdraw(fingerprint);
  }
}
