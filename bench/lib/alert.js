import { fileURLToPath } from 'node:url';
import { runApart } from './apart.js';
import { micros, verdict } from './decisions.js';
import { markdown, number } from './table.js';

/** @import { DecisionFigures } from '../decisions/measure.js' */

/** The name by which `--works` asks for it. */
export const ALERT = 'alert';
const MAIN = fileURLToPath(new URL('../alert/main.js', import.meta.url));
/** Gives some hundred alerts in each round, in milliseconds. */
const MEASURED_MS = 1_500;

/** @param {import('./apart.js').ApartPlan} plan */
export function runAlert(plan) {
  return runApart(ALERT, MAIN, MEASURED_MS, plan);
}

/**
 * A table for each Node version.
 *
 * @param {{ node: string, figures: DecisionFigures[] }[]} results
 */
export function alertTables(results) {
  return results
    .flatMap(({ node, figures }) => [
      `### Alerts, Node ${node}`,
      `**alert**: from the raise on one node to the handler on another, and what a raise costs (less is better; p99: of all)`,
      markdown([
        ['what', 'median', 'min – max', 'p99', 'unit', 'measured', 'bar'],
        ...figures.map((figure) => {
          const { name, median, min, max, p99, count, unit = 'µs' } = figure;
          const range = `${micros(min)} – ${micros(max)}`;
          return [name, micros(median), range, micros(p99), unit, number(count, 0), verdict(figure)];
        }),
      ]),
    ])
    .join('\n\n');
}
