import { join } from 'node:path';

import { ensureBuilt } from './lib/build.js';
import { ensureInstalled } from './lib/install.js';
import { environment, findRedis } from './lib/redis.js';
import { root } from './lib/root.js';
import { runProgram } from './lib/run.js';
import { Complaint, createSteps, main } from './lib/steps.js';

const HELP = `npm run bench: measures Homeostat beside a raw loop, the ceiling and its peers

  npm run bench -- --quick          one Node version, three works, under two minutes
  npm run bench -- --quick --json   ends with one line of JSON on stdout; everything else goes to stderr

Uses REDIS_URL when it is set, else a private Redis without append-only file. Other arguments go to bench/main.js.
`;

const BENCH = join(root, 'bench');

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const json = args.includes('--json');
  const out = json ? process.stderr : process.stdout;
  const step = createSteps(out);
  await step('install', 'checking the modules', () => ensureInstalled());
  await step('peers', "checking the bench's own modules", () => ensureInstalled(BENCH));
  await step('build', 'compiling the packages', ensureBuilt);
  const redis = await step('redis', 'looking for a Redis', (say) => findRedis({ appendOnly: false, say }));
  try {
    if (redis.kind === 'memory')
      throw new Complaint('The bench measures Redis; without one there is nothing to measure.');
    let last = Promise.resolve('');
    const code = await runProgram(process.execPath, [join(BENCH, 'main.js'), ...args], {
      env: environment(redis),
      stdio: ['inherit', json ? 'pipe' : 'inherit', 'inherit'],
      onChild: (child) => {
        if (json) last = lastLine(child.stdout);
      },
    });
    const line = await last;
    if (line !== '') process.stdout.write(`${line}\n`);
    return code;
  } finally {
    await redis.stop();
  }
});

/** Passes every line on to stderr except the last one, which it resolves with. */
async function lastLine(stream) {
  let held = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = (held + chunk).split('\n');
    // Keeps the last line that is whole and the one that is still coming.
    held = lines.splice(-2).join('\n');
    for (const line of lines) process.stderr.write(`${line}\n`);
  }
  return held.trim().split('\n').at(-1) ?? '';
}
