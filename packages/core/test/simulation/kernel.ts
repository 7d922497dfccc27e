/**
 * Virtual time: everything that happens is a task at a moment, and the next one runs when all that the one before set off
 * at once (promises, ticks) has run. No moment takes any real time to come, and nothing depends on how fast the machine is.
 */
import { Heap } from '../../src/backends/memory/heap.ts';

/** Whose task it is: so that what belongs to one process can be held up, or never happen. */
export interface Owner {
  readonly name: string;
  /** It has ended: nothing of it happens any more. */
  dead: boolean;
  /** While it stands still: what would have happened. */
  held: Task[] | undefined;
}

interface Task {
  readonly at: number;
  readonly order: number;
  readonly owner: Owner;
  readonly run: () => void;
  readonly first: boolean;
  cancelled: boolean;
}

/** Taken at load: while a simulation runs the global one is virtual. */
const { setImmediate: nextTurn } = globalThis;

/** More tasks than any simulation needs to come to rest. */
const MOST_TASKS = 400_000;

export function newOwner(name: string): Owner {
  return { name, dead: false, held: undefined };
}

/** What is never held up: the backend, the air between it and the nodes, the stage. */
export const WORLD: Owner = newOwner('world');

export class Kernel {
  /** Virtual time since the beginning, ms. */
  elapsed = 0;
  /** Tasks that have run. */
  tasks = 0;
  /** Whose task runs now. */
  current: Owner = WORLD;
  /** What tasks threw, and promises that nobody caught. */
  readonly thrown: unknown[] = [];
  readonly #tasks = new Heap<Task>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  readonly #first: Task[] = [];
  #order = 0;

  /** Runs `run` as a task of `owner` after `ms` milliseconds. The answer cancels it. */
  after(ms: number, run: () => void, owner: Owner = this.current): () => void {
    return this.#add(this.elapsed + ms, run, owner, false);
  }

  /** Runs `run` as a task of `owner` at this moment of virtual time, or now where it has passed. */
  at(at: number, run: () => void, owner: Owner): void {
    this.#add(Math.max(at, this.elapsed), run, owner, false);
  }

  /** Runs `run` as the very next task. */
  next(run: () => void, owner: Owner): void {
    this.#add(this.elapsed, run, owner, true);
  }

  /** Runs `act` now as if it were a task of `owner`: what it sets off later is that owner's. */
  as<Result>(owner: Owner, act: () => Result): Result {
    const before = this.current;
    this.current = owner;
    try {
      return act();
    } finally {
      this.current = before;
    }
  }

  hold(owner: Owner): void {
    owner.held ??= [];
  }

  /** It goes on, with what should have happened meanwhile. */
  release(owner: Owner): void {
    const held = owner.held ?? [];
    owner.held = undefined;
    for (const task of held) {
      if (task.cancelled) continue;
      if (task.first) this.#first.push(task);
      else this.#tasks.push(Object.assign(task, { at: this.elapsed, order: this.#nextOrder() }));
    }
  }

  /** Runs until `main` has settled. */
  run(main: () => Promise<void>): Promise<void> {
    const stray = (reason: unknown): void => void this.thrown.push(reason);
    process.on('unhandledRejection', stray);
    return new Promise<void>((resolve, reject) => {
      let over = false;
      const end = (settle: () => void): void => {
        over = true;
        // What has been rejected by now is reported with the next turn.
        nextTurn(() => {
          process.off('unhandledRejection', stray);
          settle();
        });
      };
      const step = (): void => {
        if (over) return;
        const task = this.#take();
        if (task === undefined) return end(() => reject(new Error('nothing is left to happen, yet it is not over')));
        this.tasks += 1;
        if (this.tasks > MOST_TASKS)
          return end(() => reject(new Error(`it does not come to rest in ${MOST_TASKS} tasks`)));
        nextTurn(step);
        this.#perform(task);
      };
      this.after(
        0,
        () =>
          void main().then(
            () => end(resolve),
            (error: Error) => end(() => reject(error)),
          ),
        WORLD,
      );
      nextTurn(step);
    });
  }

  #perform(task: Task): void {
    this.current = task.owner;
    try {
      task.run();
    } catch (thrown) {
      this.thrown.push(thrown);
    }
  }

  #add(at: number, run: () => void, owner: Owner, first: boolean): () => void {
    const task: Task = { at, order: this.#nextOrder(), owner, run, first, cancelled: false };
    if (first) this.#first.push(task);
    else this.#tasks.push(task);
    return () => {
      task.cancelled = true;
    };
  }

  #nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  /** The next task that may run; those of who stands still are put aside. */
  #take(): Task | undefined {
    for (;;) {
      const task = this.#first.shift() ?? this.#tasks.pop();
      if (task === undefined) return undefined;
      if (task.cancelled || task.owner.dead) continue;
      this.elapsed = Math.max(this.elapsed, task.at);
      if (task.owner.held === undefined) return task;
      task.owner.held.push(task);
    }
  }
}
