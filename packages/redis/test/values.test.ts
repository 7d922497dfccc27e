/** The parts that need no server: what is watched, what time it is, what entries and errors mean. */
import test from 'ava';
import { ones, parseEntries, type RawEntry } from '../src/claims.ts';
import { replyCode, transportError } from '../src/errors.ts';
import { redis } from '../src/index.ts';
import { parseOptions } from '../src/options.ts';
import { changedInstances, instancesOf, stalled } from '../src/instances.ts';
import { BackendTime, monotonic, sampleOf } from '../src/time.ts';
import { Watch } from '../src/watch.ts';

const BEAT = { intervalMs: 100, ttlMs: 1_000 };

function watching(...ids: string[]): Watch {
  const watch = new Watch('me', BEAT);
  watch.members(['me', ...ids]);
  return watch;
}

const REPORT = JSON.stringify({
  name: 'n',
  status: 'healthy',
  serves: { 'a@1': { status: 'healthy' }, 'a@2': { status: 'degraded', tags: [] }, 'b@1': { status: 'draining' } },
});

test('the index has an entry for each service, with all its versions and nothing of the others', (t) => {
  const instances = instancesOf(REPORT);
  t.deepEqual([...instances.keys()], ['a', 'b']);
  t.deepEqual(JSON.parse(instances.get('a') ?? ''), {
    name: 'n',
    status: 'healthy',
    serves: { 'a@1': { status: 'healthy' }, 'a@2': { status: 'degraded', tags: [] } },
  });
  for (const nothing of ['', '{}', '[]', 'null', '{"serves":[]}', '{"serves":3}', '{'])
    t.is(instancesOf(nothing).size, 0, nothing);
});

test('only what has changed in the index is written', (t) => {
  const before = instancesOf(REPORT);
  t.deepEqual(changedInstances(before, before), []);
  const after = new Map([...before, ['c', '{}']]);
  after.delete('a');
  t.deepEqual(changedInstances(before, after), ['c', '{}', 'a', '']);
  t.deepEqual(changedInstances(new Map(), before), [...before].flat());
});

test('a stalled node and all it serves is unhealthy, except what drains', (t) => {
  const hangs = { status: 'unhealthy', reason: 'its main thread hangs' };
  t.deepEqual(JSON.parse(stalled(REPORT)), {
    name: 'n',
    ...hangs,
    serves: { 'a@1': hangs, 'a@2': { ...hangs, tags: [] }, 'b@1': { status: 'draining' } },
  });
  t.is(stalled(stalled(REPORT)), stalled(REPORT));
});

test('a node watches its three successors on the ring', (t) => {
  const watch = new Watch('m', BEAT);
  watch.members(['z', 'a', 'm', 'n', 'b', 'c']);
  t.deepEqual(watch.watched, ['n', 'z', 'a']);
  watch.members(['m', 'x']);
  t.deepEqual(watch.watched, ['x']);
  watch.members(['m']);
  t.deepEqual(watch.watched, []);
});

test('every node is watched by as many as there are others, up to three', (t) => {
  const ids = Array.from({ length: 10 }, (_, i) => `n${i}`);
  const seen = new Map<string, number>();
  for (const id of ids) {
    const watch = new Watch(id, BEAT);
    watch.members(ids);
    for (const watched of watch.watched) seen.set(watched, (seen.get(watched) ?? 0) + 1);
  }
  t.deepEqual(
    [...seen.values()],
    ids.map(() => 3),
  );
});

test('a counter that stands still for the time to live is silent; one that moves is not', (t) => {
  const watch = watching('quiet', 'alive');
  for (let now = 0; now < 900; now += 100)
    t.deepEqual(
      watch.sample(
        now,
        new Map([
          ['quiet', '7'],
          ['alive', String(now)],
        ]),
      ),
      [],
      `at ${now}`,
    );
  t.deepEqual(
    watch.sample(
      1_000,
      new Map([
        ['quiet', '7'],
        ['alive', '1000'],
      ]),
    ),
    [{ id: 'quiet', counter: '7' }],
  );
});

test('a gap in the own samples begins the watch anew: nobody could beat', (t) => {
  const watch = watching('other');
  watch.sample(0, new Map([['other', '7']]));
  watch.sample(100, new Map([['other', '7']]));
  t.deepEqual(watch.sample(5_000, new Map([['other', '7']])), []);
  for (let now = 5_100; now < 5_900; now += 100) t.deepEqual(watch.sample(now, new Map([['other', '7']])), []);
  t.is(watch.sample(6_000, new Map([['other', '7']])).length, 1);
});

test('fewer than three samples never declare anybody dead', (t) => {
  const watch = new Watch('me', { intervalMs: 1_000, ttlMs: 1_500 });
  watch.members(['me', 'other']);
  watch.sample(0, new Map([['other', '1']]));
  t.deepEqual(watch.sample(1_900, new Map([['other', '1']])), []);
  t.is(watch.sample(2_000, new Map([['other', '1']])).length, 1);
});

test('after an outage, however short, silence counts anew: all were cut off, and come back one by one', (t) => {
  const watch = watching('slow-to-return');
  const standing = new Map([['slow-to-return', '7']]);
  for (let now = 0; now < 900; now += 100) t.deepEqual(watch.sample(now, standing), []);
  watch.restart();
  for (let now = 1_000; now < 1_900; now += 100) t.deepEqual(watch.sample(now, standing), [], `at ${now}`);
  t.is(watch.sample(2_000, standing).length, 1);
});

test('a counter that is gone is no member to watch', (t) => {
  const watch = watching('other');
  for (let now = 0; now < 3_000; now += 100) t.deepEqual(watch.sample(now, new Map([['other', '']])), []);
});

