import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { examine } from './examine.ts';

export interface Sample {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What a plain computation in this process makes of it: the answers have to be the same. */
  readonly words: number;
  readonly sha256: string;
}

const NOT_OURS = new Set(['.git', 'node_modules', 'dist']);
const MAX_BYTES = 1024 * 1024;

/** The text files of this repository, in the order of their paths. */
export async function readRepository(): Promise<Sample[]> {
  const root = fileURLToPath(new URL('../../../', import.meta.url)); // from examples/dist/tour
  const samples: Sample[] = [];
  for await (const path of walk(root)) {
    const bytes = new Uint8Array(await readFile(path));
    if (!bytes.includes(0)) samples.push({ path: relative(root, path), bytes, ...examine(bytes) });
  }
  return samples;
}

async function* walk(folder: string): AsyncGenerator<string, void, void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (NOT_OURS.has(entry.name)) continue;
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile() && (await stat(path)).size <= MAX_BYTES) yield path;
  }
}
