import { join } from 'node:path';

import { environment, findRedis } from './redis.js';
import { root } from './root.js';
import { runProgram } from './run.js';
import { report } from './tap.js';

const AVA = join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
/** AVA ends a run whose tests make no progress by itself; this is for an AVA that does not end. */
const SILENCE_MS = 10 * 60_000;

/** Runs AVA over the built tests with a Redis beside it. Answers `{ passed, failed, skipped }`; no test at all is a failure. */
export async function runTests(step, args) {
  const redis = await step('redis', 'looking for a Redis', () =>
    findRedis({ say: (line) => process.stdout.write(`${line}\n`) }),
  );
  try {
    let counts = Promise.resolve({ passed: 0, failed: 0, skipped: 0 });
    const code = await runProgram(process.execPath, [AVA, '--tap', ...args], {
      env: { ...environment(redis), FORCE_COLOR: '0', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
      onChild: (child) => {
        const silent = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
        counts = report(child.stdout, { onLine: () => silent.refresh() }).finally(() => clearTimeout(silent));
      },
    });
    const { passed, failed, skipped } = await counts;
    const unexplained = failed === 0 && (code !== 0 || passed === 0);
    if (unexplained) process.stdout.write(`✖ AVA ended with exit code ${code} after ${passed} passed tests\n`);
    if (skipped > 0) process.stdout.write(`${skipped} skipped (counted neither as passed nor as failed)\n`);
    return { passed, failed: unexplained ? 1 : failed, skipped };
  } finally {
    await redis.stop();
  }
}
