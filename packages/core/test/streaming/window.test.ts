import test from 'ava';
import fc from 'fast-check';
import {
  CREDIT_BYTES,
  CREDIT_ITEMS,
  ReadWindow,
  SendWindow,
  WINDOW_BYTES,
  WINDOW_ITEMS,
} from '../../src/streaming/window.ts';

/** What an item's envelope takes beside its body, at most. */
const HEAD = 12;

test('a window takes 2,048 small items, and opens as far as they are taken', (t) => {
  const window = new SendWindow();
  for (let sent = 0; sent < WINDOW_ITEMS; sent += 1) {
    t.true(window.open);
    window.add(10);
  }
  t.false(window.open);
  t.true(window.credit(1));
  t.true(window.open);
  window.add(10);
  t.false(window.open);
});

test('a window takes 1 MiB and the rest of one item; what was large makes much room', (t) => {
  const window = new SendWindow();
  window.add(WINDOW_BYTES - 1);
  t.true(window.open);
  window.add(5_000_000);
  t.false(window.open);
  t.true(window.credit(1));
  t.false(window.open, 'the second alone fills it');
  t.true(window.credit(2));
  t.true(window.open);
});

test('credit for what was not sent is not believed; an old one says nothing', (t) => {
  const window = new SendWindow();
  for (let sent = 0; sent < 10; sent += 1) window.add(1);
  for (const lie of [11, 2 ** 53 - 1]) t.false(window.credit(lie));
  t.true(window.credit(7));
  t.true(window.credit(3));
  t.true(window.credit(10));
  t.is(window.sent, 10);
});

test('a reader judges what arrives by its number, and bounds it', (t) => {
  const window = new ReadWindow();
  t.is(window.arrive(1, 5), 'next');
  t.is(window.arrive(1, 5), 'again');
  t.is(window.arrive(3, 5), 'gap');
  for (let number = 2; number <= WINDOW_ITEMS; number += 1) t.is(window.arrive(number, 5), 'next');
  t.is(window.arrive(WINDOW_ITEMS + 1, 5), 'beyond');
  const large = new ReadWindow();
  t.is(large.arrive(1, WINDOW_BYTES), 'next');
  t.is(large.arrive(2, 1), 'beyond');
  t.true(large.take(WINDOW_BYTES));
  t.is(large.arrive(2, 1), 'next');
});

test('a reader says what it has taken after half a window, in items or in bytes', (t) => {
  const window = new ReadWindow();
  for (let taken = 1; taken < CREDIT_ITEMS; taken += 1) t.false(window.take(1));
  t.true(window.take(1));
  t.false(window.take(CREDIT_BYTES - 1));
  t.true(window.take(1));
});

test('whatever is sent and taken in whatever order, nothing comes beyond the window and nobody waits for ever', (t) => {
  let sent = 0;
  fc.assert(
    fc.property(
      fc.array(fc.record({ size: fc.integer({ min: 1, max: 300_000 }), reads: fc.integer({ min: 0, max: 40 }) }), {
        maxLength: 300,
      }),
      fc.integer({ min: 1, max: 3 }),
      (steps, burst) => {
        const sender = new SendWindow();
        const reader = new ReadWindow();
        const buffer: number[] = [];
        let inFlight: number[] = [];
        const read = (): void => {
          const size = buffer.shift();
          if (size !== undefined && reader.take(size)) inFlight.push(reader.taken);
        };
        for (const { size, reads } of steps) {
          for (let one = 0; one < burst * 50 && sender.open; one += 1) {
            sender.add(size + HEAD);
            sent += 1;
            if (reader.arrive(sender.sent, size) !== 'next') return false;
            buffer.push(size);
          }
          for (let one = 0; one < reads; one += 1) read();
          // Credits may come twice, and late.
          if (size % 3 === 0) {
            for (const credit of [...inFlight, ...inFlight]) if (!sender.credit(credit)) return false;
            inFlight = [];
          }
        }
        while (buffer.length > 0) read();
        for (const credit of inFlight) sender.credit(credit);
        return sender.open;
      },
    ),
    { numRuns: 300 },
  );
  t.true(sent > 2_000, `${sent} items were sent`);
});
