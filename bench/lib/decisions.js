import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LENGTHS, SELECT } from '../decisions/select.js';
import { end, track } from './processes.js';
import { markdown, number } from './table.js';

/** @import { DecisionFigures } from '../decisions/measure.js' */

/** The name by which `--works` asks for them. */
export const DECISIONS = 'decisions';
const MAIN = fileURLToPath(new URL('../decisions/main.js', import.meta.url));
/** What each decision gets in each round, in milliseconds. */
const MEASURED_MS = 60;
/** All of them in all rounds take no longer, in milliseconds. */
const LIMIT_MS = 300_000;

/**
 * Measures what single decisions cost, in a process of their own.
 *
 * @param {{ node: { version: string, execPath: string }, runs: number, servers: { redisUrl: string }, redis: import('./redis-probe.js').RedisProbe, progress: (text: string) => void }} plan
 * @returns {Promise<{ node: string, figures: DecisionFigures[] }>}
 */
export async function runDecisions({ node, runs, servers: { redisUrl }, redis, progress }) {
  progress(`node ${node.version} · ${DECISIONS} · ${runs} rounds`);
  const prefix = `bench${process.pid}decisions`;
  const how = JSON.stringify({ redisUrl, prefix, rounds: runs, ms: MEASURED_MS });
  const child = track(
    fork(MAIN, [how], { execPath: node.execPath, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
  );
  try {
    return { node: node.version, figures: await answerOf(child) };
  } finally {
    await end(child);
    await redis.deleteKeys(prefix);
  }
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<DecisionFigures[]>}
 */
function answerOf(child) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${DECISIONS}: no answer within ${LIMIT_MS} ms`)), LIMIT_MS);
    child.once('message', (/** @type {{ figures?: DecisionFigures[], error?: string }} */ { figures, error }) => {
      clearTimeout(late);
      if (figures === undefined) reject(new Error(`${DECISIONS}: ${error}`));
      else resolve(figures);
    });
    child.once('exit', (code) => {
      clearTimeout(late);
      reject(new Error(`${DECISIONS}: the process ended (${code})`));
    });
  });
}

/**
 * One line for each decision, as works have one for each subject.
 *
 * @param {{ node: string, figures: DecisionFigures[] }[]} results
 */
export function decisionLines(results) {
  return results.flatMap(({ node, figures }) =>
    figures.map(({ name, median, min, max, p99, runs }) => ({
      work: DECISIONS,
      subject: name,
      unit: 'µs',
      ...{ median: rounded(median), min: rounded(min), max: rounded(max), p99: rounded(p99), runs },
      ...(results.length > 1 ? { node } : {}),
    })),
  );
}

/**
 * Two tables for each Node version: what is decided, and who is selected.
 *
 * @param {{ node: string, figures: DecisionFigures[] }[]} results
 */
export function decisionTables(results) {
  return results
    .flatMap(({ node, figures }) => [
      `### Decisions, Node ${node}`,
      `**decisions**: time of one decision, median over the rounds (less is better; p99: timed one by one)\n\n${decided(figures)}`,
      `**select**: time to select an instance, by the number of instances, median µs (bar: 10 µs of 100)\n\n${selected(figures)}`,
    ])
    .join('\n\n');
}

/** @param {DecisionFigures[]} figures */
function decided(figures) {
  const rows = [['decision', 'median µs', 'min – max', 'p99 µs', 'bar', 'stated by the systems it replaces']];
  for (const { name, median, min, max, p99, bar, barMicros, stated } of figures) {
    if (name.startsWith(`${SELECT} `)) continue;
    const measured = bar === 'p99' ? p99 : median;
    const kept = barMicros === undefined ? '–' : `${bar} < ${barMicros}: ${measured < barMicros ? 'kept' : 'MISSED'}`;
    rows.push([name, micros(median), `${micros(min)} – ${micros(max)}`, micros(p99), kept, stated ?? '–']);
  }
  return markdown(rows);
}

/** @param {DecisionFigures[]} figures */
function selected(figures) {
  const byName = new Map(figures.map((figure) => [figure.name, figure]));
  const strategies = new Set(
    figures.filter(({ name }) => name.startsWith(`${SELECT} `)).map(({ name }) => name.split(' ')[1]),
  );
  const rows = [['strategy', ...LENGTHS.map((length) => number(length, 0))]];
  for (const strategy of strategies) {
    rows.push([
      strategy,
      ...LENGTHS.map((length) => micros(byName.get(`${SELECT} ${strategy} ${length}`)?.median ?? null)),
    ]);
  }
  return markdown(rows);
}

/** @param {number | null} value */
function micros(value) {
  return number(value, value !== null && value >= 100 ? 0 : value !== null && value >= 1 ? 2 : 3);
}

/** @param {number} value */
function rounded(value) {
  return Number(value.toPrecision(6));
}
