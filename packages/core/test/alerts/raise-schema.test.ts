import test from 'ava';
import type { AlertType, Raised, RaiseOptions } from '../../src/alerts/alert.ts';
import { DEFAULT_ALERT_POLICY } from '../../src/alerts/policy.ts';
import { parseRaise, type RaisePlace } from '../../src/alerts/raise-schema.ts';
import { ValidationError } from '../../src/ground/errors.ts';

const PLACE: RaisePlace = { nodeId: 'n1', now: 1_000, token: 't1', bypassKinds: DEFAULT_ALERT_POLICY.bypassKinds };
const PAIN: RaiseOptions = { kind: 'disk-full', message: 'no room left' };

function raised(more: Partial<RaiseOptions> = {}, type: AlertType = 'pain', place: Partial<RaisePlace> = {}): Raised {
  return parseRaise(type, { ...PAIN, ...more }, { ...PLACE, ...place });
}

test('kind and message are enough; it is medium then (S3-52)', (t) => {
  t.like(raised(), {
    type: 'pain',
    severity: 'medium',
    kind: 'disk-full',
    message: 'no room left',
    bypass: false,
    at: 1_000,
    count: 1,
    token: 't1',
    reporter: 'n1',
  });
  t.deepEqual(raised().source, { nodeId: 'n1' });
  t.deepEqual(raised({ service: 'store', method: 'put' }).source, { nodeId: 'n1', service: 'store', method: 'put' });
});

test('other words for severities are understood', (t) => {
  const words = ['critical', 'emergency', 'high', 'severe', 'error', 'medium', 'warning', 'low', 'info'] as const;
  t.deepEqual(
    words.map((severity) => raised({ severity }).severity),
    ['critical', 'critical', 'high', 'high', 'high', 'medium', 'medium', 'low', 'low'],
  );
});

test('critical, an emergency, and kinds of the policy pass everything; pleasure never does (S3-53)', (t) => {
  t.true(raised({ severity: 'critical' }).bypass);
  t.true(raised({ severity: 'emergency' }).bypass);
  t.true(raised({ emergency: true, severity: 'low' }).bypass);
  t.true(raised({ kind: 'system_failure' }).bypass);
  t.true(raised({ kind: 'security_breach' }).bypass);
  t.false(raised({ kind: 'security_breach_2' }).bypass);
  t.true(raised({ kind: 'fire-in-3' }, 'pain', { bypassKinds: ['fire-*'] }).bypass);
  t.false(raised({ severity: 'high', emergency: false }).bypass);
  t.false(raised({ severity: 'critical' }, 'pleasure').bypass);
});

test('what says nothing, or nothing that is understood, is refused (S3-52)', (t) => {
  const wrong: readonly (readonly [string, object])[] = [
    ['kind', { message: 'x' }],
    ['kind', { kind: ' ', message: 'x' }],
    ['message', { kind: 'x' }],
    ['message', { kind: 'x', message: '  ' }],
    ['severity', { ...PAIN, severity: 'catastrophic' }],
    ['severity', { ...PAIN, severity: 'toString' }],
    ['metrics', { ...PAIN, metrics: {} }],
    ['metrics.a', { ...PAIN, metrics: { a: { deep: true } } }],
    ['fingerprint', { ...PAIN, fingerprint: 'storm' }],
    ['onDelayMs', { ...PAIN, onDelayMs: -1 }],
    ['tags', { ...PAIN, tags: Array.from({ length: 17 }, (_, n) => `t${n}`) }],
  ];
  for (const [path, options] of wrong) {
    const error = t.throws(() => parseRaise('pain', options as RaiseOptions, PLACE), { instanceOf: ValidationError });
    t.is(error?.code, 'VALIDATION');
    t.is(error?.side, 'input');
    t.is(error?.issues[0]?.path.join('.'), path);
  }
  t.throws(() => parseRaise('pain', { ...PAIN, sevrity: 'high' } as RaiseOptions, PLACE), { message: /sevrity/ });
  t.throws(() => parseRaise('pain', undefined as unknown as RaiseOptions, PLACE), { instanceOf: ValidationError });
});

test('what is too long is cut, never in the middle of a character', (t) => {
  t.is(raised({ message: 'x'.repeat(5_000) }).message.length, 2_000);
  t.is(raised({ message: `${'x'.repeat(1_999)}🔥` }).message, 'x'.repeat(1_999));
  t.is(raised({ impact: 'x'.repeat(5_000) }).impact?.length, 500);
  t.is(raised({ actions: Array.from({ length: 100 }, () => 'x'.repeat(500)) }).actions?.length, 8);
});

test('at most 32 figures are kept, and those that are no numbers in JSON become words', (t) => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`m${n}`, n]));
  t.is(Object.keys(raised({ metrics: many }).metrics ?? {}).length, 32);
  const strange = { p99: Number.NaN, max: Infinity, min: -Infinity, ok: true, disk: '/var', used: 0.5 };
  t.deepEqual(raised({ metrics: strange }).metrics, { ...strange, p99: 'NaN', max: 'Infinity', min: '-Infinity' });
});

test('one condition has one fingerprint on every node, unless each has its own', (t) => {
  const at = (nodeId: string, more: Partial<RaiseOptions> = {}): string => raised(more, 'pain', { nodeId }).fingerprint;
  t.regex(at('n1'), /^[0-9a-f]{16}$/);
  t.is(at('n1'), at('n2'));
  t.not(at('n1', { perNode: true }), at('n2', { perNode: true }));
  const others = [{}, { service: 'a' }, { service: 'b' }, { method: 'a' }, { scope: 'a' }, { kind: 'a' }];
  t.is(new Set(others.map((more) => at('n1', more))).size, others.length);
  t.is(at('n1', { severity: 'high', message: 'other words' }), at('n1'));
  t.is(at('n1', { fingerprint: 'mine' }), 'mine');
});

test('pleasure never has the fingerprint of pain', (t) => {
  t.not(raised({}, 'pleasure').fingerprint, raised().fingerprint);
  t.not(raised({ fingerprint: 'mine' }, 'pleasure').fingerprint, raised({ fingerprint: 'mine' }).fingerprint);
});

test('a condition of a node is tagged with it, so that rules see it', (t) => {
  t.deepEqual(raised({ scope: 'node:n7', tags: ['rack-1'] }).tags, ['node:n7', 'rack-1']);
  t.is(raised({ scope: 'disk /var' }).tags, undefined);
});
