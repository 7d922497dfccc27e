import test from 'ava';
import fc from 'fast-check';
import {
  Aborted,
  ActorError,
  CallTimeout,
  HandlerError,
  type HomeostatError,
  MailboxFull,
  NoHealthyInstances,
  Overloaded,
  type RetryBudgetExhausted,
  ServiceNotFound,
  TransportError,
  ValidationError,
} from '../../src/ground/errors.ts';
import { DEFAULT_BREAKER, DEFAULT_RETRY } from '../../src/policies/service-settings.ts';
import { PermitBook } from '../../src/backends/memory/permit-book.ts';
import { retryPolicy } from '../../src/resilience/policies.ts';
import { retryDelay } from '../../src/resilience/retry-delay.ts';
import { broken, failing, NOTHING, outcomeOf, pipeline, ResilienceHouse, retryOf, times } from './house.ts';

test('waits grow by the factor, and jitter stays within its bounds (S1-25)', async (t) => {
  const house = new ResilienceHouse();
  const policy = { ...NOTHING, retry: retryOf({ delayMs: 500 }) };
  const { send, at } = failing(house.clock, broken, broken);
  const answer = pipeline(policy, house.node(), send)(house.request());
  await house.clock.advance(5_000);
  t.is(await answer, 'fine');
  t.deepEqual(at, [0, 500, 1_500]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (retry, random) => {
      const policyOf = (jitter: 'full' | 'equal' | 'none'): number =>
        retryDelay(retry, { delayMs: 100, factor: 2, maxDelayMs: 5_000, jitter }, () => random);
      const longest = policyOf('none');
      return (
        longest === Math.min(5_000, 100 * 2 ** (retry - 1)) &&
        policyOf('full') >= 0 &&
        policyOf('full') <= longest &&
        policyOf('equal') >= longest / 2 &&
        policyOf('equal') <= longest
      );
    }),
  );
});

test('what can never succeed is tried once (S1-26, S4-33, Regression 25)', async (t) => {
  const house = new ResilienceHouse();
  const final = [
    new ValidationError('input', 'users.get', [{ path: [], message: 'wrong' }]),
    new ActorError('NOT_FOUND', 'none'),
    new ServiceNotFound('users'),
    new NoHealthyInstances('users'),
    new Overloaded('users', 1),
    new Aborted('users.get'),
  ];
  for (const error of final) {
    const { send, at } = failing(house.clock, ...times(5, error));
    const answer = outcomeOf(pipeline({ ...NOTHING, retry: retryOf() }, house.node(), send)(house.request()));
    await house.clock.advance(5_000);
    t.is(await answer, error);
    t.is(at.length, 1, error.code);
  }
});

test('a last try that was not executed does not hide that one before it may have been', async (t) => {
  const house = new ResilienceHouse();
  const outcomeAfter = async (...errors: HomeostatError[]): Promise<readonly [string, string]> => {
    const { send } = failing(house.clock, ...errors);
    const answer = outcomeOf(
      pipeline({ ...NOTHING, retry: retryOf() }, house.node(), send)(house.request({ kind: 'query' })),
    );
    await house.clock.advance(5_000);
    const { code, outcome } = (await answer) as HomeostatError;
    return [code, outcome];
  };
  const unknown = new CallTimeout('users.get', 10);
  const refused = new ServiceNotFound('users');
  t.deepEqual(await outcomeAfter(unknown, refused), [refused.code, 'unknown']);
  t.deepEqual(await outcomeAfter(broken, refused), [refused.code, broken.outcome]);
  t.deepEqual(await outcomeAfter(unknown, broken, refused), [refused.code, 'unknown']);
  t.deepEqual(await outcomeAfter(unknown, unknown, broken), [broken.code, broken.outcome]);
});

test('what may pass is tried as often as was said (Regression 25)', async (t) => {
  const house = new ResilienceHouse();
  const details = { messages: 1, maxLength: 1, bytes: 1, maxBytes: 1, room: 0 };
  const passing = [
    broken,
    new ActorError('UNAVAILABLE', 'busy', { retryable: true }),
    new MailboxFull('users@1', details),
  ];
  for (const error of passing) {
    const { send, at } = failing(house.clock, ...times(5, error));
    const request = house.request();
    const answer = outcomeOf(pipeline({ ...NOTHING, retry: retryOf() }, house.node(), send)(request));
    await house.clock.advance(5_000);
    t.is(await answer, error);
    t.is(at.length, 3, error.code);
    t.is(request.attempts, 3);
  }
});