test('backend time stands on the fastest sample, and follows a clock that was stepped', (t) => {
  const time = new BackendTime();
  const at = monotonic();
  time.offer(sampleOf('1000', '0', at - 10, at + 10));
  time.offer(sampleOf('1000', '500', at - 1, at + 1));
  time.offer(sampleOf('1000', '5000', at - 20, at + 20));
  t.true(Math.abs(time.now() - (1_000_000.5 + monotonic() - at)) < 0.5);
  time.offer(sampleOf('1060', '0', at - 20, at + 20));
  t.true(Math.abs(time.now() - (1_060_000 + monotonic() - at)) < 0.5, 'a minute forward');
});

const entry = (...fields: string[]): RawEntry => [Buffer.from('1-1'), fields.map((field) => Buffer.from(field))];

test('an entry becomes a claim with what its fields and its record say', (t) => {
  const { claims } = parseEntries(
    'm@1',
    [entry('f', 'bytes', 'n', '3', 't', '110', 'd', '2', 'h', '[]')],
    new Map([['1-1', '2|010|1|1:2,0:1']]),
  );
  const [claim] = claims;
  t.deepEqual(
    { ...claim, frame: Buffer.from(claim?.frame ?? []).toString(), hold: 0 },
    {
      mailbox: 'm@1',
      id: '1-1',
      frame: 'bytes',
      count: 3,
      todo: '010',
      deliveries: 2,
      crashes: 2,
      history: '[]',
      charges: new Map([
        [1, 2],
        [0, 1],
      ]),
      hold: 0,
    },
  );
});

test('what is no entry of ours is foreign, what was trimmed is trimmed, and nothing throws', (t) => {
  for (const fields of [
    ['x', 'y'],
    ['f', 'bytes'],
    ['n', '1'],
    ['f', 'bytes', 'n', 'x'],
    ['f', 'bytes', 'n', '-1'],
    ['f', 'bytes', 'n', '99999'],
    ['f', 'bytes', 'n', '2', 't', '1'],
    ['f', 'bytes', 'n', '2', 't', '1x'],
    ['f', 'b', 'n', '1', 'd', '-'],
    [],
  ]) {
    t.is(parseEntries('m@1', [entry(...fields)]).foreign.length, 1, fields.join(' '));
  }
  t.deepEqual(parseEntries('m@1', [[Buffer.from('1-1'), null]]).trimmed, ['1-1']);
  t.is(parseEntries('m@1', [entry('f', 'bytes', 'n', '1')], new Map([['1-1', 'nonsense']])).claims[0]?.crashes, 0);
  t.is(ones('10110'), 3);
});

function replyError(message: string): Error {
  const error = new Error(message);
  error.name = 'ReplyError';
  return error;
}

test('errors of Redis become errors of the port, and say nothing of what was sent', (t) => {
  const meant = (error: unknown): unknown[] => {
    const { code, outcome, retryable } = transportError('append', error);
    return [code, outcome, retryable];
  };
  t.deepEqual(meant(replyError('OOM command not allowed when used memory > maxmemory')), [
    'BACKEND_FULL',
    'not-executed',
    true,
  ]);
  t.deepEqual(meant(replyError('LOADING Redis is loading the dataset in memory')), ['TRANSPORT', 'not-executed', true]);
  t.deepEqual(meant(replyError("READONLY You can't write against a read only replica")), [
    'TRANSPORT',
    'not-executed',
    true,
  ]);
  t.deepEqual(meant(replyError('NOPERM this user has no permissions')), ['TRANSPORT', 'not-executed', false]);
  t.deepEqual(meant(replyError('WRONGTYPE Operation against a key')), ['TRANSPORT', 'not-executed', false]);
  t.deepEqual(meant(replyError('ERR something else with canary-secret')), ['TRANSPORT', 'unknown', true]);
  t.deepEqual(meant(new Error('Connection is closed.')), ['TRANSPORT', 'unknown', true]);
  for (const error of [
    replyError('ERR unknown canary-secret'),
    replyError('WRONGPASS canary-secret'),
    Object.assign(new Error('canary-secret'), { code: 'canary-secret' }),
    'canary-secret',
    null,
  ]) {
    t.false(transportError('append', error).message.includes('canary'));
  }
  t.is(replyCode(replyError('ERR Error running script: WRONGTYPE Operation against a key')), 'WRONGTYPE');
});

test('options are parsed at the door, the message names the path and never the value', (t) => {
  const refused = (options: unknown): string => t.throws(() => redis(options as never))?.message ?? '';
  t.regex(refused({ lanes: 0 }), /lanes/);
  t.regex(refused({ connection: 'canary' }), /connection/);
  t.regex(refused({ url: 'http://canary:secret@host' }), /url: must begin with/);
  t.regex(refused({ connection: { keyPrefix: 'x:' } }), /keyPrefix/);
  t.regex(refused({ beatThraed: false }), /beatThraed/);
  t.false(refused({ url: 'http://canary:secret@host' }).includes('secret'));
  t.is(redis('redis://user:canary@example.org:7000/3').name, 'redis example.org:7000');
  const parsed = parseOptions({ url: 'redis://user:pass@example.org:7000/3', connection: { db: 4 } });
  t.deepEqual(
    [
      parsed.connection.host,
      parsed.connection.port,
      parsed.connection.username,
      parsed.connection.password,
      parsed.connection.db,
      parsed.lanes,
    ],
    ['example.org', 7_000, 'user', 'pass', 4, 1],
  );
  t.truthy(parseOptions('rediss://example.org').connection.tls);
});
