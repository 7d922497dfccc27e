/** A copy of this package's build with one guard taken out, and the simulation run on it. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** What is taken out: text that must be there exactly once. */
export interface Guard {
  /** Of the built package, as in `serving/endings.js`. */
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

export interface Found {
  /** Absent: nothing was found. */
  readonly seed?: number;
  readonly faults?: readonly string[];
}

const DIST = fileURLToPath(new URL('../../', import.meta.url));
const MODULES = fileURLToPath(new URL('../../../../../node_modules', import.meta.url));

/** Plays seeds 1 to `seeds`, or to `first` if that is more, without the guard until something is found; those from `first` on first. */
export async function findWithout({ file, text: guard, instead }: Guard, seeds: number, first = 1): Promise<Found> {
  const folder = mkdtempSync(join(tmpdir(), 'homeostat-simulation-'));
  try {
    for (const part of ['src', 'test/simulation']) {
      cpSync(join(DIST, part), join(folder, 'dist', part), {
        recursive: true,
        filter: (name) => !/\.(map|d\.ts)$/.test(name),
      });
    }
    symlinkSync(MODULES, join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
    const mutated = join(folder, 'dist', 'src', file);
    const parts = readFileSync(mutated, 'utf8').split(guard);
    if (parts.length !== 2) throw new Error(`"${guard}" is ${parts.length - 1} times in ${file}, not once`);
    writeFileSync(mutated, parts.join(instead));
    const program = join(folder, 'dist', 'test', 'simulation', 'main.js');
    const found = await play(program, first, Math.max(seeds, first));
    return found.seed !== undefined || first === 1 ? found : await play(program, 1, first - 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function play(program: string, first: number, last: number): Promise<Found> {
  const child = spawn(process.execPath, [program, String(first), String(last)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(await text(child.stdout)) as Found;
}