test('a command is repeated only when it surely did not run, or has an id (Regression 14)', async (t) => {
  const house = new ResilienceHouse();
  const tries = async (error: HomeostatError, fields: object): Promise<number> => {
    const { send, at } = failing(house.clock, ...times(5, error));
    const answer = outcomeOf(pipeline({ ...NOTHING, retry: retryOf() }, house.node(), send)(house.request(fields)));
    await house.clock.advance(5_000);
    await answer;
    return at.length;
  };
  const unknown = new TransportError('cut');
  const unsent = new TransportError('cut', { outcome: 'not-executed' });
  t.is(await tries(unknown, { kind: 'command' }), 1);
  t.is(await tries(broken, { kind: 'command' }), 1);
  t.is(await tries(unsent, { kind: 'command' }), 3);
  t.is(await tries(unknown, { kind: 'command', id: 'order-1' }), 3);
  t.is(await tries(unknown, { kind: 'query' }), 3);
});

test('retryOn decides in place of the error', async (t) => {
  const house = new ResilienceHouse();
  const tries = async (error: HomeostatError): Promise<number> => {
    const { send, at } = failing(house.clock, ...times(5, error));
    const policy = { ...NOTHING, retry: retryOf({ retryOn: ['NOT_FOUND'] }) };
    const answer = outcomeOf(pipeline(policy, house.node(), send)(house.request()));
    await house.clock.advance(5_000);
    await answer;
    return at.length;
  };
  t.is(await tries(new ActorError('NOT_FOUND', 'not yet')), 3);
  t.is(await tries(broken), 1);
});

test('an open breaker ends the tries: they stop at its threshold (S1-22)', async (t) => {
  const house = new ResilienceHouse();
  const policy = {
    ...NOTHING,
    retry: retryOf({ attempts: 5, delayMs: 1 }),
    breaker: { ...DEFAULT_BREAKER, failureThreshold: 2 },
  };
  const { send, at } = failing(house.clock, ...times(9, broken));
  const answer = outcomeOf(pipeline(policy, house.node(), send)(house.request()));
  await house.clock.advance(1_000);
  t.is(((await answer) as HomeostatError).code, 'CIRCUIT_OPEN');
  t.is(at.length, 2);
});

test('retryAfterMs of an error is honoured (S4-33)', async (t) => {
  const house = new ResilienceHouse();
  const overload = new ActorError('OVERLOADED', 'later', { retryable: true, retryAfterMs: 500 });
  const { send, at } = failing(house.clock, overload);
  const answer = pipeline({ ...NOTHING, retry: retryOf() }, house.node(), send)(house.request());
  await house.clock.advance(1_000);
  t.is(await answer, 'fine');
  t.deepEqual(at, [0, 500]);
});

test('no wait reaches past the deadline', async (t) => {
  const house = new ResilienceHouse();
  const { send, at } = failing(house.clock, ...times(9, broken));
  const request = house.request({ deadline: house.clock.now() + 500 });
  const answer = outcomeOf(pipeline({ ...NOTHING, retry: retryOf({ attempts: 10 }) }, house.node(), send)(request));
  await house.clock.advance(300);
  t.is(await answer, broken);
  t.deepEqual(at, [0, 100, 300]);
});

test('an abort ends the wait', async (t) => {
  const house = new ResilienceHouse();
  const { send, at } = failing(house.clock, ...times(9, broken));
  const controller = new AbortController();
  const request = house.request({ signal: controller.signal });
  const answer = outcomeOf(pipeline({ ...NOTHING, retry: retryOf() }, house.node(), send)(request));
  await house.clock.advance(50);
  controller.abort('enough');
  const error = (await answer) as HomeostatError;
  t.is(error.code, 'ABORTED');
  t.is(error.cause, 'enough');
  t.is(at.length, 1);
});

