import { createInterface } from 'node:readline';

const TICK = '[✔√]';
const CROSS = '[✘✖×]';
/** A test that passed; one that was expected to fail has a bracket after the tick and is not counted. */
const PASSED = new RegExp(`^ *${TICK} (?!\\[expected fail\\])`);
/** A test or a hook that failed, or a file that crashed, ended early, or held no test. */
const FAILED = new RegExp(`^ *${CROSS} (?!Timed out while|Exiting due to SIGINT)`);
const ESCAPED = /^ *(Uncaught exception in|Unhandled rejection in|Failed to exit when running) /;
const PENDING = /^ *(\d+) tests were pending in /;
const REMAINING = new RegExp(`^ *${CROSS} (\\d+) tests? remaining in `);
const NOT_RUN = /^ *- \[(skip|todo)\] /;
/** Stands between what happened and its repetition in full. */
const RULE = /^ {2}─$/;

/**
 * Passes AVA's report on as it comes, line by line, and resolves with `{ passed, failed, skipped }`. AVA's default report
 * is read, not its TAP: AVA 7.0.0 dies inside its TAP reporter when a test file exits early or times out.
 */
export function countReport(stream, { out = process.stdout, onLine = () => {} } = {}) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let repeating = false;

  const count = (line) => {
    repeating ||= RULE.test(line);
    if (repeating) return;
    if (PASSED.test(line)) counts.passed += 1;
    else if (NOT_RUN.test(line)) counts.skipped += 1;
    else if (ESCAPED.test(line)) counts.failed += 1;
    else counts.failed += Number(REMAINING.exec(line)?.[1] ?? PENDING.exec(line)?.[1] ?? FAILED.test(line));
  };

  return new Promise((resolve) => {
    createInterface({ input: stream, crlfDelay: Infinity })
      .on('line', (line) => {
        onLine();
        out.write(`${line}\n`);
        count(line);
      })
      .on('close', () => resolve(counts));
  });
}
