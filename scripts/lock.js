import { join } from 'node:path';

import { completeLock } from './lib/lock.js';
import { root } from './lib/root.js';

// After an "npm install" that changed a lock file: adds the platform packages that npm's registry did not hand over.
for (const name of ['package-lock.json', 'bench/package-lock.json']) {
  process.stdout.write(`${name}: ${completeLock(join(root, name))} entries added\n`);
}
