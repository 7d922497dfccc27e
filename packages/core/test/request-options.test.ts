import test from 'ava';
import fc from 'fast-check';
import { checkCastOptions, checkRequestOptions } from '../src/calling/request-options.ts';
import { castOptionsSchema, requestOptionsSchema } from '../src/node/options.ts';

/** Bags with a key and little else, good and bad. */
const bags = fc.oneof(
  fc.record(
    {
      key: fc.oneof(
        fc.string({ maxLength: 3 }),
        fc.integer({ min: 511, max: 514 }).map((length) => 'k'.repeat(length)),
        fc.constantFrom(undefined, null, 7, {}),
      ),
      id: fc.constantFrom('', 'one', undefined),
      kye: fc.constant('typo'),
    },
    { requiredKeys: [] },
  ),
  fc.constantFrom(null, 'key', 7, []),
);

function refusal(check: () => unknown): boolean {
  try {
    check();
    return false;
  } catch (thrown) {
    return (thrown as { code?: string }).code === 'CONFIG';
  }
}

test('options of a request that says no more than its key are taken and refused as the schema does', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(bags, (bag) => {
        const casts = refusal(() => checkCastOptions(bag as never, 'work.do'));
        const calls = refusal(() => checkRequestOptions(bag as never, 'work.do'));
        return (
          casts === !castOptionsSchema.safeParse(bag).success && calls === !requestOptionsSchema.safeParse(bag).success
        );
      }),
      { numRuns: 500 },
    ),
  );
});
