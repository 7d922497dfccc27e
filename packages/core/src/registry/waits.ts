/** Those who wait until somebody serves what they need. */
import type { Timers } from '../ground/clock.ts';
import { Aborted, type HomeostatError } from '../ground/errors.ts';
import { whenAborted } from '../ground/when-aborted.ts';

export interface WaitOptions {
  /** Default 30 s. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How long is waited for services, ms. */
const DEFAULT_WAIT_MS = 30_000;

interface Wait {
  readonly names: readonly string[];
  end(error?: HomeostatError): void;
}

export interface WaitsNeeds {
  readonly setTimer: Timers['setTimer'];
  /** What is wrong with the first of the services that cannot be called; undefined when all can. */
  lacking(names: readonly string[]): HomeostatError | undefined;
}

export class Waits {
  readonly #needs: WaitsNeeds;
  readonly #waits = new Set<Wait>();
  #closed: HomeostatError | undefined;

  constructor(needs: WaitsNeeds) {
    this.#needs = needs;
  }

  wait(names: readonly string[], { timeoutMs = DEFAULT_WAIT_MS, signal }: WaitOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) throw this.#closed;
      if (this.#needs.lacking(names) === undefined) return resolve();
      const aborted = (): void =>
        wait.end(new Aborted(`waiting for ${names.join(', ')}`, signal?.reason, 'not-executed'));
      const wait: Wait = {
        names,
        end: (error) => {
          this.#waits.delete(wait);
          cancel();
          unfollow?.();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const cancel = this.#needs.setTimer(timeoutMs, () => wait.end(this.#needs.lacking(names)));
      const unfollow = signal && whenAborted(signal, aborted);
      if (signal?.aborted === true) return aborted();
      this.#waits.add(wait);
    });
  }

  /** Something has changed: some may have what they wait for. */
  look(): void {
    for (const wait of [...this.#waits]) if (this.#needs.lacking(wait.names) === undefined) wait.end();
  }

  close(error: HomeostatError): void {
    this.#closed = error;
    for (const wait of [...this.#waits]) wait.end(error);
  }
}
