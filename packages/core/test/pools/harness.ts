import type { ExecutionContext } from 'ava';
import { encodeBody, readBody } from '../../src/wire/frame.ts';
import type { Log } from '../../src/ground/log.ts';
import type { Job, JobContext, JobOutcome } from '../../src/serving/pool.ts';
import { threadPool, type ThreadPool, type ThreadPoolOptions } from '../../src/serving/pools/threads.ts';

export const HARD: URL = fixture('hard');

export function fixture(name: string): URL {
  return new URL(`./fixtures/${name}.actor.js`, import.meta.url);
}

export interface Line {
  readonly level: string;
  readonly bindings: Record<string, unknown>;
  readonly message: string;
}

/** A log that keeps its lines. */
export function keepingLog(): Log & { readonly lines: Line[] } {
  const lines: Line[] = [];
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [
    level,
    (bindings: Record<string, unknown>, message: string) => void lines.push({ level, bindings, message }),
  ]);
  return Object.assign(Object.fromEntries(levels) as Log, { lines });
}

/** A pool of the test, closed with it. */
export async function pool(t: ExecutionContext, options: Partial<ThreadPoolOptions> = {}): Promise<ThreadPool> {
  const made = await threadPool({ module: HARD, threads: 1, log: keepingLog(), ...options });
  t.teardown(() => made.close(0));
  return made;
}

export function job(method: string, input?: unknown, context: Partial<JobContext> = {}): Job {
  return {
    method,
    body: encodeBody(input, 4 * 1024 * 1024),
    context: { messageId: 'm/1.0', attempt: 1, deadline: 0, remainingMs: 0, caller: 'tester', ...context },
  };
}

export const LIMIT_MS = 20_000;
/** What a busy machine may add to any moment, ms. */
export const SLACK_MS = 1_500;

export function run(
  made: ThreadPool,
  method: string,
  input?: unknown,
  limitMs: number = LIMIT_MS,
): Promise<JobOutcome> {
  return made.run(job(method, input), { limitMs });
}

/** The value of a good outcome, or a word about the bad one. */
export function value(outcome: JobOutcome): unknown {
  if (!outcome.ok) throw new Error(`not ok: ${JSON.stringify(outcome.error)}`);
  return outcome.body === undefined ? undefined : readBody(outcome.body, 0, outcome.body.byteLength);
}

export function error(outcome: JobOutcome): Extract<JobOutcome, { ok: false }>['error'] {
  if (outcome.ok) throw new Error('ok, though it should not be');
  return outcome.error;
}

/** Waits for a condition; fails after ten seconds. */
export async function until(what: string, met: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!met()) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
