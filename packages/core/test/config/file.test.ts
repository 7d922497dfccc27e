import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readConfigFile } from '../../src/config/file.ts';

const folder = await mkdtemp(join(tmpdir(), 'homeostat-config-'));
test.after.always(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

test('a TOML file sets services, with environment variables and their defaults filled in (S1-08)', async (t) => {
  const path = await file(
    'services.toml',
    `
[defaults]
timeoutMs = 5000

[services.user-service]
timeoutMs = "\${USERS_TIMEOUT:2500}"
deliveryReason = "run by \${TEAM}"
breaker = { failureThreshold = 3 }
`,
  );
  t.deepEqual(await readConfigFile(path, { TEAM: 'core' }), {
    defaults: { timeoutMs: 5_000 },
    services: {
      'user-service': { timeoutMs: 2_500, deliveryReason: 'run by core', breaker: { failureThreshold: 3 } },
    },
  });
});

test('a JSON file says the same', async (t) => {
  const path = await file('services.json', '{"services":{"users":{"retry":"aggressive","failFast":"${FAST:true}"}}}');
  t.deepEqual(await readConfigFile(path, {}), { services: { users: { retry: 'aggressive', failFast: true } } });
});

test('a variable that is neither set nor has a default is named, with where it stands (S1-08)', async (t) => {
  const path = await file('missing.json', '{"services":{"users":{"deliveryReason":"${NOWHERE}"}}}');
  await t.throwsAsync(readConfigFile(path, {}), {
    code: 'CONFIG',
    message: /services\.users\.deliveryReason.*NOWHERE/,
  });
});

test('a wrong or unknown setting is named with its path (S1-07)', async (t) => {
  const wrong = await file('wrong.json', '{"services":{"users":{"timeoutMs":"soon"}}}');
  await t.throwsAsync(readConfigFile(wrong, {}), { code: 'CONFIG', message: /services\.users\.timeoutMs/ });
  const unknown = await file('unknown.json', '{"service":{}}');
  await t.throwsAsync(readConfigFile(unknown, {}), { code: 'CONFIG', message: /service/ });
});

test('a file that is not there, cannot be parsed, or is of another kind is a clear error', async (t) => {
  await t.throwsAsync(readConfigFile(join(folder, 'none.json'), {}), { code: 'CONFIG', message: /cannot be read/ });
  await t.throwsAsync(readConfigFile(await file('bad.toml', '= 1'), {}), { code: 'CONFIG', message: /no valid toml/ });
  await t.throwsAsync(readConfigFile(await file('x.yaml', 'a: 1'), {}), {
    code: 'CONFIG',
    message: /\.json or \.toml/,
  });
});
