/** docs/options.md against the options there are: their names both ways, and the defaults that the code has. */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { parseOptions } from '../src/ground/parse-options.ts';
import { actorOptionsSchema, nodeSettingsSchema } from '../src/node/options.ts';
import {
  DEFAULT_BREAKER,
  DEFAULT_CACHE,
  DEFAULT_CLAIM_CHECK,
  DEFAULT_RETRY,
  DEFAULT_SCALE,
  DEFAULT_SERVICE,
} from '../src/policies/service-settings.ts';

const root = new URL('../../../../', import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8');

interface Section {
  readonly file: string;
  readonly declared: string;
}

const core = (file: string, declared: string): Section => ({ file: `packages/core/src/${file}`, declared });
const settings = 'policies/service-settings.ts';

/** What stands under each heading: the interfaces that declare it, and the defaults, where the code has them as values. */
const SECTIONS: Readonly<Record<string, readonly [Section[], defaults?: object]>> = {
  createNode: [
    [
      core('node/options.ts', 'NodeSettings'),
      core('node/node.ts', 'NodeOptions'),
      { file: 'packages/homeostat/src/create-node.ts', declared: 'NodeOptions' },
    ],
    parseOptions(nodeSettingsSchema, {}, 'createNode'),
  ],
  redis: [[{ file: 'packages/redis/src/options.ts', declared: 'RedisBackendOptions' }]],
  'A method': [[core('contract/contract.ts', 'MethodSpec')]],
  actor: [[core('node/options.ts', 'ActorOptions')], parseOptions(actorOptionsSchema, { keyed: {} }, 'actor')],
  serve: [[core('serving/serve.ts', 'ServeOptions')]],
  'A request': [
    [core('calling/request-options.ts', 'RequestOptions'), core('calling/request-options.ts', 'CastOptions')],
  ],
  'A service': [[core(settings, 'MethodSettings'), core(settings, 'ServiceSettings')], DEFAULT_SERVICE],
  retry: [[core(settings, 'RetryPolicy')], { profile: undefined, ...DEFAULT_RETRY }],
  breaker: [[core('ports/breakers.ts', 'BreakerPolicy')], { profile: undefined, ...DEFAULT_BREAKER }],
  cache: [[core(settings, 'CachePolicy')], DEFAULT_CACHE],
  claimCheck: [[core(settings, 'ClaimCheckPolicy')], DEFAULT_CLAIM_CHECK],
  scale: [[core(settings, 'ScalePolicy')], DEFAULT_SCALE],
};
/** Options that are objects and have a section, or a page, of their own. */
const ELSEWHERE: ReadonlySet<string> = new Set([...Object.keys(SECTIONS), 'alerts']);
/** Short for fields: of no interface that holds what is settled. */
const SHORT = 'profile';

/** What the page says of each option under a heading: its default. */
async function told(heading: string): Promise<Map<string, string>> {
  const [, rest = ''] = (await read('docs/options.md')).split(new RegExp(`^#+ ${heading}$`, 'm'));
  const [section = ''] = rest.split(/^#/m);
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    rows.flatMap((row) => {
      const [, first = '', , said = ''] = row.split('|').map((cell) => cell.trim());
      const names = [...first.matchAll(/`([\w.]+)`/g)].map(([, name]) => name!);
      const values = said.split('; ');
      return names.map((name, at): [string, string] => [name, values.length === names.length ? values[at]! : said]);
    }),
  );
}

/** The names that an interface declares, without those it has from others. */
async function declaredBy({ file, declared }: Section): Promise<string[]> {
  const text = await read(file);
  const [, body = ''] = new RegExp(`export interface ${declared}\\b[^]*?\\{\\n([^]*?)\\n\\}`).exec(text) ?? [];
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name!);
}

const UNITS: Readonly<Record<string, number>> = {
  ...{ ms: 1, s: 1_000, min: 60_000, h: 3_600_000 },
  ...{ KiB: 1_024, MiB: 1_024 ** 2, GiB: 1_024 ** 3 },
};

/** `1 MiB and 1 KiB`, `5 min`, `on`, `full`: as the code has it. */
function valueOf(said: string): unknown {
  const text = said.replaceAll('`', '');
  if (text === 'on' || text === 'off') return text === 'on';
  const parts = text.split(' and ').map((part) => /^([\d,.]+)(?: (\w+))?$/.exec(part));
  if (parts.includes(null)) return text;
  return parts.reduce(
    (sum, part) => sum + Number(part![1]!.replaceAll(',', '')) * (part![2] === undefined ? 1 : UNITS[part![2]]!),
    0,
  );
}

function leaves(value: object, prefix = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
    if (typeof one === 'object' && one !== null) return Array.isArray(one) ? [] : leaves(one, `${prefix}${name}.`);
    return one === undefined || one === '' ? [] : [[`${prefix}${name}`, one]];
  });
}

for (const [heading, [sections, defaults = {}]] of Object.entries(SECTIONS)) {
  test(`options.md names the options of "${heading}", no others, and their defaults are those of the code`, async (t) => {
    const page = await told(heading);
    const declared = (await Promise.all(sections.map(declaredBy))).flat();
    const named = [...page.keys()].map((name) => name.split('.')[0]!).filter((name) => name !== SHORT);
    t.true(declared.length > 0);
    t.deepEqual([...new Set(named)].sort(), [...new Set(declared)].sort());
    const values = leaves(defaults).filter(([path]) => page.has(path));
    t.deepEqual(
      values.map(([path]) => [path, valueOf(page.get(path)!)]),
      values,
    );
    const nested = leaves(defaults).filter(([path]) => path.includes('.') && !ELSEWHERE.has(path.split('.')[0]!));
    t.deepEqual(
      nested.map(([path]) => path).filter((path) => !page.has(path)),
      [],
      'fields without a row',
    );
  });
}
