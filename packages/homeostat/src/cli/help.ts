/** The help texts, made of what the verbs say of themselves. */
import { OPTIONS } from './command.ts';
import type { Option, Verb } from './verb.ts';
import { VERBS } from './verbs.ts';

/** Of these words only those forms are shown that are meant, if that can be told. */
export function usageOf(verb: Verb | undefined, words: readonly string[] = []): string {
  const synopses = verb?.synopses ?? ['<verb> … [--redis <url>] [--namespace <name>] [--json]'];
  const meant = synopses.filter((synopsis) => words.includes(synopsis.split(' ')[1] ?? ''));
  return (meant.length === 0 ? synopses : meant)
    .map((synopsis, at) => `${at === 0 ? 'usage:' : '      '} homeostat ${synopsis}`)
    .join('\n');
}

export function helpOf(verb: Verb | undefined): string {
  return verb === undefined ? overallHelp() : verbHelp(verb);
}

function overallHelp(): string {
  return [
    'homeostat: looks at the nodes of a namespace, and steers them',
    usageOf(undefined),
    rows(VERBS.map(({ name, summary }) => [name, summary])),
    optionRows(OPTIONS),
    [
      '`homeostat <verb> --help` says more. It joins as a node named cli that serves nothing, and leaves.',
      'It exits with 0; with 1 when something went wrong; with 2 when the command line is wrong.',
      'LOG_LEVEL=debug shows on stderr what it does.',
    ].join('\n'),
  ].join('\n\n');
}

function verbHelp({ synopses, summary, about, options = {}, examples, ...verb }: Verb): string {
  return [
    `homeostat ${verb.name}: ${summary}`,
    usageOf({ synopses, summary, about, examples, ...verb }),
    about.join('\n'),
    ...(Object.keys(options).length === 0 ? [] : [optionRows(options)]),
    optionRows(OPTIONS),
    ['examples:', ...examples.map((example) => `  homeostat ${example}`)].join('\n'),
  ].join('\n\n');
}

function optionRows(options: Readonly<Record<string, Option>>): string {
  return rows(
    Object.entries(options).map(([name, { value, says }]) => [
      value === undefined ? `--${name}` : `--${name} ${value}`,
      says,
    ]),
  );
}

function rows(said: readonly (readonly [string, string])[]): string {
  const width = Math.max(...said.map(([name]) => name.length));
  return said.map(([name, says]) => `  ${name.padEnd(width)}  ${says}`).join('\n');
}
