/** Writes src/scripts.ts from the scripts in this folder. `node packages/redis/lua/generate.js`; with `--check` it only compares. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = new URL('./', import.meta.url);
const target = new URL('../src/scripts.ts', import.meta.url);

/** The whole source of one script: its includes in place, its comments out (Redis keeps every byte it is sent). */
function assemble(file) {
  const source = readFileSync(new URL(file, here), 'utf8');
  const whole = source.replace(/^-- @include (.+)$/gm, (_, name) =>
    readFileSync(new URL(`lib/${name}.lua`, here), 'utf8'),
  );
  return whole
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !/^\s*--/.test(line))
    .join('\n');
}

function generate() {
  const entries = readdirSync(here)
    .filter((file) => file.endsWith('.lua'))
    .sort()
    .map((file) => {
      const lua = assemble(file);
      const sha = createHash('sha1').update(lua).digest('hex');
      const literal = lua.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${');
      return `  ${file.slice(0, -4)}: {\n    sha: '${sha}',\n    lua: \`${literal}\`,\n  },`;
    });
  return [
    '/** Written by lua/generate.js from lua/*.lua: change those, then run it. */',
    'export interface Script {',
    '  readonly sha: string;',
    '  readonly lua: string;',
    '}',
    '',
    `export type ScriptName = ${readdirSync(here)
      .filter((file) => file.endsWith('.lua'))
      .sort()
      .map((file) => `'${file.slice(0, -4)}'`)
      .join(' | ')};`,
    '',
    'export const scripts: Readonly<Record<ScriptName, Script>> = {',
    ...entries,
    '};',
    '',
  ].join('\n');
}

const generated = generate();
const current = (() => {
  try {
    return readFileSync(target, 'utf8');
  } catch {
    return '';
  }
})();

if (process.argv.includes('--check')) {
  if (current !== generated) {
    console.error('packages/redis/src/scripts.ts is stale: run node packages/redis/lua/generate.js');
    process.exitCode = 1;
  }
} else if (current !== generated) {
  writeFileSync(target, generated);
  console.log(`wrote ${fileURLToPath(target)}`);
}
