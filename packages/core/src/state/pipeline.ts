/** Many operations in one round trip: each has a result of its own. */
import { asHomeostatError, type HomeostatError } from '../ground/errors.ts';
import type { StateOperation, StateStore } from '../ports/state.ts';
import { checkSize } from './bounds.ts';
import type { StateLifetime, StateSetOptions } from './options.ts';
import type { CasResult, StateEntry, Step, Steps } from './steps.ts';

declare const result: unique symbol;

/** An operation that waits for its pipeline to leave. */
export interface Queued<Result> {
  /** Its position among the results. */
  readonly index: number;
  /** In types only. */
  readonly [result]?: Result;
}

export type PipelineResult<Result> =
  | { readonly ok: true; readonly value: Result }
  | { readonly ok: false; readonly error: HomeostatError };

/** The results of the operations that a pipeline's function answers with; of all, in order, where it answers nothing. */
export type PipelineResults<Built> = Built extends readonly Queued<unknown>[]
  ? { readonly [Index in keyof Built]: Built[Index] extends Queued<infer Result> ? PipelineResult<Result> : never }
  : readonly PipelineResult<unknown>[];

/** Takes operations down, each as the method of `State` by that name. */
export class StatePipeline<In, Out> {
  readonly #steps: Steps<In, Out>;
  readonly #taken: Step<unknown>[];

  constructor(steps: Steps<In, Out>, taken: Step<unknown>[]) {
    this.#steps = steps;
    this.#taken = taken;
  }

  get(key: string): Queued<Out | undefined> {
    return this.#take(this.#steps.get(key));
  }

  entry(key: string): Queued<StateEntry<Out> | undefined> {
    return this.#take(this.#steps.entry(key));
  }

  set(key: string, value: In, options?: StateSetOptions): Queued<boolean> {
    return this.#take(this.#steps.set(key, value, options));
  }

  cas(key: string, expectedRevision: number, value: In, options?: StateLifetime): Queued<CasResult<Out>> {
    return this.#take(this.#steps.cas(key, expectedRevision, value, options));
  }

  delete(key: string): Queued<boolean> {
    return this.#take(this.#steps.delete(key));
  }

  has(key: string): Queued<boolean> {
    return this.#take(this.#steps.has(key));
  }

  ttl(key: string): Queued<number | undefined> {
    return this.#take(this.#steps.ttl(key));
  }

  touch(key: string, ttlMs?: number): Queued<boolean> {
    return this.#take(this.#steps.touch(key, ttlMs));
  }

  #take<Result>(step: Step<Result>): Queued<Result> {
    return { index: this.#taken.push(step) - 1 };
  }
}

/** Sends what can be sent in one step; what cannot has failed by itself. Rejects when none was carried out. */
export async function runPipeline(
  store: StateStore,
  space: string,
  steps: readonly Step<unknown>[],
  maxBodyBytes: number,
): Promise<readonly PipelineResult<unknown>[]> {
  const made = await Promise.allSettled(steps.map(({ operation }) => operation));
  const operations: StateOperation[] = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  checkSize(space, operations, maxBodyBytes);
  const answers = (operations.length === 0 ? [] : await store.each(space, operations)).values();
  const settling = steps.map(async (step, index): Promise<PipelineResult<unknown>> => {
    try {
      const one = made[index];
      if (one?.status === 'rejected') throw one.reason;
      return { ok: true, value: await step.read(answers.next().value) };
    } catch (thrown) {
      return { ok: false, error: asHomeostatError(thrown) };
    }
  });
  return Promise.all(settling);
}

/** The results that were asked for by answering with their operations, or all. */
export function picked<Built>(built: Built, results: readonly PipelineResult<unknown>[]): PipelineResults<Built> {
  const wanted = areQueued(built) ? built.map(({ index }) => results[index]) : results;
  return wanted as PipelineResults<Built>;
}

function areQueued(built: unknown): built is readonly Queued<unknown>[] {
  return (
    Array.isArray(built) &&
    built.every((one: Partial<Queued<unknown>> | null | undefined) => Number.isInteger(one?.index))
  );
}
