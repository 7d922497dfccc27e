import test from 'ava';
import type { Alert, AlertRecord, Severity } from '../../src/alerts/alert.ts';
import { digestOf } from '../../src/alerts/digest.ts';
import type { Admission } from '../../src/alerts/judgement.ts';
import { parseRecord } from '../../src/alerts/alert-schema.ts';
import { isStorming, stormFire, stormRaise } from '../../src/alerts/storm.ts';
import { ack, fire, raise, resolve } from '../../src/alerts/transitions.ts';
import { kept, MINUTE, momentAt, NOTIFY, raisedOf, SECOND, START, toldBy } from './judging.ts';

const STORMY: Admission = { kind: 'held', by: 'storm', until: START + MINUTE };

function brokenOut(afterMs = 0, rate = 51): AlertRecord {
  return kept(stormRaise(undefined, { reporter: 'n1', rate, token: 't1' }, momentAt(afterMs), 'storm-1'));
}

function hail(n: number, afterMs: number, admission: Admission, severity: Severity = 'high'): AlertRecord {
  const more = {
    fingerprint: `h${n}`,
    kind: `kind-${n % 5}`,
    source: { service: `s${n % 4}`, nodeId: 'n1' },
    at: START + afterMs,
  };
  return kept(raise(undefined, raisedOf(severity, more), admission, momentAt(afterMs), `hail-${n}`));
}

test('more than fifty new alerts in ten seconds are a storm: one alert, high, straight to s5 (S3-58)', (t) => {
  t.is(stormRaise(undefined, { reporter: 'n1', rate: 50, token: 't' }, momentAt(0), 'x'), undefined);
  const storm = brokenOut();
  t.like(storm, { kind: 'storm', fingerprint: 'storm', severity: 'high', level: 's5', bypass: true, state: 'open' });
  t.like(storm, { timer: 'digest', dueAt: START + 10 * SECOND, message: 'storm: 51 new alerts in 10 s' });
  t.deepEqual(toldBy(storm), ['0 s raised → s5 s3 s1']);
  t.true(isStorming(storm));
  t.is(stormRaise(storm, { reporter: 'n2', rate: 900, token: 't2' }, momentAt(SECOND), 'x'), undefined, 'it is on');
});

test('what it holds back comes as one digest, each ten seconds', (t) => {
  const storm = brokenOut();
  const live = Array.from({ length: 100 }, (_, n) => hail(n, 100 * n, STORMY));
  t.is(stormFire(storm, live, 100, momentAt(10 * SECOND - 1)), undefined, 'not yet');
  const first = stormFire(storm, live, 100, momentAt(10 * SECOND, 'n2'));
  t.is(first?.event, 'digested');
  const { notices, dueAt } = kept(first);
  t.is(dueAt, START + 20 * SECOND);
  t.deepEqual(toldBy(kept(first)), ['0 s raised → s5 s3 s1', '10 s digest → s5 s3 s1']);
  const digest = notices.at(-1)?.digest;
  t.is(digest?.total, 91, 'of the last second not everything may be known yet');
  t.is(
    digest?.groups.reduce((sum, { alerts }) => sum + alerts, 0),
    91,
  );
  t.is(digest?.groups.length, 20);
  const second = stormFire(kept(first), live, 60, momentAt(20 * SECOND));
  t.is(kept(second).notices.at(-1)?.digest?.total, 9);
  t.is(kept(second).notices[1]?.digest, undefined, 'only the last digest is kept');
  const third = stormFire(kept(second), live, 60, momentAt(30 * SECOND));
  t.is(third?.event, 'changed');
  t.is(kept(third).noticed, 3, 'where there is nothing to tell there is no digest');
});

test('a thousand in ten seconds with three critical ones: the totals add up to 1003', (t) => {
  const live: AlertRecord[] = [];
  for (let n = 0; n < 50; n += 1) live.push(hail(n, n, NOTIFY));
  const storm = brokenOut(50);
  for (let n = 50; n < 1_000; n += 1) live.push(hail(n, 9.5 * n, STORMY));
  for (let n = 0; n < 3; n += 1) live.push(hail(2_000 + n, 5 * SECOND, STORMY, 'critical'));
  let record = storm;
  const digests: number[] = [];
  for (let turns = 0; isStorming(record) && turns < 100; turns += 1) {
    const now = (record.dueAt ?? 0) - START;
    const before = record.noticed;
    record = kept(stormFire(record, live, now <= 20 * SECOND ? 500 : 0, momentAt(now)));
    if (record.noticed > before) digests.push(record.notices.at(-1)?.digest?.total ?? 0);
  }
  t.deepEqual(digests, [903, 47]);
  const one = live.filter(({ noticed }) => noticed > 0).length;
  t.is(one, 53);
  t.is(one + digests.reduce((sum, total) => sum + total, 0), 1_003);
  t.like(record, { state: 'resolved', resolution: 'cleared', timer: 'expire' });
  t.like(record.metrics, { alerts: 1_003, held: 950, digests: 2 });
  t.is(record.message, 'storm: 1003 alerts, 950 of them told in digests');
  t.is(record.resolvedAt, START + 70 * SECOND + 50, 'sixty seconds after it was last above half the rate');
});

