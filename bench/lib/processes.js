import { setTimeout as sleep } from 'node:timers/promises';

/** Every process the bench has started and not yet seen end. Each is ended by its pid. */
const running = new Set();
/** How long a process may take to end by itself before it is killed, in milliseconds. */
const GRACE_MS = 3_000;

/**
 * @template {import('node:child_process').ChildProcess} T
 * @param {T} child
 * @returns {T}
 */
export function track(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/** @param {import('node:child_process').ChildProcess} child */
export function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve(undefined)));
}

/** @param {import('node:child_process').ChildProcess} child */
export async function end(child) {
  const gone = ended(child);
  child.kill('SIGTERM');
  const waiting = new AbortController();
  const late = sleep(GRACE_MS, 'late', { signal: waiting.signal }).catch(() => 'ended');
  if ((await Promise.race([gone, late])) === 'late') child.kill('SIGKILL');
  waiting.abort();
  await gone;
}

export async function endAll() {
  await Promise.all([...running].map(end));
}

/** Ends what was started when the bench itself is told to end, then lets the signal have its usual exit code. */
export function endWithUs() {
  for (const [signal, code] of /** @type {const} */ ([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])) {
    process.once(signal, () => {
      void endAll().finally(() => process.exit(code));
    });
  }
  // the last resort, for an exit that nobody awaited
  process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL');
  });
}
