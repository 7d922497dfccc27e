import test from 'ava';
import { fromWireError, toWireError, type WireError } from '../src/wire/envelope.ts';
import * as errors from '../src/ground/errors.ts';
import { encodeBody, readBody } from '../src/wire/frame.ts';

/** Across the wire and back. */
function travel(thrown: unknown): errors.HomeostatError {
  const bytes = encodeBody(toWireError(thrown), 1_000_000) as Uint8Array;
  return fromWireError(readBody(bytes, 0, bytes.length));
}

const OURS: errors.HomeostatError[] = [
  new errors.ConfigError('no such option'),
  new errors.AlertNotFound('x1'),
  new errors.CallTimeout('a.b', 100),
  new errors.Aborted('a.b', new Error('why')),
  new errors.MailboxFull('a@1', { messages: 1, maxLength: 1, bytes: 1, maxBytes: 1, room: 0 }),
  new errors.SerializationError('no'),
  new errors.PayloadTooLarge(10, 5),
  new errors.ClaimedBodyGone('key'),
  new errors.FrameInvalid('trailing'),
  new errors.MethodNotFound('a@1', 'b'),
  new errors.TransportError('away', { retryAfterMs: 50 }),
  new errors.BackendFull('full'),
  new errors.NotMember('n1'),
  new errors.NodeClosed('a.b'),
  new errors.LayoutMismatch('lanes'),
  new errors.KeyRequired('a@1'),
  new errors.CallCycle('a@1', 'k'),
  new errors.HandlerError('boom'),
  new errors.WorkerError('gone'),
  new errors.HandlerTimeout('a.b', 100),
  new errors.CheckFailed('database', 'away'),
  new errors.CircuitOpen('a.b', '5 failures in a row', 50),
  new errors.NoHealthyInstances('a', 'with the tags x'),
  new errors.Overloaded('a', 1_024),
  new errors.LimitReached('a.b', 'rate', 50),
  new errors.RestartRequired('a.pool'),
  new errors.RetryBudgetExhausted('a', new errors.TransportError('away')),
  new errors.RevisionConflict('config of a', 1, 2),
  new errors.ServiceDisabled('a', 'maintenance'),
  new errors.ServiceNotFound('a'),
  new errors.StateInvalid('carts', 'k', 'form'),
  new errors.StreamBroken('a.list', 'node n1 is gone'),
  new errors.ActorError('EMAIL_TAKEN', 'taken', { details: { email: 'a@b.c', at: new Date(5), n: 5n } }),
];

for (const error of OURS) {
  test(`${error.name} arrives with its class and facts`, (t) => {
    const arrived = travel(error);
    t.is(arrived.constructor, error.constructor);
    t.true(arrived instanceof errors.HomeostatError && arrived instanceof Error);
    for (const fact of ['name', 'code', 'message', 'retryable', 'outcome', 'details', 'retryAfterMs'] as const)
      t.deepEqual(arrived[fact], error[fact]);
  });
}

test('every error class there is has been sent', (t) => {
  const classes = Object.values(errors).filter(
    (value) => typeof value === 'function' && value.prototype instanceof errors.HomeostatError,
  );
  const sent = new Set<unknown>([...OURS.map((error) => error.constructor), errors.ValidationError]);
  t.deepEqual(
    classes.filter((value) => !sent.has(value)),
    [],
  );
});

test('a validation error arrives with its issues and its side', (t) => {
  for (const side of ['input', 'output'] as const) {
    const error = new errors.ValidationError(
      side,
      'users.getUser',
      [{ path: ['a', 0], message: 'Required' }],
      'failed',
    );
    const arrived = travel(error) as errors.ValidationError;
    t.true(arrived instanceof errors.ValidationError);
    t.is(arrived.name, 'ValidationError');
    t.is(arrived.message, error.message);
    t.is(arrived.side, side);
    t.is(arrived.outcome, 'failed');
    t.deepEqual(arrived.issues, error.issues);
    t.deepEqual(arrived.details, error.details);
  }
});

