/**
 * The bench's door: installs the peers when they are missing, then measures (`lib/bench.js`). `--help` lists the options.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ended, endWithUs, track } from './lib/processes.js';

endWithUs();
const here = fileURLToPath(new URL('.', import.meta.url));
if (!existsSync(`${here}node_modules/bullmq/package.json`)) {
  process.stderr.write('installing the peers in bench/\n');
  const npm = track(spawn('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: ['ignore', 2, 2] }));
  await ended(npm);
  if (npm.exitCode !== 0) process.exit(npm.exitCode ?? 1);
}
const { bench } = await import('./lib/bench.js');
try {
  process.exitCode = await bench(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
