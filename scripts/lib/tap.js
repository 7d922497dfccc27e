import { createInterface } from 'node:readline';

const SEPARATOR = ' › ';
const PROGRESS_MS = 5_000;
const OK = /^ok \d+ - (.*)$/;
const NOT_OK = /^not ok \d+ - (.*)$/;
const UNCOUNTED = / # (skip|todo)\b/i;
const SUMMARY = /^# (tests|pass|fail|skip|todo) (\d+)$/;

/**
 * Reads AVA's TAP from `stream` and tells it in plain lines: every failure at once with its diagnostics, how far it is
 * every few seconds, and the files at the end. Resolves with the counts. What AVA itself sums up (it knows of tests
 * that never ended) and what was seen here are both counts of failures: the larger one holds.
 */
export function report(stream, { out = process.stdout, onLine = () => {} } = {}) {
  const seen = { passed: 0, failed: 0, skipped: 0 };
  const summed = { pass: 0, fail: 0 };
  const files = new Map();
  const started = performance.now();
  let diagnosing = false;

  const count = (title, kind) => {
    seen[kind] += 1;
    const parts = title.split(SEPARATOR);
    if (parts.length === 1) return;
    const name = parts.slice(0, -1).join(SEPARATOR);
    const file = files.get(name) ?? { passed: 0, failed: 0, skipped: 0 };
    file[kind] += 1;
    files.set(name, file);
  };

  const read = (line) => {
    onLine();
    const ok = OK.exec(line);
    const notOk = ok === null ? NOT_OK.exec(line) : null;
    const title = (ok ?? notOk)?.[1];
    if (title !== undefined) {
      diagnosing = false;
      if (UNCOUNTED.test(title)) {
        count(title.replace(/ # (skip|todo)\b.*$/i, ''), 'skipped');
      } else if (ok !== null) {
        count(title, 'passed');
      } else {
        count(title, 'failed');
        diagnosing = true;
        out.write(`\n✖ ${title}\n`);
      }
      return;
    }
    const sum = SUMMARY.exec(line);
    if (sum !== null) {
      summed[sum[1]] = Number(sum[2]);
      diagnosing = false;
    } else if (diagnosing) {
      if (line.trim() !== '---' && line.trim() !== '...') out.write(`  ${line}\n`);
    } else if (
      line !== '' &&
      line !== 'TAP version 13' &&
      !line.startsWith('# ') &&
      !/^\d+\.\.\d+$/.test(line) &&
      !/^ {2,}[#*]/.test(line)
    ) {
      out.write(`${line}\n`);
    } else if (/^# \d+ tests? remaining in /.test(line)) {
      out.write(`✖ ${line.slice(2)}\n`);
    }
  };

  const progress = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1_000);
    out.write(`… ${seconds} s: ${seen.passed} passed, ${seen.failed} failed\n`);
  }, PROGRESS_MS);

  return new Promise((resolve) => {
    createInterface({ input: stream, crlfDelay: Infinity })
      .on('line', read)
      .on('close', () => {
        clearInterval(progress);
        for (const [name, file] of [...files].sort(([a], [b]) => a.localeCompare(b)))
          out.write(`${fileLine(name, file)}\n`);
        resolve({ passed: seen.passed, failed: Math.max(seen.failed, summed.fail), skipped: seen.skipped });
      });
  });
}

function fileLine(name, { passed, failed, skipped }) {
  const counts = [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  return `${failed > 0 ? '✖' : '✔'} ${name}: ${counts.join(', ')}`;
}
