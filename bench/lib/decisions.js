import { fileURLToPath } from 'node:url';
import { LENGTHS, SELECT } from '../decisions/select.js';
import { runApart } from './apart.js';
import { markdown, number } from './table.js';

/** @import { DecisionFigures } from '../decisions/measure.js' */

/** The name by which `--works` asks for them. */
export const DECISIONS = 'decisions';
const MAIN = fileURLToPath(new URL('../decisions/main.js', import.meta.url));
/** What each decision gets in each round, in milliseconds. */
const MEASURED_MS = 60;

/** @param {import('./apart.js').ApartPlan} plan */
export function runDecisions(plan) {
  return runApart(DECISIONS, MAIN, MEASURED_MS, plan);
}

/**
 * One line for each decision, as works have one for each subject.
 *
 * @param {string} work
 * @param {{ node: string, figures: DecisionFigures[] }[]} results
 */
export function decisionLines(work, results) {
  return results.flatMap(({ node, figures }) =>
    figures.map(({ name, median, min, max, p99, runs, unit = 'µs' }) => ({
      work,
      subject: name,
      unit,
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
  for (const figure of figures) {
    const { name, median, min, max, p99, stated } = figure;
    if (name.startsWith(`${SELECT} `)) continue;
    rows.push([name, micros(median), `${micros(min)} – ${micros(max)}`, micros(p99), verdict(figure), stated ?? '–']);
  }
  return markdown(rows);
}

/**
 * Whether it stays below its bar.
 *
 * @param {DecisionFigures} figure
 */
export function verdict({ median, p99, bar, barMicros }) {
  if (barMicros === undefined) return '–';
  return `${bar} < ${barMicros}: ${(bar === 'p99' ? p99 : median) < barMicros ? 'kept' : 'MISSED'}`;
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
export function micros(value) {
  return number(value, value !== null && value >= 100 ? 0 : value !== null && value >= 1 ? 2 : 3);
}

/** @param {number} value */
function rounded(value) {
  return Number(value.toPrecision(6));
}
