/** How long it takes from a raise here until the handler of another process has it. */
import { monotonicMs } from '../lib/stats.js';

/** Longest wait for the other one to be told, in milliseconds. */
const HEAR_MS = 10_000;
let kinds = 0;

/**
 * @param {Awaited<ReturnType<typeof import('../../packages/homeostat/dist/src/index.js').createNode>>} here
 * @param {import('node:child_process').ChildProcess} there
 * @returns {() => Promise<number>} raises another kind each time and ends it, in milliseconds
 */
export function telling(here, there) {
  return async () => {
    const kind = `pain-${kinds++}`;
    const told = heard(there, kind);
    const startedAt = monotonicMs();
    const raised = here.pain({ kind, message: 'it hurts', severity: 'critical' });
    const tookMs = (await told) - startedAt;
    const { id } = await raised;
    await here.alerts.resolve(id);
    return tookMs;
  };
}

/**
 * When the other one was told, in monotonic milliseconds.
 *
 * @param {import('node:child_process').ChildProcess} there
 * @param {string} kind
 * @returns {Promise<number>}
 */
function heard(there, kind) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the other node was not told of ${kind}`)), HEAR_MS);
    const hear = (/** @type {{ kind: string, at: number }} */ told) => {
      if (told.kind !== kind) return;
      clearTimeout(late);
      there.off('message', hear);
      resolve(told.at);
    };
    there.on('message', hear);
  });
}
