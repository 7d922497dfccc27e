/**
 * Plays seeds until one fails: `node main.js [first] [last]`. Prints one line of JSON, `{ "seed", "faults" }` of the
 * failure, or `{}`; ends with 1 after a failure.
 */
import { judge } from './verdict.ts';

const [first = 1, last = first] = process.argv.slice(2).map(Number);
let failed: object | undefined;
for (let seed = first; seed <= last && failed === undefined; seed += 1) {
  const { faults } = await judge(seed);
  if (faults.length > 0) failed = { seed, faults };
}
process.stdout.write(`${JSON.stringify(failed ?? {})}\n`);
process.exitCode = failed === undefined ? 0 : 1;
