import test from 'ava';
import { describeSpan, milliseconds } from '../../src/cli/duration.ts';
import { facts, printable, table } from '../../src/cli/print.ts';
import { assignments, fieldsAt, isNested, patchOf } from '../../src/cli/settings.ts';

test('spans of time have a unit', (t) => {
  t.is(milliseconds('500ms'), 500);
  t.is(milliseconds('1.5h'), 5_400_000);
  t.is(milliseconds('2d'), 172_800_000);
  for (const wrong of ['', '5', 's', '-5s', '5 s', '0s', '1e3s', '5w', '999d', '9999999999999s'])
    t.is(milliseconds(wrong), undefined, wrong);
  t.deepEqual([-5, 850, 12_400, 180_000, 10_800_000, 604_800_000].map(describeSpan), [
    '0 ms',
    '850 ms',
    '12 s',
    '3 min',
    '3 h',
    '7 d',
  ]);
});

test('a value is JSON where it is JSON, else text; null takes back', (t) => {
  const given = assignments(['timeoutMs=5', 'balance=random', 'failFast=true', 'deliveryReason=a=b', 'cache=null']);
  t.false(isNested(given));
  t.deepEqual(patchOf(given, { balance: 'pull' }) as unknown, {
    timeoutMs: 5,
    balance: 'random',
    failFast: true,
    deliveryReason: 'a=b',
    cache: null,
  });
});

test('a part of a field is added to what is set, and taken from it', (t) => {
  const before = { retry: { attempts: 2, delayMs: 5 }, breaker: 'vsm', methods: { a: { timeoutMs: 1 } } } as const;
  const given = assignments(['retry.attempts=3', 'retry.delayMs=null', 'breaker.quorum=2', 'methods.b.timeoutMs=9']);
  t.true(isNested(given));
  t.deepEqual(patchOf(given, before) as unknown, {
    retry: { attempts: 3 },
    breaker: { profile: 'vsm', quorum: 2 },
    methods: { a: { timeoutMs: 1 }, b: { timeoutMs: 9 } },
  });
  t.deepEqual(patchOf(assignments(['scale.min=1']), undefined) as unknown, { scale: { min: 1 } });
  t.deepEqual(before.retry, { attempts: 2, delayMs: 5 });
});

test('a name that belongs to every object is a name like others, and reaches no prototype', (t) => {
  const patch = patchOf(assignments(['__proto__.polluted=1', 'retry.__proto__.polluted=1']), undefined);
  t.true(Object.hasOwn(patch, '__proto__'));
  t.is(({} as { polluted?: unknown }).polluted, undefined);
});

test('fields are as deep as their paths, and null is one of their values', (t) => {
  const given = assignments([
    'severities.high.ackByMs=5',
    'severities.high.maxRepeats=null',
    'burst=1',
    'a.b=1',
    'a=2',
  ]);
  t.deepEqual(fieldsAt(given) as unknown, {
    severities: { high: { ackByMs: 5, maxRepeats: null } },
    burst: 1,
    a: 2,
  });
  t.deepEqual(Object.keys(fieldsAt(assignments(['__proto__.polluted=1']))), ['__proto__']);
  t.is(({} as { polluted?: unknown }).polluted, undefined);
});

test('columns are aligned, numbers flush, what is not known is a dash', (t) => {
  t.is(
    table(
      ['NAME', 'COUNT', 'WHY'],
      [
        ['a', 5, undefined],
        ['longer', 1234.567, 'x\ny'],
        ['', undefined, ''],
      ],
    ),
    ['NAME      COUNT  WHY', 'a             5  -', 'longer  1234.57  x y', '-             -  -'].join('\n'),
  );
  t.is(facts({ name: 'a', longer: 2 }), 'name    a\nlonger  2');
  t.is(printable('a\u001B[31m\nb\u009B'), 'a?[31m\nb?');
});
