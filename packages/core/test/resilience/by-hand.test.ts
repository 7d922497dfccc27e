import test from 'ava';
import { systemClock } from '../../src/ground/clock.ts';
import { ActorError, type HomeostatError } from '../../src/ground/errors.ts';
import { withDeadline } from '../../src/resilience/with-deadline.ts';
import { withRetry } from '../../src/resilience/with-retry.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { outcomeOf } from './house.ts';

const fail = (): never => {
  throw new Error('no');
};

test('waits double up to their cap, and each is announced (S3-28)', async (t) => {
  const timers = virtualClock();
  const at: number[] = [];
  const announced: number[] = [];
  const answer = outcomeOf(
    withRetry(
      () => {
        at.push(timers.elapsed());
        fail();
      },
      { attempts: 9, jitter: 'none', timers, onRetry: (attempt) => announced.push(attempt) },
    ),
  );
  await timers.advance(60_000);
  t.is(((await answer) as Error).message, 'no');
  t.deepEqual(
    at.slice(1).map((moment, index) => moment - at[index]!),
    [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000],
  );
  t.deepEqual(announced, [1, 2, 3, 4, 5, 6, 7, 8]);
});

test('what is final is tried once; codes, a judgement and a strategy of one’s own (S3-28, S4-32)', async (t) => {
  const timers = virtualClock();
  const tries = async (thrown: unknown, options: object): Promise<number> => {
    let count = 0;
    const work = (): never => {
      count += 1;
      throw thrown;
    };
    const answer = outcomeOf(withRetry(work, { timers, ...options }));
    await timers.advance(10_000);
    await answer;
    return count;
  };
  t.is(await tries(new ActorError('NOT_FOUND', 'none'), {}), 1);
  t.is(await tries(new Error('x'), {}), 3);
  t.is(await tries(new ActorError('NOT_FOUND', 'none'), { retryOn: ['NOT_FOUND'] }), 3);
  t.is(await tries(new Error('x'), { retryOn: ['NOT_FOUND'] }), 1);
  t.is(await tries(7, { retryOn: (thrown: unknown) => thrown === 7 }), 3);
  const waits: number[] = [];
  await tries(new Error('x'), {
    delayMs: (attempt: number) => {
      waits.push(attempt * 10);
      return attempt * 10;
    },
  });
  t.deepEqual(waits, [10, 20]);
});

test('a profile by its name; an unknown one is refused (S4-28)', async (t) => {
  await t.throwsAsync(withRetry(fail, 'heroic'), { code: 'CONFIG' });
  let tries = 0;
  const work = (): string => {
    tries += 1;
    return tries < 5 ? fail() : 'fine';
  };
  t.is(await withRetry(work, { profile: 'aggressive', delayMs: 0 }), 'fine');
  t.is(tries, 5);
});

test('at the deadline the signal aborts and the answer is CallTimeout (S3-29)', async (t) => {
  const timers = virtualClock();
  let signal: AbortSignal | undefined;
  const answer = outcomeOf(
    withDeadline(
      (own) => {
        signal = own;
        return new Promise(() => {});
      },
      5_000,
      { timers },
    ),
  );
  await timers.advance(4_999);
  t.false(signal!.aborted);
  await timers.advance(1);
  t.true(signal!.aborted);
  t.is(((await answer) as HomeostatError).code, 'CALL_TIMEOUT');
  t.is(await withDeadline(() => 'fine', 5_000), 'fine');
});

test('the caller’s signal ends the work', async (t) => {
  const controller = new AbortController();
  const answer = outcomeOf(withDeadline(() => new Promise(() => {}), 60_000, { signal: controller.signal }));
  controller.abort('enough');
  t.like(await answer, { code: 'ABORTED', cause: 'enough' });
  const waiting = outcomeOf(
    withRetry(fail, { delayMs: 60_000, maxDelayMs: 60_000, jitter: 'none', signal: AbortSignal.timeout(20) }),
  );
  t.like(await waiting, { code: 'ABORTED' });
});

test('a deadline covers all tries and waits, and leaves no timer (S3-30)', async (t) => {
  const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const startedAt = systemClock.elapsed();
  let tries = 0;
  const answer = outcomeOf(
    withRetry(
      () => {
        tries += 1;
        fail();
      },
      { attempts: 10, deadlineMs: 500 },
    ),
  );
  t.true((await answer) instanceof Error);
  t.true(systemClock.elapsed() - startedAt <= 550);
  t.true(tries < 10);
  t.true(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length <= timersBefore);
});

test('a try that runs at the deadline is told, and the answer is CallTimeout (S3-30)', async (t) => {
  const timers = virtualClock();
  const signals: AbortSignal[] = [];
  const answer = outcomeOf(
    withRetry(
      (signal) => {
        signals.push(signal);
        return new Promise(() => {});
      },
      { deadlineMs: 500, timers },
    ),
  );
  await timers.advance(500);
  t.is(((await answer) as HomeostatError).code, 'CALL_TIMEOUT');
  t.true(signals[0]!.aborted);
});
