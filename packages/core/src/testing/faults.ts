import { TransportError } from '../ground/errors.ts';

/** Calls whose reply can be lost. */
export type Faultable = 'append' | 'reply' | 'settle' | 'commit' | 'once';

/** What is wrong just now between the links of one faulty backend and what is behind it. */
export class Faults {
  asleep = false;
  /** News and the alert log get lost. */
  deaf = false;
  /** How many of the next claims arrive again after they were settled. */
  repeats = 0;
  readonly #drops: (Faultable | 'any')[] = [];
  readonly #inFlight = new Set<(error: Error) => void>();
  readonly #onWake = new Set<() => void>();

  /** Runs one call through the faults. */
  async call<Result>(name: Faultable | 'other', act: () => Promise<Result>): Promise<Result> {
    this.#refuseAsleep();
    const dropped = name !== 'other' && this.#takeDrop(name);
    const result = await this.#untilCut(act());
    if (dropped) throw new TransportError(`the reply of ${name} was dropped`, { outcome: 'unknown' });
    return result;
  }

  /** Begins what is the node's own doing: it is refused, or its answer arrives. */
  async begin<Result>(act: () => Promise<Result>): Promise<Result> {
    this.#refuseAsleep();
    return act();
  }

  dropNext(of: Faultable | 'any'): void {
    this.#drops.push(of);
  }

  /** Every call in flight is carried out and its caller does not learn it. */
  cut(): void {
    for (const reject of this.#inFlight) reject(new TransportError('the connection was cut', { outcome: 'unknown' }));
    this.#inFlight.clear();
  }

  sleep(): void {
    this.asleep = true;
  }

  wake(): void {
    this.asleep = false;
    for (const listener of this.#onWake) listener();
  }

  /** Calls `listener` at every waking until the answer is called. */
  whenAwake(listener: () => void): () => void {
    this.#onWake.add(listener);
    return () => this.#onWake.delete(listener);
  }

  #refuseAsleep(): void {
    if (this.asleep) throw new TransportError('the faulty backend sleeps', { outcome: 'not-executed' });
  }

  #takeDrop(name: Faultable): boolean {
    const index = this.#drops.findIndex((of) => of === 'any' || of === name);
    if (index === -1) return false;
    this.#drops.splice(index, 1);
    return true;
  }

  #untilCut<Result>(running: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#inFlight.add(reject);
      running.then(resolve, reject).finally(() => this.#inFlight.delete(reject));
    });
  }
}
