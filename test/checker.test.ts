/** The checker on histories written by hand: each finding is provoked once, a clean history gives none. */
import test from 'ava';
import { check, type Allowances, type Remains } from './support/checker.ts';
import type { Happening } from './support/history.ts';

const EMPTY: Remains = { dead: [], messages: 0, bytes: 0, waiting: 0, pending: 0 };
const STRICT: Allowances = { repeats: false };

const attempt = (id: string, call = false): Happening => ({ type: 'attempt', id, at: 1, call });
const ok = (id: string, at = 10): Happening => ({ type: 'ok', id, at });
const start = (id: string, messageId = `caller-1/${id}`, node = 'a'): Happening => ({
  type: 'start',
  id,
  at: 11,
  messageId,
  attempt: 1,
  node,
});
const end = (id: string, node = 'a'): Happening => ({ type: 'end', id, at: 12, messageId: `caller-1/${id}`, node });
const refused = (id: string, outcome: string, code: string): Happening => ({
  type: 'refused',
  id,
  at: 20,
  outcome,
  code,
});
const claim = (entry: string, node = 'a', at = 10, frame = `frame of ${entry}`, whole = true): Happening => ({
  type: 'claim',
  entry,
  frame,
  count: 1,
  whole,
  node,
  at,
});
const settle = (entry: string, node = 'a', at = 13, result = 'settled', ends = true): Happening => ({
  type: 'settle',
  entry,
  kind: 'done',
  result,
  ends,
  node,
  at,
});
/** One message from its sending to its end. */
const whole = (id: string): Happening[] => [attempt(id), claim(id), start(id), ok(id), end(id), settle(id)];

const clean = (
  history: readonly Happening[],
  remains: Remains = EMPTY,
  allowed: Allowances = STRICT,
): readonly string[] => check(history, remains, allowed).faults;

test('a history in which all went well has no findings', (t) => {
  t.deepEqual(check([...whole('one'), ...whole('two')], EMPTY, STRICT), {
    faults: [],
    accepted: 2,
    handled: 2,
    repeated: 0,
    unknown: 0,
  });
});

test('a dead letter accounts for its message', (t) => {
  t.deepEqual(clean([attempt('one'), ok('one')], { ...EMPTY, dead: ['one'] }), []);
});

test('what ended with an unknown outcome may have been handled or not', (t) => {
  const history = [
    attempt('one'),
    attempt('two'),
    refused('one', 'unknown', 'TRANSPORT'),
    refused('two', 'unknown', 'X'),
  ];
  t.deepEqual(clean([...history, start('two'), end('two')]), []);
  t.is(check(history, EMPTY, STRICT).unknown, 2);
});

test('a copy for a redelivery is not a second entry of its frame', (t) => {
  t.deepEqual(clean([...whole('one'), claim('one later', 'a', 14, 'frame of one', false)]), []);
});

test('a zombie that reads its claim after the new owner has settled ended nothing', (t) => {
  t.deepEqual(clean([...whole('one'), claim('one', 'zombie', 14)]), []);
});

test('an entry that came back to the node that hands it back belongs to it', (t) => {
  const history = [claim('one', 'a', 10), claim('one', 'b', 11), claim('one', 'a', 12), settle('one', 'a', 13)];
  t.deepEqual(clean(history), []);
});

const FINDINGS: readonly (readonly [finding: string, history: readonly Happening[], says: string])[] = [
  ['a lost message', [attempt('one'), ok('one')], 'accepted but neither handled nor dead: 1 (one)'],
  [
    'a message whose handler began and never ended',
    [attempt('one'), ok('one'), start('one')],
    'accepted but neither handled nor dead: 1 (one)',
  ],
  ['a message from nowhere', [start('one'), end('one')], 'handled but never sent: 1 (one)'],
  [
    'a refusal that lied',
    [attempt('one'), refused('one', 'not-executed', 'MAILBOX_FULL'), start('one'), end('one')],
    'said to be not executed, yet handled: 1 (one)',
  ],
  [
    'a call whose answer was lost',
    [attempt('one', true), start('one'), end('one'), refused('one', 'unknown', 'CALL_TIMEOUT')],
    'calls handled, yet not answered in time: 1 (one)',
  ],
  [
    'a request that became two messages',
    [...whole('one'), start('one', 'caller-1/other')],
    'one request, two messages: 1 (one)',
  ],
  [
    'a frame that was accepted twice',
    [...whole('one'), claim('again', 'a', 14, 'frame of one')],
    'one frame, two entries: 1 (one and again)',
  ],
  ['an entry that was settled twice', [...whole('one'), settle('one')], 'entries settled twice: 1 (one)'],
  [
    'a zombie that ended the entry of its successor',
    [claim('one', 'zombie', 10), claim('one', 'b', 11), settle('one', 'zombie', 12)],
    'settled by a node that another had taken over from: 1 (one)',
  ],
  ['a message that was handled twice', [...whole('one'), start('one'), end('one')], 'handled twice: 1 (one)'],
  [
    'a process that complained',
    [{ type: 'trouble', what: 'service-1: MaxListenersExceededWarning', at: 1 }],
    'troubles: 1 (service-1: MaxListenersExceededWarning)',
  ],
];

for (const [finding, history, says] of FINDINGS) {
  test(`it finds ${finding}`, (t) => {
    t.deepEqual(clean(history), [says]);
  });
}

for (const part of ['messages', 'bytes', 'waiting', 'pending'] as const) {
  test(`it finds a drained mailbox that still counts ${part}`, (t) => {
    t.deepEqual(clean(whole('one'), { ...EMPTY, [part]: 3 }), [`the drained mailbox still counts ${part}: 3`]);
  });
}

test('repeats that are allowed are counted, not found', (t) => {
  const { faults, repeated } = check([...whole('one'), start('one'), end('one')], EMPTY, { repeats: true });
  t.deepEqual([faults, repeated], [[], 1]);
});

test('a loss is allowed only of what was accepted when losing was', (t) => {
  const history = [
    attempt('before'),
    ok('before', 9),
    attempt('within'),
    ok('within', 10),
    attempt('after'),
    ok('after', 21),
  ];
  t.deepEqual(clean(history, EMPTY, { repeats: false, losses: [[10, 20]] }), [
    'accepted but neither handled nor dead: 2 (before, after)',
  ]);
});
