/** A second try of a query that is slow to answer: the first success wins, the other is aborted. */
import type { Timers } from '../ground/clock.ts';
import { Aborted } from '../ground/errors.ts';
import { whenAborted } from '../ground/when-aborted.ts';
import type { Layer, Request, Send } from './request.ts';

/** @param afterMs without an answer for this long, the second try is sent. Requests that are no queries pass as they are. */
export function hedging(timers: Timers, afterMs: number): Layer {
  return (next) => (request) =>
    request.kind !== 'query' || request.atMostOnce === true || request.signal?.aborted === true
      ? next(request)
      : new Race(timers, afterMs, next, request).run();
}

/** The tries of one request, each with a signal of its own. */
class Race {
  readonly #timers: Timers;
  readonly #afterMs: number;
  readonly #next: Send;
  readonly #request: Request;
  readonly #tries: AbortController[] = [];
  #failed = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(timers: Timers, afterMs: number, next: Send, request: Request) {
    this.#timers = timers;
    this.#afterMs = afterMs;
    this.#next = next;
    this.#request = request;
  }

  run(): Promise<unknown> {
    const { signal, subject } = this.#request;
    return new Promise((resolve, reject) => {
      const abortAll = (): void => this.#end(signal?.reason);
      const settle = (end: () => void): void => {
        unfollow?.();
        this.#end(new Aborted(subject, 'another try has answered'));
        end();
      };
      const start = (): void => {
        this.#try().then(
          (value) => settle(() => resolve(value)),
          (thrown: unknown) => {
            this.#failed += 1;
            // While the other one runs it may still succeed; a failure before it began is for `retry` to judge.
            if (this.#failed === this.#tries.length) settle(() => reject(thrown));
          },
        );
      };
      const unfollow = signal && whenAborted(signal, abortAll);
      start();
      this.#cancelTimer = this.#timers.setTimer(this.#afterMs, start);
    });
  }

  #try(): Promise<unknown> {
    const own = new AbortController();
    this.#tries.push(own);
    return this.#next({ ...this.#request, signal: own.signal });
  }

  #end(reason: unknown): void {
    this.#cancelTimer?.();
    for (const one of this.#tries) one.abort(reason);
  }
}
