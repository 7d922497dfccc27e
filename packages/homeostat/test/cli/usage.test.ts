/** Everything that the command line says before it connects: no Redis is near. */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { main } from '../../src/cli/main.ts';
import { VERBS } from '../../src/cli/verbs.ts';

async function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(words, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    redis: 'redis://127.0.0.1:1',
    logs: false,
  });
  return { code, out, err };
}

test('wrong usage is code 2, with what is wrong and the usage line, and connects nowhere (S2-43)', async (t) => {
  const wrong: readonly (readonly [words: string, says: string])[] = [
    ['', 'name a verb'],
    ['nope', 'there is no verb "nope"'],
    ['status now', '"now" is too much'],
    ['instances', '<service> is missing'],
    ['mark users', '<nodeId> is missing'],
    ['mark users n ill', '"ill" must be one of healthy, degraded, unhealthy, draining, clear'],
    ['mark users n healthy --ttl 5', '--ttl must be a time with its unit'],
    ['mark users n clear --reason x', 'clear takes neither'],
    ['drain n --undo --ttl 5s', '--undo takes neither'],
    ['breaker a.b open', 'open asks for a --reason'],
    ['breaker a.b close --reason x --ttl 5s', '--ttl goes with open only'],
    ['config show users', '"show" must be one of get, set, history'],
    ['config set users', '<key=value> is missing'],
    ['config set users timeoutMs', '"timeoutMs" is no key=value'],
    ['config set users a..b=1', '"a..b=1" is no key=value'],
    ['config set users timeoutMs=', 'timeoutMs=null takes it back'],
    ['config set users timeoutMs=1 --expect one', '--expect must be a whole number'],
    ['config history --limit 0', '--limit must be 1 to 1000'],
    ['delivery get users local', '"get" must be one of set'],
    ['delivery set users sideways', '"sideways" must be one of auto, local, remote, disabled'],
    ['cache clear users a b', '"b" is too much'],
    ['stats users --reason x', '--reason does not go with stats'],
    ['status --what', "Unknown option '--what'"],
    ['status --redis', "Option '--redis <value>' argument missing"],
  ];
  for (const [words, says] of wrong) {
    const { code, out, err } = await run(...words.split(' ').filter((word) => word !== ''));
    t.deepEqual([code, out], [2, ''], words);
    t.true(err.startsWith('homeostat: ') && err.includes(says), `${words}: ${err}`);
    t.regex(err, /\nusage: homeostat /, words);
  }
  const { err } = await run('instances', '--json');
  t.deepEqual(JSON.parse(err), {
    error: { code: 'USAGE', message: '<service> is missing', usage: 'usage: homeostat instances <service>' },
  });
});

test('the help names every verb, and the help of a verb its usage, options and examples', async (t) => {
  const { code, out } = await run('--help');
  t.is(code, 0);
  for (const { name, synopses, options = {}, about, examples } of VERBS) {
    t.true(out.includes(`\n  ${name} `), name);
    const help = await run(name, '--help');
    t.is(help.code, 0);
    for (const synopsis of synopses) t.true(help.out.includes(` homeostat ${synopsis}\n`), synopsis);
    for (const option of Object.keys(options)) t.true(help.out.includes(`\n  --${option} `), option);
    for (const line of [...help.out.split('\n'), ...about]) t.true(line.length <= 120, line);
    t.true(examples.length > 0 && examples.every((example) => example.startsWith(name)));
  }
});

test('the version is that of the package', async (t) => {
  const { code, out } = await run('--version');
  t.is(code, 0);
  t.regex(out, /^\d+\.\d+\.\d+\n$/);
});

test('operations.md lists every form of every verb, and no other', async (t) => {
  const page = await readFile(new URL('../../../../../docs/operations.md', import.meta.url), 'utf8');
  const [, block = ''] = /```text\n(homeostat status\n[^`]*)```/.exec(page) ?? [];
  t.deepEqual(
    block.trim().split('\n').sort(),
    VERBS.flatMap(({ synopses }) => synopses.map((synopsis) => `homeostat ${synopsis}`)).sort(),
  );
});
