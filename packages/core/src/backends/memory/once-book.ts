import type { Clock } from '../../ground/clock.ts';
import type { OnceAnswer, OnceBegin, OnceBegun, OnceEnd, OnceEnded, OnceRun, OnceWaiter } from '../../ports/once.ts';
import { Heap } from './heap.ts';

interface Entry {
  message: string;
  node: string;
  isCast: boolean;
  /** `free`: it has ended without an answer, and its waiters may not know. */
  state: 'runs' | 'done' | 'free';
  answer: OnceAnswer | undefined;
  until: number;
  readonly waiters: Map<string, OnceWaiter>;
}

interface Ending {
  readonly key: string;
  readonly until: number;
}

/** The ids of a world, by mailbox and name. */
export class OnceBook {
  readonly #clock: Clock;
  readonly #lives: (node: string) => boolean;
  readonly #entries = new Map<string, Entry>();
  /** Soonest first. An entry that lives longer by now leaves its older endings behind. */
  readonly #endings = new Heap<Ending>((a, b) => a.until < b.until);

  constructor(clock: Clock, lives: (node: string) => boolean) {
    this.#clock = clock;
    this.#lives = lives;
  }

  begin(begin: OnceBegin, node: string): OnceBegun {
    const { message, waiter, maxWaiters, holdMs } = begin;
    const key = keyOf(begin);
    const known = this.#find(key);
    if (known?.state === 'done') {
      const { answer } = known;
      const waiters = known.message === message ? [...known.waiters.values()] : [];
      return { kind: 'done', answer: copyOf(answer!), waiters };
    }
    if (known?.state === 'runs' && known.message !== message && this.#lives(known.node)) {
      if (waiter === undefined) return { kind: known.isCast ? 'waits' : 'busy' };
      if (!known.waiters.has(nameOf(waiter)) && known.waiters.size >= maxWaiters) return { kind: 'busy' };
      known.waiters.set(nameOf(waiter), { ...waiter });
      return { kind: 'waits' };
    }
    const waiters = known?.waiters ?? new Map<string, OnceWaiter>();
    // It is answered as the run, not as one who waits for it.
    if (waiter !== undefined) waiters.delete(nameOf(waiter));
    const isCast = waiter === undefined;
    this.#set(key, { message, node, isCast, state: 'runs', answer: undefined, waiters }, holdMs);
    return { kind: 'run', inherited: known?.state === 'runs' && known.message !== message };
  }

  end(run: OnceRun, end: OnceEnd, node: string): OnceEnded {
    const key = keyOf(run);
    const known = this.#find(key);
    if (known !== undefined && known.message !== run.message) return { kind: 'lost' };
    if (known === undefined && end.kind === 'free') return { kind: 'ended', waiters: [] };
    if (known !== undefined && known.state !== 'runs')
      return (known.state === 'done') === (end.kind === 'keep')
        ? { kind: 'ended', waiters: [...known.waiters.values()] }
        : { kind: 'lost' };
    if (known !== undefined && known.node !== node && !(end.kind === 'free' && end.wherever)) return { kind: 'lost' };
    const waiters = known?.waiters ?? new Map<string, OnceWaiter>();
    const isCast = known?.isCast ?? true;
    const entry = { message: run.message, node, isCast, waiters };
    if (end.kind === 'keep') this.#set(key, { ...entry, state: 'done', answer: copyOf(end.answer) }, end.keepMs);
    else if (waiters.size === 0) this.#entries.delete(key);
    else known!.state = 'free';
    return { kind: 'ended', waiters: [...waiters.values()] };
  }

  told(run: OnceRun): void {
    const key = keyOf(run);
    const known = this.#find(key);
    if (known === undefined || known.message !== run.message || known.state === 'runs') return;
    known.waiters.clear();
    if (known.state === 'free') this.#entries.delete(key);
  }

  #set(key: string, entry: Omit<Entry, 'until'>, lifeMs: number): void {
    const until = this.#clock.now() + lifeMs;
    this.#entries.set(key, { ...entry, until });
    this.#endings.push({ key, until });
  }

  #find(key: string): Entry | undefined {
    const now = this.#clock.now();
    for (let next = this.#endings.peek(); next !== undefined && next.until <= now; next = this.#endings.peek()) {
      this.#endings.pop();
      if (this.#entries.get(next.key)?.until === next.until) this.#entries.delete(next.key);
    }
    return this.#entries.get(key);
  }
}

function keyOf({ mailbox, name }: OnceRun): string {
  return `${mailbox} ${name}`;
}

function nameOf({ inbox, correlation }: OnceWaiter): string {
  return `${inbox} ${correlation}`;
}

/** Bytes that nobody else holds. */
function copyOf({ failed, body }: OnceAnswer): OnceAnswer {
  return { failed, body: body === undefined ? undefined : new Uint8Array(body) };
}
