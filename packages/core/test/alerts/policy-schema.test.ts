import test from 'ava';
import { alertPolicySchema, mergePolicy } from '../../src/alerts/policy-schema.ts';
import { DEFAULT_ALERT_POLICY } from '../../src/alerts/policy.ts';

test('what is said holds, and the rest stays as it is', (t) => {
  const said = alertPolicySchema.parse({
    severities: { high: { ackByMs: 60_000, perMinute: null } },
    storm: { enter: 200 },
    bypassKinds: ['fire-*'],
  });
  const policy = mergePolicy(DEFAULT_ALERT_POLICY, said);
  t.deepEqual(policy.severities.high, { ...DEFAULT_ALERT_POLICY.severities.high, ackByMs: 60_000, perMinute: null });
  t.deepEqual(policy.severities.medium, DEFAULT_ALERT_POLICY.severities.medium);
  t.deepEqual(policy.storm, { ...DEFAULT_ALERT_POLICY.storm, enter: 200 });
  t.deepEqual(policy.bypassKinds, ['fire-*']);
  t.is(policy.reopenMs, DEFAULT_ALERT_POLICY.reopenMs);
});

test('nothing said, or said as undefined, changes nothing', (t) => {
  t.deepEqual(mergePolicy(DEFAULT_ALERT_POLICY, {}), DEFAULT_ALERT_POLICY);
  const undefineds = { burst: undefined, severities: { low: { ttlMs: undefined }, high: undefined }, storm: undefined };
  t.deepEqual(mergePolicy(DEFAULT_ALERT_POLICY, undefineds), DEFAULT_ALERT_POLICY);
});

test('the defaults are a policy', (t) => {
  t.deepEqual(alertPolicySchema.parse(DEFAULT_ALERT_POLICY), DEFAULT_ALERT_POLICY);
});

test('what is no policy is refused, with its path', (t) => {
  const wrong: readonly (readonly [string, object])[] = [
    ['', { severity: {} }],
    ['severities.high', { severities: { high: { ackBy: 1 } } }],
    ['severities', { severities: { awful: {} } }],
    ['severities.high.ackByMs', { severities: { high: { ackByMs: -1 } } }],
    ['severities.high.first.0', { severities: { high: { first: ['s2'] } } }],
    ['severities.critical.perMinute', { severities: { critical: { perMinute: 5 } } }],
    ['severities.critical.first', { severities: { critical: { first: ['s3'] } } }],
    ['storm.digestMs', { storm: { digestMs: 0 } }],
    ['reopenMs', { reopenMs: 0 }],
    ['bypassKinds.0', { bypassKinds: [''] }],
  ];
  for (const [path, given] of wrong) {
    const result = alertPolicySchema.safeParse(given);
    t.is(result.error?.issues[0]?.path.join('.'), path, JSON.stringify(given));
  }
});
