import test from 'ava';
import type { Alert } from '../../src/alerts/alert.ts';
import { alertSchema, parseRecord } from '../../src/alerts/alert-schema.ts';
import { DOCUMENTED } from './documented-alerts.ts';
import { begun, kept, Slot, START } from './judging.ts';
import { stormRaise } from '../../src/alerts/storm.ts';
import { momentAt } from './judging.ts';

const [critical] = DOCUMENTED as [Alert];

function refusedAt(alert: unknown): string | undefined {
  const result = alertSchema.safeParse(alert);
  return result.success ? undefined : result.error.issues[0]?.path.join('.');
}

test('the six documented alerts are alerts (S3-51)', (t) => {
  t.deepEqual(
    DOCUMENTED.map(({ type, severity, kind }) => [type, severity, kind]),
    [
      ['pain', 'critical', 'breaker-open'],
      ['pain', 'high', 'node-expired'],
      ['pain', 'medium', 'mailbox-filling'],
      ['pain', 'low', 'config-rejected'],
      ['pleasure', 'medium', 'faster'],
      ['pain', 'high', 'storm'],
    ],
  );
  for (const alert of DOCUMENTED) {
    t.is(refusedAt(alert), undefined, alert.kind);
    t.deepEqual(alertSchema.parse(JSON.parse(JSON.stringify(alert))), JSON.parse(JSON.stringify(alert)));
  }
});

test('no message, no kind, empty metrics, an unknown type or severity: no alert (S3-51)', (t) => {
  t.is(refusedAt({ ...critical, message: '' }), 'message');
  t.is(refusedAt({ ...critical, message: undefined }), 'message');
  t.is(refusedAt({ ...critical, kind: '' }), 'kind');
  t.is(refusedAt({ ...critical, metrics: {} }), 'metrics');
  t.is(refusedAt({ ...critical, type: 'itch' }), 'type');
  t.is(refusedAt({ ...critical, severity: 'catastrophic' }), 'severity');
  t.is(refusedAt({ ...critical, severity: 'severe' }), 'severity', 'other words are for those who raise');
  t.is(refusedAt({ ...critical, metrics: { rate: Number.NaN } }), 'metrics.rate');
  t.is(refusedAt({ ...critical, source: {} }), 'source.nodeId');
  t.is(refusedAt({ ...critical, state: 'closed' }), 'state');
  t.is(refusedAt({ ...critical, level: 's2' }), 'level');
});

test('what the state machine makes can be read again', (t) => {
  const slots = [
    new Slot().raise('critical').runTo(100_000).ack({ note: 'on it' }).clear('n1'),
    new Slot().raise('high', { metrics: { full: 0.97, disk: '/var' }, tags: ['anomalous'], actions: ['delete'] }),
    new Slot().raise('medium', {}, { kind: 'held', by: 'inhibition', until: START + 1, root: 'f0' }),
    new Slot().raise('low'),
    new Slot().raise('high', { type: 'pleasure' }),
  ];
  const storm = stormRaise(undefined, { reporter: 'n1', rate: 51, token: 't' }, momentAt(0), 'a1');
  for (const record of [...slots.map(({ record }) => record!), kept(storm)]) {
    const body: unknown = JSON.parse(JSON.stringify(record));
    t.deepEqual(JSON.parse(JSON.stringify(parseRecord(body))), body);
  }
});

test('what is no record is none, whatever it is', (t) => {
  const record = begun('high');
  const strange: readonly unknown[] = [
    undefined,
    null,
    '',
    'alert',
    7,
    [],
    {},
    [record],
    critical,
    { ...record, bypass: 'yes' },
    { ...record, tokens: 'abc' },
    { ...record, tokens: Array.from({ length: 17 }, () => 't') },
    { ...record, history: Array.from({ length: 65 }, () => record.history[0]) },
    { ...record, notices: [{ n: 0, at: 1, to: ['s1'], why: 'raised' }] },
    { ...record, reached: { s2: 1 } },
    { ...record, reached: { s1: 'x' } },
    { ...record, attenuated: { boredom: 1 } },
    { ...record, message: 'x'.repeat(2_001) },
    { ...record, dueAt: Number.POSITIVE_INFINITY },
    { ...record, count: -1 },
    { ...record, timer: 'alarm' },
    JSON.parse('{"__proto__": {"id": "a1"}}'),
  ];
  for (const body of strange) t.is(parseRecord(body), undefined);
});

test('fields that nobody knows are left out', (t) => {
  const read = parseRecord({ ...begun('high'), surprise: 'x'.repeat(100_000), __proto__: { evil: true } });
  t.false(Object.hasOwn(read!, 'surprise'));
  t.is((read as unknown as { evil?: boolean }).evil, undefined);
});
