/** Runs what is asked for under one name one after the other, and what is of different names side by side. */
export class OneByOne {
  readonly #tails = new Map<string, Promise<void>>();

  has(name: string): boolean {
    return this.#tails.has(name);
  }

  /** Begins before it returns where nothing of the name is under way. Settles as `act` does. */
  run<Value>(name: string, act: () => Promise<Value>): Promise<Value> {
    const before = this.#tails.get(name);
    const running = before === undefined ? act() : before.then(act);
    const tail = running.then(noop, noop).then(() => {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    });
    this.#tails.set(name, tail);
    return running;
  }
}

function noop(): void {}