test('it is over after a minute below half the rate, and begins anew with the first look above it', (t) => {
  let record = brokenOut();
  const rates = [24, 24, 25, 24, 24, 24, 24, 24];
  for (const [n, rate] of rates.entries()) record = kept(stormFire(record, [], rate, momentAt((n + 1) * 10 * SECOND)));
  t.true(isStorming(record));
  record = kept(stormFire(record, [], 24, momentAt(90 * SECOND)));
  t.false(isStorming(record));
});

test('what comes in the last moment is told before it is over', (t) => {
  const storm = { ...brokenOut(), lastAt: START - MINUTE };
  const late = stormFire(storm, [hail(1, 9_900, STORMY)], 0, momentAt(10 * SECOND));
  t.is(late?.event, 'resolved');
  t.is(kept(late).notices.at(-1)?.digest?.total, 1);
});

test('an escalation that it holds back is in the digest, and no new alert', (t) => {
  const old = hail(1, -5 * MINUTE, NOTIFY);
  const held = kept(fire(old, momentAt(SECOND), STORMY));
  const record = kept(stormFire(brokenOut(), [held], 60, momentAt(10 * SECOND)));
  t.is(record.notices.at(-1)?.digest?.total, 1);
  t.like(record.metrics, { alerts: 0, held: 0 });
});

test('a storm that comes back soon is the same; later it is another', (t) => {
  const over = kept(resolve(brokenOut(), {}, momentAt(MINUTE)));
  t.false(isStorming(over));
  const soon = stormRaise(over, { reporter: 'n2', rate: 80, token: 't2' }, momentAt(2 * MINUTE), 'storm-2');
  t.is(soon?.event, 'reopened');
  t.like(kept(soon), { id: 'storm-1', flaps: 1, state: 'open', timer: 'digest', resolution: undefined });
  t.is(toldBy(kept(soon)).at(-1), '120 s reopened → s5 s3 s1');
  const later = stormRaise(over, { reporter: 'n2', rate: 80, token: 't2' }, momentAt(6 * MINUTE), 'storm-2');
  t.like(kept(later), { id: 'storm-2', flaps: 0 });
  t.is(later?.archived?.id, 'storm-1');
});

test('whoever has seen the storm does not stop its clock', (t) => {
  const acked = kept(ack(brokenOut(), {}, momentAt(SECOND, 'ada')));
  t.like(acked, { state: 'acked', timer: 'digest', dueAt: START + 10 * SECOND });
  t.true(isStorming(acked));
  t.is(stormFire(acked, [], 0, momentAt(10 * SECOND))?.event, 'changed');
});

test('a digest has the worst first, and room for a bounded number of groups', (t) => {
  const alert = (n: number, severity: Severity, count: number): Alert => ({
    ...hail(n, 0, NOTIFY, severity),
    kind: `k${n}`,
    count,
  });
  const { total, groups } = digestOf([alert(1, 'low', 9), alert(2, 'high', 1), alert(3, 'medium', 5)], 1, 2);
  t.is(total, 3);
  t.deepEqual(
    groups.map(({ kind }) => kind),
    ['k2', 'k3', 'k1'],
  );
  const many = digestOf(
    Array.from({ length: 500 }, (_, n) => alert(n, n === 499 ? 'high' : 'low', 2)),
    1,
    2,
  );
  t.is(many.groups.length, 32);
  t.is(
    many.groups.reduce((sum, { alerts }) => sum + alerts, 0),
    500,
  );
  t.is(
    many.groups.reduce((sum, { count }) => sum + count, 0),
    1_000,
  );
  t.like(many.groups[0], { kind: 'k499', severity: 'high' });
  t.like(many.groups.at(-1), { service: '*', kind: '*', alerts: 469 });
  t.deepEqual(digestOf([], 1, 2), { from: 1, to: 2, total: 0, groups: [] });
});

test('however long it blows, its record stays small and can be read', (t) => {
  let record = brokenOut();
  const live = Array.from({ length: 400 }, (_, n) => hail(n, 0, NOTIFY)).map((alert, n) => ({
    ...alert,
    kind: `kind-${n}`,
  }));
  for (let turn = 1; turn <= 100; turn += 1) {
    const at = START + turn * 10 * SECOND - 5 * SECOND;
    const stormy = live.map((alert) => ({
      ...alert,
      history: [{ at, event: 'held', by: 'n1', note: 'storm' }] as const,
    }));
    record = kept(stormFire(record, stormy, 400, momentAt(turn * 10 * SECOND)));
  }
  t.is(record.noticed, 101);
  t.true(JSON.stringify(record).length < 16_384, `${JSON.stringify(record).length} bytes`);
  t.truthy(parseRecord(JSON.parse(JSON.stringify(record))));
});
