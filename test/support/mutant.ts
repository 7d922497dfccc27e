/** A copy of the built packages with one guard taken out, and the programs of the crash tests to run on it. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What is taken out: text that must be there exactly once. */
export interface Guard {
  /** Of the built package, as in `@homeostat/redis/dist/src/sweep.js`. */
  readonly file: string;
  /** Look only in the Lua text of this script, whose digest is then made anew. */
  readonly script?: string;
  readonly text: string;
  readonly instead: string;
}

export interface Build {
  /** Where `service.js` and `caller.js` lie. */
  readonly programs: string;
  remove(): void;
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const OURS: Readonly<Record<string, string>> = {
  homeostat: 'packages/homeostat',
  '@homeostat/core': 'packages/core',
  '@homeostat/redis': 'packages/redis',
};

/** Builds a copy; without a guard to take out it is as good as the original. */
export function copyBuild(...guards: readonly Guard[]): Build {
  const folder = mkdtempSync(join(tmpdir(), 'homeostat-mutant-'));
  const modules = join(folder, 'node_modules');
  const programs = join(folder, 'support');
  mkdirSync(join(modules, '@homeostat'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name.startsWith('.') || name === 'homeostat' || name === '@homeostat') continue;
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  for (const [name, from] of Object.entries(OURS)) {
    cpSync(join(ROOT, from, 'package.json'), join(modules, name, 'package.json'));
    cpSync(join(ROOT, from, 'dist', 'src'), join(modules, name, 'dist', 'src'), {
      recursive: true,
      filter: (file) => !/\.(map|d\.ts)$/.test(file),
    });
  }
  cpSync(fileURLToPath(new URL('.', import.meta.url)), programs, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  const build: Build = { programs, remove: () => rmSync(folder, { recursive: true, force: true }) };
  try {
    for (const guard of guards) takeOut(join(modules, guard.file), guard);
  } catch (error) {
    build.remove();
    throw error;
  }
  return build;
}

function takeOut(file: string, { script, text, instead }: Guard): void {
  const source = readFileSync(file, 'utf8');
  const mutated =
    script === undefined
      ? replaceOnce(source, text, instead)
      : changeScript(source, script, (lua) => replaceOnce(lua, text, instead));
  writeFileSync(file, mutated);
}

/** @throws when the text is not there exactly once. */
export function replaceOnce(source: string, text: string, instead: string): string {
  const parts = source.split(text);
  if (parts.length !== 2) throw new Error(`"${text}" is there ${parts.length - 1} times, not once`);
  return parts.join(instead);
}

/** Changes one script of the generated module, and its digest with it: the server knows scripts by theirs. */
function changeScript(source: string, name: string, change: (lua: string) => string): string {
  const found = new RegExp(`\\b${name}: \\{\\s*sha: '([0-9a-f]{40})',\\s*lua: \`((?:[^\`\\\\]|\\\\.)*)\``, 's').exec(
    source,
  );
  const [block, sha, lua] = found ?? [];
  if (block === undefined || sha === undefined || lua === undefined) throw new Error(`there is no script ${name}`);
  if (digest(lua) !== sha) throw new Error(`the digest of script ${name} is another`);
  const changed = change(lua);
  return replaceOnce(
    source,
    block,
    block.replace(sha, digest(changed)).replace(lua, () => changed),
  );
}

function digest(literal: string): string {
  return createHash('sha1').update(literal.replaceAll(/\\(.)/gs, '$1')).digest('hex');
}