test('a hundred clients that fail together come back spread over the slots of all nodes (S4-27)', async (t) => {
  const house = new ResilienceHouse();
  const book = new PermitBook(house.clock);
  const permits = {
    take: async (service: string, request: Parameters<PermitBook['take']>[1]) => book.take(service, request),
  };
  const spread = async (slots: number): Promise<number[]> => {
    const nodes = Array.from({ length: 10 }, () => house.node(permits));
    const startedAt = house.clock.now();
    const retriedAt: number[] = [];
    const retry = { ...DEFAULT_RETRY, budgetPerSecond: 1_000, slots };
    const calls = Array.from({ length: 100 }, (_, index) => {
      let tries = 0;
      return pipeline({ ...NOTHING, retry }, nodes[index % 10]!, () => {
        tries += 1;
        if (tries === 1) return Promise.reject(broken);
        retriedAt.push(house.clock.now() - startedAt);
        return Promise.resolve('fine');
      })(house.request());
    });
    await house.clock.advance(3_000);
    await Promise.all(calls);
    return retriedAt;
  };
  const retriedAt = await spread(10);
  t.true(Math.max(...retriedAt) - Math.min(...retriedAt) >= 900 - 100);
  t.true(Math.max(...retriedAt) >= 900);
  const perSlot = Array.from(
    { length: 10 },
    (_, slot) => retriedAt.filter((at) => Math.floor(at / 100) === slot).length,
  );
  t.true(Math.max(...perSlot) <= 20, perSlot.join());
  const control = await spread(1);
  t.true(Math.max(...control) < 200);
});

test('of a service that fails wholly, a fifth of the calls is tried again and the rest is told why not (S4-32)', async (t) => {
  const house = new ResilienceHouse();
  const book = new PermitBook(house.clock);
  const permits = {
    take: async (service: string, request: Parameters<PermitBook['take']>[1]) => book.take(service, request),
  };
  const policy = { ...NOTHING, retry: { ...DEFAULT_RETRY, slots: 1, budgetPerSecond: 1 } };
  let sent = 0;
  const send = pipeline(policy, house.node(permits), () => {
    sent += 1;
    return Promise.reject(broken);
  });
  const answers: Promise<unknown>[] = [];
  for (let second = 0; second < 20; second += 1) {
    for (let index = 0; index < 1_000; index += 1) answers.push(outcomeOf(send(house.request())));
    await house.clock.advance(1_000);
  }
  await house.clock.advance(20_000);
  const errors = await Promise.all(answers);
  const exhausted = errors.filter((error) => (error as HomeostatError).code === 'RETRY_BUDGET_EXHAUSTED');
  t.true(sent - 20_000 <= 4_000 + 60, `${sent - 20_000} retries of 20,000 calls`);
  t.true(sent - 20_000 >= 3_500, `${sent - 20_000} retries of 20,000 calls`);
  t.true(exhausted.length >= 12_000, `${exhausted.length} told`);
  t.is((exhausted[0] as RetryBudgetExhausted).cause, broken);
});

test('permits are asked for in batches, and first tries are told with them', async (t) => {
  const house = new ResilienceHouse();
  const send = pipeline({ ...NOTHING, retry: retryOf({ attempts: 2 }) }, house.node(), () => Promise.reject(broken));
  const answers = Array.from({ length: 100 }, () => outcomeOf(send(house.request())));
  await house.clock.advance(1_000);
  await Promise.all(answers);
  t.true(house.permits.asked.length <= 2, `${house.permits.asked.length} questions`);
  t.is(
    house.permits.asked.reduce((sum, { wanted }) => sum + wanted, 0),
    100,
  );
  t.is(
    house.permits.asked.reduce((sum, { requests }) => sum + requests, 0),
    100,
  );
});

test('without the backend a node keeps a budget of its own', async (t) => {
  for (const answer of [
    (): never => {
      throw new TransportError('away');
    },
    (): Promise<never> => new Promise(() => {}),
  ]) {
    const house = new ResilienceHouse();
    house.permits.answer = answer;
    const policy = { ...NOTHING, retry: retryOf({ attempts: 2, budgetPerSecond: 1, budgetRatio: 0 }) };
    let sent = 0;
    const send = pipeline(policy, house.node(), () => {
      sent += 1;
      return Promise.reject(broken);
    });
    const answers = Array.from({ length: 30 }, () => outcomeOf(send(house.request())));
    await house.clock.advance(2_000);
    const errors = await Promise.all(answers);
    t.is(sent, 40);
    t.is(errors.filter((error) => (error as HomeostatError).code === 'RETRY_BUDGET_EXHAUSTED').length, 20);
  }
});

