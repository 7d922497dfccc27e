/** One check: runs at its times, never twice at once, and remembers how it stands. */
import type { Timers } from '../ground/clock.ts';
import { CheckFailed, messageOf } from '../ground/errors.ts';
import { clip } from './aggregate.ts';
import type { CheckPolicy } from './check-options.ts';
import { afterSilence, afterVerdict, FRESH, MAX_FAILING_MS, type Standing, type Verdict } from './hysteresis.ts';
import { readAnswer, type CheckFn } from './probes/answer.ts';
import { afterProbe, afterTime } from './score.ts';

export interface CheckNeeds {
  readonly timers: Timers;
  /** From 0 to 1; `Math.random` does. */
  random(): number;
  /** A run has ended, and what it said is taken into account. Must not throw. */
  ran(check: Check): void;
  /** How the checks stand may have changed without a run. Must not throw. */
  changed(): void;
}

/** How one run went. */
interface Run extends Verdict {
  readonly ms: number;
  /** Why it failed. */
  readonly error?: unknown;
}

/** How far from its time a run may start, as a part of the interval: so that many nodes do not ask at once. */
const JITTER = 0.1;

export class Check {
  readonly name: string;
  readonly policy: CheckPolicy;
  standing: Standing = FRESH;
  /** Smoothed; undefined before the first run. */
  score: number | undefined;
  /** Smoothed time of the runs that passed, ms. */
  responseMs: number | undefined;
  /** When the last run ended, ms since the epoch. */
  lastAt: number | undefined;
  readonly #fn: CheckFn;
  readonly #needs: CheckNeeds;
  /** One that ignores its signal goes on after its time: no second one is started beside it. */
  #hanging = false;
  #running: Promise<Run> | undefined;
  #abort: AbortController | undefined;
  #cancelNext: () => void = () => {};
  #cancelSilence: () => void = () => {};
  #stopped = false;

  constructor(name: string, fn: CheckFn, policy: CheckPolicy, needs: CheckNeeds) {
    this.name = name;
    this.policy = policy;
    this.#fn = fn;
    this.#needs = needs;
    this.#next(0);
  }

  /** Runs it now, or joins the run under way. Rejects with what the check threw, or with `CheckFailed`. */
  async run(): Promise<void> {
    const { status, reason, error } = await this.#run();
    if (status !== 'unhealthy') return;
    throw error instanceof Error ? error : new CheckFailed(this.name, reason ?? 'it failed', error);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelNext();
    this.#cancelSilence();
    this.#abort?.abort(new CheckFailed(this.name, 'it was taken off'));
  }

  #run(): Promise<Run> {
    this.#running ??= this.#observe().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #observe(): Promise<Run> {
    this.#cancelNext();
    const { clock } = this.#needs.timers;
    const startedAt = clock.elapsed();
    const verdict = await this.#attempt();
    const run = { ...verdict, ms: clock.elapsed() - startedAt };
    if (this.#stopped) return run;
    this.#take(run);
    const { intervalMs, errorIntervalMs } = this.policy;
    this.#next(run.status === 'unhealthy' ? this.#jittered(errorIntervalMs) : this.#jittered(intervalMs) - run.ms);
    this.#needs.ran(this);
    return run;
  }

  #take(run: Run): void {
    const { clock } = this.#needs.timers;
    const failed = run.status === 'unhealthy';
    this.lastAt = clock.now();
    this.score = afterProbe(this.score, failed ? undefined : run.ms);
    if (!failed) this.responseMs = afterTime(this.responseMs, run.ms);
    const before = this.standing;
    this.standing = afterVerdict(before, run, clock.elapsed(), this.policy);
    if (!failed) this.#cancelSilence();
    else if (before.failingSince === undefined) this.#awaitSilence();
  }

  /** However it is set: a check that fails for too long is unhealthy, and those who act on it are told in time. */
  #awaitSilence(): void {
    const { timers, changed } = this.#needs;
    this.#cancelSilence = timers.setTimer(MAX_FAILING_MS, () => {
      this.standing = afterSilence(this.standing, timers.clock.elapsed());
      changed();
    });
  }

  #attempt(): Promise<Omit<Run, 'ms'>> {
    if (this.#hanging) return Promise.resolve(failure('the run before still hangs'));
    const { timeoutMs } = this.policy;
    const abort = new AbortController();
    this.#abort = abort;
    this.#hanging = true;
    return new Promise((resolve) => {
      const cancel = this.#needs.timers.setTimer(timeoutMs, () => {
        const reason = `no answer within ${timeoutMs} ms`;
        const error = new CheckFailed(this.name, reason);
        // First the verdict, then the signal: what the check throws at that is no news.
        resolve(failure(reason, error));
        abort.abort(error);
      });
      void this.#ask(abort.signal).then((verdict) => {
        this.#hanging = false;
        cancel();
        resolve(verdict);
      });
    });
  }

  async #ask(signal: AbortSignal): Promise<Omit<Run, 'ms'>> {
    try {
      const { status, reason } = readAnswer(await this.#fn(signal));
      return { status, reason: reason === undefined ? undefined : clip(reason) };
    } catch (thrown) {
      return failure(messageOf(thrown), thrown);
    }
  }

  #next(ms: number): void {
    this.#cancelNext = this.#needs.timers.setTimer(Math.max(0, ms), () => void this.#run());
  }

  #jittered(ms: number): number {
    return ms * (1 + JITTER * (2 * this.#needs.random() - 1));
  }
}

function failure(reason: string, error?: unknown): Omit<Run, 'ms'> {
  return { status: 'unhealthy', reason: clip(reason), error };
}
