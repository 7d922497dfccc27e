import test from 'ava';
import { actor } from '../src/contract/actor.ts';
import { contract } from '../src/contract/contract.ts';
import { ValidationError } from '../src/ground/errors.ts';
import { createNode } from '../src/node/create-node.ts';
import type { SchemaResult, StandardSchema } from '../src/contract/standard-schema.ts';
import { validate } from '../src/contract/validate.ts';

/** A validator of nobody's: what it takes and gives is told by types only. */
function schema<Input, Output>(
  check: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>,
): StandardSchema<Input, Output> {
  return { '~standard': { version: 1, vendor: 'by hand', validate: check } };
}

/** A text of digits in, a number out. */
const digits = schema<string, number>((value) =>
  typeof value === 'string' && /^\d+$/.test(value)
    ? { value: Number(value) }
    : { issues: [{ message: 'digits only', path: [{ key: 'a' }, 0, 'b'] }] },
);
const later = schema<number, string>(async (value) => {
  await Promise.resolve();
  return typeof value === 'number' ? { value: `number ${value}` } : { issues: [{ message: 'a number' }] };
});

test('without a schema a value passes as it is', (t) => {
  const value = {};
  t.is(validate(undefined, value, 'input', 'x', 'not-executed'), value);
});

test('a synchronous schema answers at once, an asynchronous one with a promise', async (t) => {
  t.is(validate(digits, '42', 'input', 'x', 'not-executed'), 42);
  const pending = validate(later, 7, 'output', 'x', 'failed');
  t.true(pending instanceof Promise);
  t.is(await pending, 'number 7');
});

test('issues come with plain paths, the side and the outcome', async (t) => {
  const error = t.throws(() => validate(digits, 'x', 'input', 'users.get', 'not-executed'), {
    instanceOf: ValidationError,
  });
  t.deepEqual(error.issues, [{ path: ['a', 0, 'b'], message: 'digits only' }]);
  t.is(error.message, 'users.get: the input does not fit its schema: a.0.b: digits only');
  const output = await t.throwsAsync(validate(later, 'x', 'output', 'users.get', 'failed') as Promise<unknown>, {
    instanceOf: ValidationError,
  });
  t.deepEqual([output.code, output.outcome, output.side], ['OUTPUT_INVALID', 'failed', 'output']);
  t.deepEqual(output.issues, [{ path: [], message: 'a number' }]);
});

test('any Standard Schema works for inputs, outputs and errors, asynchronous ones too', async (t) => {
  const odd = contract('odd', {
    methods: {
      double: { input: digits, output: later, errors: { TOO_MUCH: digits } },
      wait: { input: later, output: digits },
    },
  });
  await using node = await createNode({ signals: false });
  await node.serve(
    actor(odd, {
      double: (n, ctx) => {
        if (n > 100) throw ctx.fail('TOO_MUCH', '100');
        return n * 2;
      },
      wait: async (text) => text.replace('number ', ''),
    }),
  );
  const api = node.client(odd);
  const doubled: string = await api.double('21');
  t.is(doubled, 'number 42');
  const waited: number = await api.wait(5);
  t.is(waited, 5);
  const refused = await api.double.try('101');
  t.deepEqual(!refused.ok && refused.error.code === 'TOO_MUCH' && refused.error.details, '100');
  t.is((await t.throwsAsync(api.double('x'), { instanceOf: ValidationError })).code, 'VALIDATION');
});

test('a schema that throws fails its request and nothing else', async (t) => {
  const broken = schema<unknown, unknown>(() => {
    throw new TypeError('a bug in the schema');
  });
  const odd = contract('odd', { methods: { in: { input: broken }, out: { output: broken } } });
  await using node = await createNode({ signals: false });
  await node.serve(actor(odd, { in: () => undefined, out: () => 1 }));
  const api = node.client(odd);
  await t.throwsAsync(api.in(1), { message: 'a bug in the schema' });
  const outcome = await api.in.try(1);
  t.is(!outcome.ok && outcome.error.message, 'a bug in the schema');
  await t.throwsAsync(api.out(), { message: 'a bug in the schema', code: 'HANDLER' } as object);
});
