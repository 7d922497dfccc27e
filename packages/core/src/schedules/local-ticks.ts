/** Runs a function of this node alone at its ticks; a tick that finds it still running goes by. */
import type { Timers } from '../ground/clock.ts';
import { HandlerTimeout, messageOf, NodeClosed } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { beginning, ticksOf, type Ticks } from './ticks.ts';
import type { StoredWhen } from './when.ts';

/** A clock may be set, and a machine may sleep: it is looked at this often at least, ms. */
const MAX_WAIT_MS = 10_000;

export interface LocalTicksNeeds {
  readonly when: StoredWhen;
  readonly startAt: number | undefined;
  readonly run: (tick: { readonly at: number; readonly signal: AbortSignal; readonly log: Log }) => unknown;
  readonly maxRunMs: number;
  readonly timers: Timers;
  readonly log: Log;
}

export class LocalTicks {
  readonly #needs: LocalTicksNeeds;
  readonly #ticks: Ticks;
  /** A start was named, and has not come. */
  #isToStart: boolean;
  #next: number | undefined;
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #controller: AbortController | undefined;
  /** Ends the wait for the longest that a run may take. */
  #unbound: () => void = () => undefined;
  #closed = false;

  constructor(needs: LocalTicksNeeds) {
    const { when, startAt, timers } = needs;
    const from = beginning(when, startAt, timers.clock.now());
    this.#needs = needs;
    this.#isToStart = startAt !== undefined;
    this.#ticks = ticksOf(when, from);
    this.#next = this.#ticks.after(from - 1);
    this.#arm();
  }

  /** Begins nothing more; resolves when nothing runs. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#running;
  }

  /** Tells what runs to stop. */
  giveUp(): void {
    this.#unbound();
    this.#controller?.abort(new NodeClosed('tick', 'unknown'));
  }

  #arm(): void {
    const { timers } = this.#needs;
    if (this.#next === undefined || this.#closed) return;
    const waitMs = Math.max(1, Math.ceil(this.#next - timers.clock.now()));
    this.#cancel = timers.setTimer(Math.min(waitMs, MAX_WAIT_MS), () => this.#look());
  }

  #look(): void {
    const now = this.#needs.timers.clock.now();
    this.#followBack(now);
    if (this.#next !== undefined && this.#next <= now) {
      const at = this.#ticks.latest(this.#next, now);
      this.#next = 'every' in this.#needs.when ? at + this.#needs.when.every : this.#ticks.after(now);
      this.#isToStart = false;
      // It stands there before the function runs: that may want to end this.
      this.#running ??= Promise.resolve()
        .then(() => this.#run(at))
        .finally(() => (this.#running = undefined));
    }
    this.#arm();
  }

  /** The clock was set back: what runs every so often does not wait until it has caught up. */
  #followBack(now: number): void {
    const { when } = this.#needs;
    if (!('every' in when) || this.#isToStart || this.#next === undefined) return;
    const aheadMs = this.#next - now;
    if (aheadMs > when.every) this.#next -= Math.floor(aheadMs / when.every) * when.every;
  }

  async #run(at: number): Promise<void> {
    const { run, maxRunMs, timers, log } = this.#needs;
    const controller = new AbortController();
    this.#controller = controller;
    this.#unbound = timers.setTimer(maxRunMs, () => controller.abort(new HandlerTimeout('tick', maxRunMs)));
    try {
      await run({ at, log, signal: controller.signal });
    } catch (thrown) {
      tickFailed(log, run.name, thrown);
    } finally {
      this.#unbound();
      this.#controller = undefined;
    }
  }
}

export function tickFailed(log: Log, name: string, thrown: unknown): void {
  log.error(
    { evt: 'tick_failed', name, reason: messageOf(thrown) },
    'a function that runs by the clock has failed; it runs again at its next tick',
  );
}
