import { join } from 'node:path';

import { countReport } from './ava-report.js';
import { environment, findRedis } from './redis.js';
import { root } from './root.js';
import { runProgram } from './run.js';

const AVA = join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
/** AVA ends a run whose tests make no progress by itself; this is for an AVA that does not end. */
const SILENCE_MS = 10 * 60_000;

/** Runs AVA over the built tests with a Redis beside it. Answers `{ passed, failed }`; no test at all is a failure. */
export async function runTests(step, args) {
  const redis = await step('redis', 'looking for a Redis', (say) => findRedis({ say }));
  try {
    let counts = Promise.resolve({ passed: 0, failed: 0, skipped: 0 });
    const code = await runProgram(process.execPath, [AVA, ...args], {
      env: { ...environment(redis), NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
      onChild: (child) => {
        const silent = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
        counts = countReport(child.stdout, { onLine: () => silent.refresh() }).finally(() => clearTimeout(silent));
      },
    });
    const { passed, failed, skipped } = await counts;
    const unexplained = failed === 0 && (code !== 0 || passed === 0);
    if (unexplained) process.stdout.write(`AVA ended with exit code ${code} after ${passed} passed tests\n`);
    if (skipped > 0) process.stdout.write(`${skipped} not run (skip or todo): neither passed nor failed\n`);
    return { passed, failed: unexplained ? 1 : failed };
  } finally {
    await redis.stop();
  }
}
