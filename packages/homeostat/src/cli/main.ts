/** From a command line to an exit code: 0 done, 1 something went wrong, 2 the command line is wrong. */
import { readFileSync } from 'node:fs';
import { codeOf, messageOf } from '@homeostat/core/backend';
import { readCommand, verbIn, type Command } from './command.ts';
import { helpOf, usageOf } from './help.ts';
import { printable } from './print.ts';
import { openSession } from './session.ts';
import { UsageError } from './usage-error.ts';
import type { Answer, Work } from './verb.ts';

export interface Surroundings {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** What stands for `--redis`. */
  readonly redis: string | undefined;
  /** Log as nodes do. */
  readonly logs: boolean;
  /** Resolves when this is to end; asked only by verbs that go on until then. */
  readonly untilInterrupted: () => Promise<void>;
}

const FAILED = 1;
const WRONG_USAGE = 2;

export async function main(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { out, err, redis } = surroundings;
  const json = words.includes('--json');
  try {
    const command = readCommand(words, redis);
    const { verb, given, version } = command;
    if (command.help || version) {
      out(`${version ? ownVersion() : helpOf(verb)}\n`);
      return 0;
    }
    if (verb === undefined) throw new UsageError('name a verb; `homeostat --help` lists them');
    const answer = await carryOut(verb.plan(given), command, surroundings);
    if (answer !== undefined) out(`${json ? JSON.stringify(answer.data, undefined, 2) : printable(answer.text)}\n`);
    return 0;
  } catch (thrown) {
    const code = codeOf(thrown, 'UNKNOWN');
    const usage = thrown instanceof UsageError ? usageOf(verbIn(words), words) : undefined;
    const message = messageOf(thrown);
    if (json) err(`${JSON.stringify({ error: { code, message, ...(usage && { usage }) } }, undefined, 2)}\n`);
    else err(printable(`homeostat: ${message}${usage === undefined ? ` (${code})` : `\n${usage}`}\n`));
    return usage === undefined ? FAILED : WRONG_USAGE;
  }
}

async function carryOut(work: Work, command: Command, surroundings: Surroundings): Promise<Answer | undefined> {
  const { target, json } = command;
  const { out, logs, untilInterrupted } = surroundings;
  const say = ({ data, text }: Answer): void => out(`${json ? JSON.stringify(data) : printable(text)}\n`);
  const opened = await openSession({ ...target, logs });
  try {
    return await work({ ...opened, say, untilInterrupted });
  } finally {
    await opened.node.close();
  }
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
