/** Reads the command line: which verb, its words, the options. Pure. */
import { parseArgs } from 'node:util';
import { Arguments } from './arguments.ts';
import type { Target } from './session.ts';
import { UsageError } from './usage-error.ts';
import type { Option, Verb } from './verb.ts';
import { VERBS } from './verbs.ts';

const DEFAULT_REDIS = 'redis://localhost:6379';
const DEFAULT_NAMESPACE = 'homeostat';
const DEFAULT_LANES = 1;

/** Of every verb. */
export const OPTIONS: Readonly<Record<string, Option>> = {
  redis: { value: '<url>', says: `Where Redis is (default: REDIS_URL, else ${DEFAULT_REDIS})` },
  namespace: { value: '<name>', says: `The namespace of the nodes (default: ${DEFAULT_NAMESPACE})` },
  lanes: { value: '<count>', says: `The lanes of the namespace (default: ${DEFAULT_LANES})` },
  json: { says: 'JSON instead of tables; an error is JSON on stderr' },
  help: { says: 'What a verb does and takes' },
  version: { says: 'The version of this package' },
};

export interface Command {
  /** Undefined: none was named. */
  readonly verb: Verb | undefined;
  readonly given: Arguments;
  readonly target: Omit<Target, 'logs'>;
  readonly json: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

/** The verb of a command line that may be wrong in other ways, for the usage line. */
export function verbIn(words: readonly string[]): Verb | undefined {
  const first = words.find((word) => VERBS.some(({ name }) => name === word));
  return VERBS.find(({ name }) => name === first);
}

/** @throws UsageError */
export function readCommand(words: readonly string[], redis: string | undefined): Command {
  const { positionals, values } = parsed(words);
  const [name, ...rest] = positionals;
  const verb = VERBS.find((one) => one.name === name);
  if (name !== undefined && verb === undefined) throw new UsageError(`there is no verb "${name}"`);
  for (const option of Object.keys(values)) {
    if (!Object.hasOwn(OPTIONS, option) && verb?.options?.[option] === undefined)
      throw new UsageError(`--${option} does not go with ${name ?? 'no verb'}`);
  }
  const given = new Arguments(rest, values);
  return {
    verb,
    given,
    target: {
      redis: given.text('redis') ?? (redis || DEFAULT_REDIS),
      namespace: given.text('namespace') ?? DEFAULT_NAMESPACE,
      lanes: given.whole('lanes') ?? DEFAULT_LANES,
    },
    json: given.flag('json'),
    help: given.flag('help'),
    version: given.flag('version'),
  };
}

interface Parsed {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

/** An option may stand before its verb: so all of them are known here. */
function parsed(words: readonly string[]): Parsed {
  const all = Object.entries(Object.assign({}, OPTIONS, ...VERBS.map(({ options }) => options)) as typeof OPTIONS);
  const options = Object.fromEntries(
    all.map(([name, { value }]) => [name, { type: value === undefined ? ('boolean' as const) : ('string' as const) }]),
  );
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true }) as Parsed;
  } catch (thrown) {
    throw new UsageError(firstSentence(thrown));
  }
}

/** The rest of what `parseArgs` says is about dashes. */
function firstSentence(thrown: unknown): string {
  const [line = ''] = (thrown as Error).message.split(/\n|\. To specify/);
  return line.replace(/\.$/, '');
}
