/** What has an id runs once: the others wait for its answer, or get the one that is kept. */
import type { Delivery } from '../delivery.ts';
import type { Gate, Refusal } from '../gate.ts';
import type { OnceRuns } from '../once/runs.ts';

/** Stands last: whatever it lets pass is the run of its id until it has ended. */
export class OnceGate implements Gate {
  readonly ofExtras = true;
  readonly #runs: OnceRuns;

  constructor(runs: OnceRuns) {
    this.#runs = runs;
  }

  enter(delivery: Delivery): undefined | Promise<Refusal | undefined> {
    return delivery.id === undefined ? undefined : this.#runs.begin(delivery);
  }
}
