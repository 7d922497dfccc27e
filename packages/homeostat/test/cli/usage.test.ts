/** Everything that the command line says before it connects: no Redis is near. */
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { readCommand } from '../../src/cli/command.ts';
import { main } from '../../src/cli/main.ts';
import { VERBS } from '../../src/cli/verbs.ts';

async function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(words, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    redis: 'redis://127.0.0.1:1',
    logs: false,
    untilInterrupted: () => Promise.resolve(),
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
    ['schedules put x', '"put" must be one of list, cancel'],
    ['schedules list x', '"x" is too much'],
    ['schedules cancel', '<name> is missing'],
    ['alerts tell', '"tell" must be one of list, show, ack'],
    ['alerts list all', '"all" is too much'],
    ['alerts --severity ill', '"ill" must be one of critical, high, medium, low'],
    ['alerts --state over', '"over" must be one of open, acked'],
    ['alerts --limit 0', '--limit must be 1 to 10000'],
    ['alerts --since yesterday', '--since must be a time with its unit'],
    ['alerts --note x', '--note does not go with alerts list'],
    ['alerts show', '<id> is missing'],
    ['alerts ack a seen', '"seen" must be one of received, investigating, responding, resolved'],
    ['alerts ack a resolved --eta 5m', '--eta goes with received, investigating, responding only'],
    ['alerts resolve a b', '"b" is too much'],
    ['alerts escalate a', 'escalate asks for a --reason'],
    ['alerts silence --reason x --for 5m', 'silence asks which'],
    ['alerts silence --kind a --for 5m', 'silence asks for a --reason'],
    ['alerts silence --kind a --reason x', 'silence asks for how long'],
    ['alerts unsilence', '<id> is missing'],
    ['alerts silences now', '"now" is too much'],
    ['alerts stats --window 5', '--window must be a time with its unit'],
    ['alerts watch --level s2', '"s2" must be one of s1, s3, s4, s5'],
    ['alerts watch --min-severity ill', '"ill" must be one of critical'],
    ['alerts raise disk-full', 'raise asks for a --message'],
    ['alerts clear', '<kind> is missing'],
    ['alerts policy burst=1', '"burst=1" is too much'],
    ['alerts configure', '<key=value> is missing'],
    ['alerts configure burst', '"burst" is no key=value'],
    ['alerts configure burst=', '"burst=" has no value'],
    ['call', '<service.method> is missing'],
    ['call users', '"users" is no <service>.<method>'],
    ['call users.find 1 2', '"2" is too much'],
    ['cast users.find --timeout 5s', '--timeout does not go with cast'],
    ['cast users.find --delay 5', '--delay must be a time with its unit'],
    ['dead', '<service> is missing'],
    ['dead users now', '"now" is too much'],
    ['dead users{x}', '"users{x}" is no service'],
    ['dead users --all', '--all goes with replay and drop only'],
    ['dead users --limit 0', '--limit must be 1 to 10000'],
    ['dead replay', '<service> is missing'],
    ['dead replay users', 'replay asks for ids, or for --all'],
    ['dead drop users a --all', 'drop asks for ids, or for --all'],
    ['dead drop users --all --input', '--input does not go with drop'],
    ['stats users@', '"users@" is no service'],
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
  const { err: ofOne } = await run('config', 'set', 'users');
  t.is(ofOne.split('\n').length, 3, ofOne);
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

test('alerts.md says nothing to whoever is on call that the command line does not take (S3-62)', async (t) => {
  const page = await readFile(new URL('../../../../../docs/alerts.md', import.meta.url), 'utf8');
  const [, block = ''] = /```text\n(homeostat alerts [^`]*)```/.exec(page) ?? [];
  const lines = block.trim().split('\n');
  t.true(lines.length > 8);
  for (const line of lines) {
    const [command = ''] = line.split(/ {2,}/);
    const [, ...words] = (command.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
    const { verb, given } = readCommand(words, undefined);
    t.notThrows(() => verb?.plan(given), command);
    t.is(verb?.name, 'alerts');
  }
});
