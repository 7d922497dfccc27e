import { cpus, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { median } from './stats.js';
import { subjects } from './subject.js';
import { markdown, number } from './table.js';

/** @import { Result } from './runner.js' */

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The machine-readable form. A subject that failed has a null median and its error; with more than one Node version
 * each line says which.
 *
 * @param {Result[]} results
 */
export function toLines(results) {
  const several = new Set(results.map(({ node }) => node)).size > 1;
  return results.map(({ node, work, subject, figures, errors }) => ({
    work: work.name,
    subject,
    unit: work.unit,
    ...summary(figures),
    ...(several ? { node } : {}),
    ...(figures.length === 0 ? { error: oneLine(errors.at(-1)) } : {}),
  }));
}

/** @param {import('./works.js').Figure[]} figures */
function summary(figures) {
  if (figures.length === 0) return { median: null, min: null, max: null, runs: 0 };
  const values = figures.map(({ value }) => value);
  return {
    median: rounded(median(values)),
    min: rounded(Math.min(...values)),
    max: rounded(Math.max(...values)),
    runs: values.length,
  };
}

/** @param {number} value */
function rounded(value) {
  return Number(value.toPrecision(6));
}

/**
 * A Markdown table per work: for people, and for the README.
 *
 * @param {Result[]} results
 */
export function toTables(results) {
  const blocks = [];
  for (const node of new Set(results.map((result) => result.node))) {
    blocks.push(`### Node ${node}`);
    const ofNode = results.filter((result) => result.node === node);
    for (const work of new Set(ofNode.map((result) => result.work))) {
      blocks.push(
        table(
          work,
          ofNode.filter((result) => result.work === work),
        ),
      );
    }
  }
  return blocks.join('\n\n');
}

/**
 * @param {import('./works.js').Work} work
 * @param {Result[]} results
 */
function table(work, results) {
  const more = [
    ...new Set(results.flatMap(({ figures }) => figures.flatMap((figure) => Object.keys(figure.more ?? {})))),
  ];
  const medianOf = (/** @type {string} */ subject) =>
    summary(results.find((result) => result.subject === subject)?.figures ?? []).median;
  const raw = medianOf('raw');
  const ours = medianOf('homeostat');
  /** @type {string[]} */
  const failures = [];
  const rows = [['subject', `median ${work.unit}`, 'min – max', 'runs', '× raw', '× homeostat', ...more]];
  for (const { subject, figures, errors } of results) {
    const { median: middle, min, max, runs } = summary(figures);
    if (middle === null) {
      rows.push([subject, 'failed', '–', String(runs), '–', '–', ...more.map(() => '–')]);
      failures.push(`${subject}: ${oneLine(errors.at(-1))}`);
      continue;
    }
    rows.push([
      subject,
      number(middle, work.digits),
      `${number(min, work.digits)} – ${number(max, work.digits)}`,
      errors.length === 0 ? String(runs) : `${runs} (${errors.length} failed)`,
      ratio(middle, raw),
      ratio(middle, ours),
      ...more.map((key) => moreOf(figures, key)),
    ]);
  }
  return `**${work.name}**: ${work.title} (${work.higherIsBetter ? 'more' : 'less'} is better)\n\n${[markdown(rows), ...failures].join('\n\n')}`;
}

/**
 * @param {import('./works.js').Figure[]} figures
 * @param {string} key
 */
function moreOf(figures, key) {
  const values = figures.flatMap((figure) => figure.more?.[key] ?? []);
  if (values.length === 0) return '–';
  const middle = median(values);
  return number(middle, Number.isInteger(middle) || middle >= 1_000 ? 0 : middle < 1 ? 3 : 2);
}

/** @param {string | undefined} text */
function oneLine(text = 'not run') {
  return text.split('\n')[0].replaceAll(root, '').replaceAll('|', '/').slice(0, 120);
}

/**
 * @param {number | null} value
 * @param {number | null} base
 */
function ratio(value, base) {
  if (value === null || base === null || base === 0) return '–';
  const times = value / base;
  return times >= 100 ? times.toFixed(0) : times.toFixed(2);
}

/**
 * @param {{ redis: string, nats: string | undefined, packages: Record<string, string> }} versions
 * @param {string[]} names of the subjects measured
 */
export function machineLines({ redis, nats, packages }, names) {
  const processor = cpus()[0]?.model.trim() ?? 'unknown processor';
  const versions = Object.entries({
    Redis: redis,
    ...(nats === undefined ? {} : { 'nats-server': nats }),
    ...packages,
  });
  return [
    `${new Date().toISOString().slice(0, 10)} · ${cpus().length} × ${processor} · ${Math.round(totalmem() / 2 ** 30)} GiB · ${type()} ${release()}`,
    versions.map(([name, version]) => `${name} ${version}`).join(' · '),
    ...(names.length === 0 ? [] : [names.map((name) => `${name}: ${subjects[name].label}`).join(' · ')]),
  ].join('\n\n');
}
