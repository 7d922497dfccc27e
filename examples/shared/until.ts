import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until a condition holds; throws after `deadlineMs`, naming what was waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 20_000,
): Promise<void> {
  const started = performance.now();
  while (!(await condition())) {
    if (performance.now() - started > deadlineMs) throw new Error(`waited ${deadlineMs} ms for: ${what}`);
    await sleep(10);
  }
}
