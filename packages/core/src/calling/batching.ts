/** Several requests at once, each with a result of its own. */
import { z } from 'zod';
import { attempt, type Result } from './client.ts';
import { Aborted } from '../ground/errors.ts';
import { count, parseOptions } from '../ground/parse-options.ts';

/** A request under way, or a function that makes one. */
export type BatchPart = Promise<unknown> | (() => Promise<unknown>);
export type BatchParts = readonly BatchPart[] | Readonly<Record<string, BatchPart>>;

/** What a batch makes of its parts: a result under each name, or in each place of a list. */
export type BatchResults<Parts> = { readonly [Name in keyof Parts]: Result<PartValue<Parts[Name]>> };
type PartValue<Part> = Part extends () => infer Made ? Awaited<Made> : Awaited<Part>;

export interface BatchOptions {
  /** Functions that run at once; promises are under way already. Default: all. */
  readonly concurrency?: number | undefined;
  /** What has not begun when it aborts does not begin: its result is `ABORTED`, not executed. */
  readonly signal?: AbortSignal | undefined;
}

const batchOptionsSchema: z.ZodType<BatchOptions> = z.strictObject({
  concurrency: count.optional(),
  signal: z.instanceof(AbortSignal).optional(),
});

/** @throws ConfigError when an option is wrong; nothing has begun then. */
export async function runBatch(parts: BatchParts, options: BatchOptions = {}): Promise<unknown> {
  const { concurrency = Infinity, signal } = parseOptions(batchOptionsSchema, options, 'batch');
  const named = Object.entries(parts);
  const results: (Result<unknown> | undefined)[] = [];
  const underWay: Promise<void>[] = [];
  const run = async (at: number, part: Promise<unknown>): Promise<void> => {
    results[at] = await attempt(part);
  };
  const functions: [at: number, make: () => Promise<unknown>][] = [];
  for (const [at, [, part]] of named.entries()) {
    if (typeof part === 'function') functions.push([at, part]);
    else underWay.push(run(at, part));
  }
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let mine = functions[next++]; mine !== undefined; mine = functions[next++]) {
      const [at, make] = mine;
      const begun = signal?.aborted === true ? aborted(signal) : Promise.resolve().then(make);
      await run(at, begun);
    }
  };
  for (let workers = Math.min(concurrency, functions.length); workers > 0; workers -= 1) underWay.push(worker());
  await Promise.all(underWay);
  return Array.isArray(parts) ? results : Object.fromEntries(named.map(([name], at) => [name, results[at]]));
}

function aborted(signal: AbortSignal): Promise<never> {
  return Promise.reject(new Aborted('batch', signal.reason, 'not-executed'));
}
