import test from 'ava';
import fc from 'fast-check';
import { Batch, maskOf } from '../src/serving/batch.ts';
import type { Claim } from '../src/ports/broker.ts';
import type { Frame } from '../src/wire/frame.ts';

const frame = { envelopes: [] } as unknown as Frame;

function claim(facts: Partial<Claim>): Claim {
  return { mailbox: 'm@1', id: '1-0', frame: new Uint8Array(), count: 4, deliveries: 0, crashes: 0, ...facts };
}

test('a mask has one character per envelope', (t) => {
  t.is(maskOf(5, [0, 3]), '10010');
  t.is(maskOf(3, []), '000');
});

test('a batch does what its mask says, each envelope once', (t) => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 128 }), fc.array(fc.nat(127)), (todo, ends) => {
      const mask = todo.map((one) => (one ? '1' : '0')).join('');
      const batch = new Batch(claim({ count: todo.length, todo: mask }), frame, 0, false);
      const open = new Set(todo.flatMap((one, index) => (one ? [index] : [])));
      t.is(batch.todo(), mask);
      for (const index of ends) {
        t.is(batch.end(index), open.delete(index));
        t.is(batch.isTodo(index), false);
      }
      t.is(batch.remaining, open.size);
      t.is(batch.todo(), maskOf(todo.length, [...open]));
    }),
  );
});

test('without a mask everything is to do', (t) => {
  const batch = new Batch(claim({ count: 3 }), frame, 0, false);
  t.is(batch.todo(), '111');
  t.is(batch.remaining, 3);
  t.is(batch.untold, 0);
  t.true(batch.end(1));
  t.is(batch.untold, 1);
});

test('an envelope alone is charged the deaths of its nodes; among others only start marks charge it', (t) => {
  t.is(new Batch(claim({ count: 1, deliveries: 1, crashes: 2 }), frame, 0, false).spent(0), 3);
  const marked = new Batch(claim({ deliveries: 1, crashes: 3, charges: new Map([[2, 2]]) }), frame, 0, true);
  t.deepEqual(
    [0, 1, 2, 3].map((index) => marked.spent(index)),
    [1, 1, 3, 1],
  );
});
