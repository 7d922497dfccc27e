/** The pure rules of delivery. */
import test from 'ava';
import type { AlertRecord, Notice } from '../../src/alerts/alert.ts';
import { dueNotice } from '../../src/alerts/delivery/due-notice.ts';
import { anyoneHears, hearsOf } from '../../src/alerts/delivery/hears.ts';
import { concerns } from '../../src/alerts/delivery/match.ts';
import { planOf } from '../../src/alerts/delivery/plan.ts';
import { first } from '../../src/alerts/delivery/queue.ts';
import type { AlertFilter, AlertSink } from '../../src/alerts/subscriber.ts';
import { begun, START } from './judging.ts';

const handle = (): void => {};

const fits = (filter: AlertFilter, record: AlertRecord): boolean => concerns(planOf(filter, handle, {}).wanted, record);

test('every field of a filter must fit', (t) => {
  const alert = begun('high', { source: { service: 'store', nodeId: 'n1' }, kind: 'disk-full', tags: ['disk', 'eu'] });
  const fitting: AlertFilter[] = [
    {},
    { minSeverity: 'high' },
    { minSeverity: 'low' },
    { types: ['pleasure', 'pain'] },
    { services: ['orders', 'store'] },
    { kinds: ['disk-full'] },
    { tags: ['eu'] },
    { tags: ['eu', 'disk'], kinds: ['disk-full'], services: ['store'], minSeverity: 'medium', types: ['pain'] },
  ];
  for (const filter of fitting) t.true(fits(filter, alert), JSON.stringify(filter));
  const others: AlertFilter[] = [
    { minSeverity: 'critical' },
    { types: ['pleasure'] },
    { services: ['orders'] },
    { kinds: ['disk'] },
    { tags: ['eu', 'us'] },
    { services: ['store'], kinds: ['disk'] },
  ];
  for (const filter of others) t.false(fits(filter, alert), JSON.stringify(filter));
  t.false(fits({}, begun('high', { type: 'pleasure' })), 'pleasure is for those who name it');
  t.false(fits({ services: ['store'] }, begun('high', { source: { nodeId: 'n1' } })));
});

const noticeOf = (n: number, to: Notice['to'], digest = false): Notice => ({
  n,
  at: START + n,
  to,
  why: digest ? 'digest' : 'raised',
  ...(digest && { digest: { from: 0, to: n, total: n, groups: [] } }),
});

test('of the notices for a level the latest is due that comes after the last delivered', (t) => {
  const record: AlertRecord = {
    ...begun('high'),
    noticed: 3,
    reached: { s1: 1, s3: 1, s4: 2, s5: 3 },
    notices: [noticeOf(1, ['s1', 's3']), noticeOf(2, ['s4']), noticeOf(3, ['s5'])],
  };
  t.is(dueNotice(record, 's3', 0)?.n, 1);
  t.is(dueNotice(record, 's3', 1), undefined);
  t.is(dueNotice(record, undefined, 1)?.n, 3);
  t.is(dueNotice(record, 's5', 3), undefined);
  t.is(dueNotice({ ...record, state: 'resolved' }, 's5', 0), undefined);
  t.is(dueNotice({ ...record, state: 'cleared-unacked' }, 's5', 0)?.n, 3);
  t.is(dueNotice({ ...record, reached: {}, noticed: 0, notices: [] }, undefined, 0), undefined, 'low is never told');
});

test('a notice that the alert no longer remembers is due nonetheless', (t) => {
  const record: AlertRecord = { ...begun('critical'), noticed: 40, reached: { s3: 1, s5: 40 }, notices: [] };
  t.like(dueNotice(record, 's3', 0), { n: 1, to: ['s3'] });
});

test('of what is over a digest is due, and nothing else; pleasure is due at every level', (t) => {
  const record: AlertRecord = {
    ...begun('high'),
    state: 'resolved',
    noticed: 2,
    reached: { s4: 1, s5: 2 },
    notices: [noticeOf(1, ['s4']), noticeOf(2, ['s5'], true)],
  };
  t.is(dueNotice(record, 's5', 0)?.n, 2);
  t.is(dueNotice(record, 's5', 2), undefined);
  t.is(dueNotice(record, 's4', 0), undefined);
  t.is(dueNotice(begun('low', { type: 'pleasure' }), 's5', 0)?.n, 1);
});

test('the highest priority goes first, then the older alert; what is old comes after what is fresh (S3-59)', (t) => {
  const at = (record: AlertRecord, firstAt: number): { readonly record: AlertRecord } => ({
    record: { ...record, firstAt: START + firstAt },
  });
  const medium = at(begun('medium'), 0);
  const high = at(begun('high'), 0);
  const odd = at(begun('high', { tags: ['anomalous'] }), 10);
  const later = at(begun('high'), 10);
  const items = [medium, later, high, odd];
  const order = (now: number): unknown[] => {
    const left = new Set(items);
    return items.map(() => {
      const next = first(left, START + now)!;
      left.delete(next);
      return next;
    });
  };
  t.deepEqual(order(20), [odd, high, later, medium]);
  t.deepEqual(order(60_005), [odd, later, high, medium]);
  t.is(first([], START), undefined);
});

test('the same filter makes the same group on every node; a sink and an option name it', (t) => {
  const name = (filter: AlertFilter): string => planOf(filter, handle, {}).name;
  t.is(name({ level: 's5' }), 's5');
  t.is(name({}), 'any');
  t.is(name({ services: ['b', 'a'], level: 's3', minSeverity: 'high' }), 's3 high+ services=a,b');
  t.is(name({ minSeverity: 'high', level: 's3', services: ['a', 'b'] }), 's3 high+ services=a,b');
  t.not(name({ services: ['a'] }), name({ kinds: ['a'] }));
  const long = (last: string): string => name({ kinds: [...Array.from({ length: 99 }, (_, n) => `kind-${n}`), last] });
  t.is(long('x').length, 120);
  t.not(long('x'), long('y'));
  const sink: AlertSink = { name: 'pager', human: true, handle };
  t.like(planOf({}, sink, {}), { name: 'pager', human: true, concurrency: 1, timeoutMs: 30_000, mode: 'group' });
  t.like(planOf({}, sink, { name: 'night', human: false }), { name: 'night', human: false });
  t.false(planOf({}, handle, {}).human);
});

test('a node says which levels of pain it hears', (t) => {
  const wanted = (filter: AlertFilter) => planOf(filter, handle, {}).wanted;
  const hears = hearsOf([wanted({ level: 's5' }), wanted({ level: 's3' }), wanted({ level: 's5', kinds: ['x'] })]);
  t.deepEqual(hears, ['s3', 's5']);
  t.deepEqual(hearsOf([wanted({}), wanted({ level: 's4', types: ['pleasure'] })]), ['any']);
  t.true(anyoneHears(hears, ['s4', 's5']));
  t.false(anyoneHears(hears, ['s1', 's4']));
  t.true(anyoneHears(['any'], ['s4']));
  t.false(anyoneHears([], ['s5']));
});
