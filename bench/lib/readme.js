import { readFile, writeFile } from 'node:fs/promises';

const file = new URL('../README.md', import.meta.url);
const START = '<!-- results:start -->';
const END = '<!-- results:end -->';

/**
 * Replaces what stands between the markers and keeps the text around.
 *
 * @param {string} results Markdown
 */
export async function writeResults(results) {
  const text = await readFile(file, 'utf8');
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`bench/README.md has lost its markers ${START} and ${END}`);
  await writeFile(file, `${text.slice(0, start + START.length)}\n\n${results}\n\n${text.slice(end)}`);
}
