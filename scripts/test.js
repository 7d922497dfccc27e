import { ensureBuilt } from './lib/build.js';
import { ensureInstalled } from './lib/install.js';
import { createSteps, main } from './lib/steps.js';
import { runTests } from './lib/tests.js';

const HELP = `npm test: installs, builds, finds or starts a Redis (see npm start -- --help) and runs every test

  npm test -- --match '*zombie*'                  tests whose title matches
  npm test -- packages/core/test/verdict.test.ts  one file
  npm test -- --serial                            any other option of AVA

The last line is always "N passed, N failed".
`;

const say = (passed, failed) => process.stdout.write(`${passed} passed, ${failed} failed\n`);

await main(
  async () => {
    const args = process.argv.slice(2);
    if (args.includes('--help')) {
      process.stdout.write(HELP);
      return 0;
    }
    const step = createSteps();
    await step('install', 'checking the modules', () => ensureInstalled());
    await step('build', 'compiling the packages', ensureBuilt);
    const { passed, failed } = await runTests(step, args);
    say(passed, failed);
    return failed === 0 ? 0 : 1;
  },
  () => say(0, 1),
);
