import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ensureBuilt } from './lib/build.js';
import { ensureInstalled } from './lib/install.js';
import { environment, findRedis } from './lib/redis.js';
import { root } from './lib/root.js';
import { runProgram } from './lib/run.js';
import { Complaint, createSteps, main } from './lib/steps.js';

const HELP = `npm start: the tour, Homeostat's main job on real input

Installs what is missing, builds, finds a Redis, and then runs two service processes, a caller and a thread pool over
the files of this repository, ends one service with SIGKILL half-way, and proves that nothing was lost.

Which Redis:
  REDIS_URL=redis://host:6379   this one (user, password and rediss:// work too)
  otherwise                     redis-server or valkey-server from the PATH, started privately and ended with the program;
                                where there is none, one is installed by apt-get, dnf, apk or brew
  HOMEOSTAT_BACKEND=memory      none: everything in one process (also what is used when no Redis can be had)

Arguments after -- go to the tour itself.
`;

const TOUR = join(root, 'examples', 'dist', 'tour', 'main.js');

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  const step = createSteps();
  await step('install', 'checking the modules', () => ensureInstalled());
  await step('build', 'compiling the packages', ensureBuilt);
  if (!existsSync(TOUR)) throw new Complaint(`The build left no ${TOUR.slice(root.length)}.`);
  const redis = await step('redis', 'looking for a Redis', (say) => findRedis({ say }));
  try {
    return await runProgram(process.execPath, [TOUR, ...args], { env: environment(redis) });
  } finally {
    await redis.stop();
  }
});
