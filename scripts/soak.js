import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ensureBuilt } from './lib/build.js';
import { ensureInstalled } from './lib/install.js';
import { ensureServer } from './lib/redis.js';
import { root } from './lib/root.js';
import { runProgram } from './lib/run.js';
import { Complaint, createSteps, main } from './lib/steps.js';

const HELP = `npm run soak: thirty rounds of every fault, with Redis servers of its own

Arguments after -- go to the soak itself.
`;

const SOAK = join(root, 'test', 'dist', 'soak.js');

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const step = createSteps();
  await step('install', 'checking the modules', () => ensureInstalled());
  await step('build', 'compiling the packages', ensureBuilt);
  if (!existsSync(SOAK)) throw new Complaint(`The build left no ${SOAK.slice(root.length)}.`);
  const { server, refusal } = await step('redis', 'looking for a Redis server', ensureServer);
  if (server === undefined) throw new Complaint(`The soak ends and restarts Redis servers and found none: ${refusal}.`);
  return runProgram(process.execPath, [SOAK, ...args], { env: { ...process.env, REDIS_SERVER: server } });
});