test('a plain error is a passing fault of the handler', (t) => {
  t.deepEqual(toWireError(new TypeError('boom')), {
    code: 'HANDLER',
    message: 'boom',
    retryable: true,
    outcome: 'failed',
    name: 'TypeError',
  });
  t.true(travel(new TypeError('boom')) instanceof errors.HandlerError);
});

test('an error with a code of its own keeps it and is not retried unless it says so', (t) => {
  const refused = travel(Object.assign(new Error('no'), { code: 'OUT_OF_STOCK', details: { left: 0 } }));
  t.true(refused instanceof errors.ActorError);
  t.is(refused.code, 'OUT_OF_STOCK');
  t.deepEqual(refused.details, { left: 0 });
  t.false(refused.retryable);
  t.true(travel(Object.assign(new Error('later'), { code: 'BUSY', retryable: true, retryAfterMs: 10 })).retryable);
});

test('anything may be thrown', (t) => {
  const hostile = {
    get code(): never {
      throw new Error('trap');
    },
  }; // oxlint-disable-line getter-return
  const thrown = [
    null,
    undefined,
    0,
    '',
    'text',
    5n,
    Symbol('s'),
    () => 1,
    [],
    {},
    Object.create(null),
    hostile,
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('trap');
        },
      },
    ),
    { code: 5, message: 5 },
    { code: '' },
  ];
  for (const value of thrown) {
    const error = toWireError(value);
    t.is(typeof error.code, 'string');
    t.is(typeof error.message, 'string');
    t.is(error.outcome, 'failed');
    t.true(fromWireError(error) instanceof errors.HomeostatError);
  }
});

test('neither cause nor stack travels, and long texts are cut', (t) => {
  const secret = 'hunter2';
  const error = new errors.HandlerError('x'.repeat(10_000), { cause: new Error(secret) });
  Object.assign(error, { extra: secret, stack: secret });
  const wire = toWireError(error);
  t.false(JSON.stringify(wire).includes(secret));
  t.is(wire.message.length, 4096);
});

test('any body of an error envelope gives an error', (t) => {
  const bodies: unknown[] = [
    null,
    undefined,
    0,
    'text',
    [],
    [1],
    {},
    { code: 5 },
    { code: '' },
    { code: 'X' },
    { code: 'x'.repeat(100_000), message: 'y'.repeat(100_000) },
    { code: 'VALIDATION' },
    { code: 'VALIDATION', issues: 5, side: 'middle' },
    { code: 'OUTPUT_INVALID', issues: [null, 5, { path: 5 }, { path: [null, {}], message: 5 }] },
    { code: 'toString' },
    { code: 'constructor' },
    { code: '__proto__' },
    { code: 'HANDLER', outcome: 'maybe', retryable: 'yes', retryAfterMs: 'soon', message: {} },
  ];
  for (const body of bodies) {
    const error = fromWireError(body);
    t.true(error instanceof errors.HomeostatError);
    t.is(typeof error.code, 'string');
    t.true(error.code.length <= 128 && error.message.length <= 4096);
    t.true(['not-executed', 'failed', 'unknown'].includes(error.outcome));
    t.is(typeof error.retryable, 'boolean');
    t.notThrows(() => toWireError(error));
  }
  t.is(fromWireError({ code: 'toString', message: '' }).constructor, errors.ActorError);
  t.is(fromWireError(null).outcome, 'unknown');
});

test('a wire error has only documented keys', (t) => {
  const documented = new Set([
    'code',
    'message',
    'retryable',
    'outcome',
    'details',
    'issues',
    'side',
    'retryAfterMs',
    'name',
  ]);
  for (const error of [...OURS, new errors.ValidationError('input', 's', [])]) {
    const wire: WireError = toWireError(error);
    for (const key of Object.keys(wire)) t.true(documented.has(key), key);
  }
});
