/**
 * Runs `step` until the signal aborts. `step` answers how many milliseconds to sleep before it runs again.
 * A step that throws ends the loop: what may fail is handled inside the step.
 */
export async function loop(signal: AbortSignal, step: () => Promise<number> | number): Promise<void> {
  while (!signal.aborted) {
    const sleepMs = await step();
    if (sleepMs > 0) await sleep(sleepMs, signal);
  }
}

/** Resolves after `ms` milliseconds, or at once when the signal aborts. Keeps the process alive while it waits. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
