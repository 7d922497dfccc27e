import { parseArgs } from 'node:util';
import { ALERT } from './alert.js';
import { DECISIONS } from './decisions.js';
import { subjects } from './subject.js';
import { works } from './works.js';

export const help = `npm run bench -- [options]

  --quick            one Node version, one-way, call-1-p50 and call-256, under two minutes
  --works a,b        only these works: ${works.map(({ name }) => name).join(', ')}, ${DECISIONS}, ${ALERT}
  --subjects a,b     only these subjects: ${Object.keys(subjects).join(', ')}
  --runs n           rounds (5; with --quick 3 to 5, as many as fit)
  --node 20,24       Node majors to run the subjects with (20,24; with --quick the running one)
  --json             ends with one line on stdout, a JSON array; everything else goes to stderr
  --write            puts the tables into bench/README.md, between its markers
  --help

A Redis is taken from REDIS_URL, else started from the PATH; a nats-server from the PATH, or NATS is skipped.`;

const WORK_NAMES = [...works.map(({ name }) => name), DECISIONS, ALERT];
const QUICK_WORKS = ['one-way', 'call-1-p50', 'call-256'];
/** Leaves room in two minutes for starting and ending. */
const QUICK_BUDGET_MS = 95_000;

/**
 * @param {string[]} argv
 * @throws {Error} naming the option that is wrong
 */
export function parseOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      quick: { type: 'boolean', default: false },
      works: { type: 'string' },
      subjects: { type: 'string' },
      runs: { type: 'string' },
      node: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, json, write } = values;
  const current = process.versions.node.split('.')[0];
  const runs = values.runs === undefined ? 5 : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs needs a whole number from 1');
  const majors = list(values.node) ?? (quick ? [current] : ['20', '24']);
  if (majors.some((major) => !/^\d+$/.test(major))) throw new Error('--node needs majors, as in --node 20,24');
  const workNames = chosen('--works', list(values.works), WORK_NAMES) ?? (quick ? QUICK_WORKS : WORK_NAMES);
  return {
    help: values.help,
    json,
    write,
    majors,
    runs,
    minRuns: values.runs === undefined && quick ? 3 : runs,
    budgetMs: quick && values.runs === undefined ? QUICK_BUDGET_MS : Number.POSITIVE_INFINITY,
    works: works.filter(({ name }) => workNames.includes(name)),
    decisions: workNames.includes(DECISIONS),
    alert: workNames.includes(ALERT),
    subjects: chosen('--subjects', list(values.subjects), Object.keys(subjects)) ?? Object.keys(subjects),
  };
}

/** @param {string | undefined} text */
function list(text) {
  return text
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/**
 * @param {string} option
 * @param {string[] | undefined} names
 * @param {string[]} known
 */
function chosen(option, names, known) {
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`${option}: there is no "${unknown}"; there are ${known.join(', ')}`);
  return names;
}
