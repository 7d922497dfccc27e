import { runQuietly } from './run.js';
import { Complaint } from './steps.js';

/** Compiles all packages. Answers a sentence; complains with the compiler's own words. */
export async function ensureBuilt() {
  const { code, output } = await runQuietly('npm', ['run', '--silent', 'build']);
  if (code !== 0) throw new Complaint(`${output.trim()}\n\nThe build failed; the compiler's words are above.`);
  return 'packages are built';
}