test('a budget of nothing allows no retry', async (t) => {
  const house = new ResilienceHouse();
  const policy = { ...NOTHING, retry: retryOf({ budgetPerSecond: 0, budgetRatio: 0 }) };
  const { send, at } = failing(house.clock, broken);
  t.is(
    ((await outcomeOf(pipeline(policy, house.node(), send)(house.request()))) as HomeostatError).code,
    'RETRY_BUDGET_EXHAUSTED',
  );
  t.is(at.length, 1);
  t.is(house.permits.asked.length, 0);
});

test('tries, successes and failures are counted under few labels (S4-31)', async (t) => {
  const house = new ResilienceHouse();
  const needs = house.node();
  const policy = { ...NOTHING, retry: retryOf() };
  const run = async (errors: readonly HomeostatError[]): Promise<void> => {
    const answer = outcomeOf(pipeline(policy, needs, failing(house.clock, ...errors).send)(house.request()));
    await house.clock.advance(1_000);
    await answer;
  };
  await run([broken, broken]);
  await run([broken, broken, broken]);
  t.deepEqual(needs.counters.stats(), { users: { attempts: 6, successes: { 3: 1 }, failures: { HANDLER: 1 } } });
  for (let index = 0; index < 1_000; index += 1)
    await outcomeOf(
      pipeline({ ...policy, retry: retryOf({ attempts: 1 }) }, needs, () =>
        Promise.reject(new HandlerError(`no ${index}`)),
      )(house.request()),
    );
  t.deepEqual(needs.counters.stats()['users']?.failures, { HANDLER: 1_001 });
  for (let index = 0; index < 1_000; index += 1)
    await outcomeOf(
      pipeline(policy, needs, () => Promise.reject(new ActorError(`CODE_${index}`, 'no')))(house.request()),
    );
  t.true(Object.keys(needs.counters.stats()['users']!.failures).length <= 65);
});

test('a profile is known by its name (S4-28, S1-25)', (t) => {
  t.like(retryPolicy('aggressive'), {
    attempts: 5,
    delayMs: 50,
    factor: 1.5,
    maxDelayMs: 5_000,
    slots: 20,
    slotMs: 50,
  });
  t.like(retryPolicy({ profile: 'sdk', attempts: 7 }), { attempts: 7, delayMs: 1_000, jitter: 'none' });
  t.deepEqual(retryPolicy({}), DEFAULT_RETRY);
  t.throws(() => retryPolicy('heroic'), { code: 'CONFIG', message: /heroic/ });
  t.throws(() => retryPolicy({ attempts: 0 }), { code: 'CONFIG', message: /attempts/ });
});

test('retries are logged by name (S4-40)', async (t) => {
  const house = new ResilienceHouse();
  const { send } = failing(house.clock, broken, broken);
  const answer = outcomeOf(
    pipeline({ ...NOTHING, retry: retryOf({ attempts: 2 }) }, house.node(), send)(house.request()),
  );
  await house.clock.advance(1_000);
  await answer;
  t.deepEqual(
    house.lines.map(({ evt }) => evt),
    ['operation_failed_retrying', 'operation_failed_max_retries'],
  );
});

test('a timeout of a try is no retry past the deadline', async (t) => {
  const house = new ResilienceHouse();
  const request = house.request({ deadline: house.clock.now() + 100 });
  let sent = 0;
  const answer = outcomeOf(
    pipeline({ ...NOTHING, retry: retryOf({ jitter: 'full' }) }, house.node(), async () => {
      sent += 1;
      await new Promise<void>((resolve) => house.clock.setTimer(100, resolve));
      throw new CallTimeout('users.get', 100);
    })(request),
  );
  await house.clock.advance(1_000);
  t.is(((await answer) as HomeostatError).code, 'CALL_TIMEOUT');
  t.is(sent, 1);
});
