/** What is measured in a process of its own, in rounds, with no subject beside it: single decisions, alerts. */
import { fork } from 'node:child_process';
import { end, track } from './processes.js';

/** @import { DecisionFigures } from '../decisions/measure.js' */

/** All of it in all rounds takes no longer, in milliseconds. */
const LIMIT_MS = 300_000;

/**
 * @typedef {object} ApartPlan
 * @property {{ version: string, execPath: string }} node
 * @property {number} runs
 * @property {{ redisUrl: string }} servers
 * @property {import('./redis-probe.js').RedisProbe} redis
 * @property {(text: string) => void} progress
 *
 * @param {string} name
 * @param {string} main is given where and how as JSON; tells its parent the figures, or what went wrong
 * @param {number} ms what each figure gets in each round
 * @param {ApartPlan} plan
 * @returns {Promise<{ node: string, figures: DecisionFigures[] }>}
 */
export async function runApart(name, main, ms, { node, runs, servers: { redisUrl }, redis, progress }) {
  progress(`node ${node.version} · ${name} · ${runs} rounds`);
  const prefix = `bench${process.pid}${name}`;
  const how = JSON.stringify({ redisUrl, prefix, rounds: runs, ms });
  const child = track(
    fork(main, [how], { execPath: node.execPath, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
  );
  try {
    return { node: node.version, figures: await answerOf(name, child) };
  } finally {
    await end(child);
    await redis.deleteKeys(prefix);
  }
}

/**
 * @param {string} name
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<DecisionFigures[]>}
 */
function answerOf(name, child) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${name}: no answer within ${LIMIT_MS} ms`)), LIMIT_MS);
    child.once('message', (/** @type {{ figures?: DecisionFigures[], error?: string }} */ { figures, error }) => {
      clearTimeout(late);
      if (figures === undefined) reject(new Error(`${name}: ${error}`));
      else resolve(figures);
    });
    child.once('exit', (code) => {
      clearTimeout(late);
      reject(new Error(`${name}: the process ended (${code})`));
    });
  });
}
