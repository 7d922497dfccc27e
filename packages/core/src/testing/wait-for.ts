import { sleep } from '../ground/loop.ts';

export interface WaitForOptions {
  /** How long the condition may take, ms. */
  readonly withinMs: number;
  /** What is waited for, as the end of "waited … ms for": `the second reply`. */
  readonly what: string;
}

/** Between two looks, ms. */
const POLL_MS = 5;

/** Asks until the answer is truthy and resolves with it. Rejects with a sentence when that takes longer than `withinMs`. */
export async function waitFor<Value>(
  condition: () => Value | Promise<Value>,
  options: WaitForOptions,
): Promise<NonNullable<Value>> {
  const startedAt = performance.now();
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() - startedAt >= options.withinMs) {
      throw new Error(
        `waited ${options.withinMs} ms for ${options.what}, in vain; the last answer was ${String(value)}`,
      );
    }
    await sleep(POLL_MS);
  }
}
