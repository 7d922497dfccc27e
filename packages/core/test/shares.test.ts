import test from 'ava';
import fc from 'fast-check';
import { envelopesPerFrame, FRAME_WORK_MS, FrameShares, writeHints } from '../src/sending/frame-shares.ts';
import { MAX_ENVELOPES } from '../src/wire/frame.ts';
import { ServiceTimes } from '../src/serving/service-times.ts';

test('a frame holds about five milliseconds of work, at least one envelope and at most 128', (t) => {
  t.is(envelopesPerFrame(5, 64), 64);
  t.is(envelopesPerFrame(10, 2), 1);
  t.is(envelopesPerFrame(1_000, 1), 1);
  t.is(envelopesPerFrame(0, 1), MAX_ENVELOPES);
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.integer({ min: 1, max: 100_000 }),
      (ms, concurrency) => {
        const envelopes = envelopesPerFrame(ms, concurrency);
        t.true(Number.isInteger(envelopes) && envelopes >= 1 && envelopes <= MAX_ENVELOPES);
        t.true(envelopes === 1 || envelopes * ms <= FRAME_WORK_MS * concurrency + 1e-6);
      },
    ),
  );
});

test('of an unknown method eight travel together', (t) => {
  t.is(new FrameShares().of('any'), 1 / 8);
});

test('hints come back as they were written', (t) => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,9}$/), fc.integer({ min: 1, max: MAX_ENVELOPES })),
      fc.integer({ min: 1, max: MAX_ENVELOPES }),
      (methods, any) => {
        const shares = new FrameShares();
        shares.learn(writeHints(new Map([['*', any], ...Object.entries(methods)])));
        for (const [method, envelopes] of Object.entries(methods)) t.is(shares.of(method), 1 / envelopes);
        t.is(shares.of('$unknown'), 1 / any);
      },
    ),
  );
});

test('new hints replace the old ones, absent ones change nothing', (t) => {
  const shares = new FrameShares();
  shares.learn('get:4,*:2');
  shares.learn(undefined);
  t.deepEqual([shares.of('get'), shares.of('put')], [1 / 4, 1 / 2]);
  shares.learn('put:16');
  t.deepEqual([shares.of('get'), shares.of('put')], [1 / 8, 1 / 16]);
});

test('whatever hints say, a share lies between 1/128 and 1', (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc
          .array(fc.tuple(fc.constantFrom('get', '*', ''), fc.oneof(fc.string(), fc.double().map(String))))
          .map((hints) => hints.map((hint) => hint.join(':')).join(',')),
      ),
      (hints) => {
        const shares = new FrameShares();
        shares.learn(hints);
        for (const method of ['get', 'other', ''])
          t.true(shares.of(method) >= 1 / MAX_ENVELOPES && shares.of(method) <= 1);
      },
    ),
  );
  const shares = new FrameShares();
  shares.learn('get,put:,ask:many,tell:0,run:-3,work:NaN');
  for (const method of ['get', 'put', 'ask', 'tell', 'run', 'work']) t.is(shares.of(method), 1 / 8, method);
});

test('service times follow what is measured and never leave its bounds', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 10_000, noNaN: true }), { minLength: 1, maxLength: 50 }),
      (measured) => {
        const times = new ServiceTimes();
        for (const ms of measured) times.add('get', ms);
        const [[method, ms]] = [...times.entries()] as [[string, number]];
        t.is(method, 'get');
        t.true(ms >= Math.min(...measured) - 1e-6 && ms <= Math.max(...measured) + 1e-6);
        t.true(times.typical >= 0);
      },
    ),
  );
  const times = new ServiceTimes();
  for (let n = 0; n < 200; n += 1) times.add('get', 20);
  for (let n = 0; n < 200; n += 1) times.add('put', 2);
  t.true(Math.abs(new Map(times.entries()).get('get')! - 20) < 0.001);
  t.true(Math.abs(times.typical - 2) < 0.001);
});
