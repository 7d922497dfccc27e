/**
 * Runs what was scheduled during this turn of the event loop once, at its end: everything that a burst of handlers or
 * callers wrote leaves together.
 */
export interface Flushable {
  flush(): void;
}

export class Flusher {
  #scheduled: Flushable[] = [];

  schedule(item: Flushable): void {
    if (this.#scheduled.push(item) === 1) process.nextTick(this.#run);
  }

  readonly #run = (): void => {
    const scheduled = this.#scheduled;
    this.#scheduled = [];
    for (const item of scheduled) item.flush();
  };
}
