import test from 'ava';
import { ActorError, CallTimeout, HandlerError, HomeostatError, NoHealthyInstances } from '../../src/ground/errors.ts';
import { DEFAULT_BREAKER, DEFAULT_CACHE } from '../../src/policies/service-settings.ts';
import type { Send } from '../../src/resilience/request.ts';
import { broken, failing, NOTHING, outcomeOf, pipeline, ResilienceHouse, retryOf, times } from './house.ts';

test('the 1025th concurrent call of a service is refused at once, whichever client it comes from (S4-45)', async (t) => {
  const house = new ResilienceHouse();
  const needs = house.node();
  let finish = (): void => {};
  const gate = new Promise<string>((resolve) => (finish = () => resolve('fine')));
  const policy = { ...NOTHING, retry: retryOf() };
  const clients = [pipeline(policy, needs, () => gate), pipeline(policy, needs, () => gate)];
  const calls = Array.from({ length: 1_024 }, (_, index) => clients[index % 2]!(house.request()));
  const refused = (await outcomeOf(clients[0]!(house.request()))) as HomeostatError;
  t.is(refused.code, 'OVERLOADED');
  t.is(refused.outcome, 'not-executed');
  finish();
  t.deepEqual(await Promise.all(calls), times(1_024, 'fine'));
  t.is(await clients[0]!(house.request()), 'fine');
});

test('the count of what is under way never leaks, however calls end (Regression 40)', async (t) => {
  const house = new ResilienceHouse();
  const needs = house.node();
  const sends: Send[] = [
    () => Promise.resolve(1),
    () => Promise.reject(broken),
    () => {
      throw new HandlerError('thrown');
    },
    () => Promise.reject(new CallTimeout('users.get', 1)),
  ];
  const policy = { ...NOTHING, breaker: DEFAULT_BREAKER, retry: retryOf({ delayMs: 1 }), hedgeAfterMs: 5 };
  const answers = Array.from({ length: 400 }, (_, index) =>
    outcomeOf(pipeline(policy, needs, sends[index % 4]!)(house.request())),
  );
  await house.clock.advance(60_000);
  await Promise.all(answers);
  t.is(needs.bulkheads.of('users').pending, 0);
});

test('a fallback answers while the breaker is open, and the request says why (S1-24, S3-32)', async (t) => {
  const house = new ResilienceHouse();
  const fallback = (error: HomeostatError, input: unknown): unknown => ({ code: error.code, input });
  const policy = { ...NOTHING, breaker: DEFAULT_BREAKER, fallback };
  const call = pipeline(policy, house.node(), () => Promise.reject(broken));
  const degraded: unknown[] = [];
  for (let index = 0; index < 6; index += 1) {
    const request = house.request({ input: index });
    t.like(await call(request), { input: index });
    degraded.push(request.degraded);
  }
  t.deepEqual(degraded, [...times(5, 'HANDLER'), 'CIRCUIT_OPEN']);
});

test('a fallback stands in for timeouts and missing instances, never for an answer (S3-32)', async (t) => {
  const house = new ResilienceHouse();
  const degradedBy = async (error: HomeostatError): Promise<string | undefined> => {
    const request = house.request();
    await outcomeOf(pipeline({ ...NOTHING, fallback: () => 1 }, house.node(), () => Promise.reject(error))(request));
    return request.degraded;
  };
  t.is(await degradedBy(new CallTimeout('users.get', 1)), 'CALL_TIMEOUT');
  t.is(await degradedBy(new NoHealthyInstances('users')), 'NO_HEALTHY_INSTANCES');
  t.is(await degradedBy(new ActorError('EMAIL_TAKEN', 'taken')), undefined);
  t.is(await degradedBy(new HomeostatError('ABORTED', 'aborted')), undefined);
});

test('a fallback that fails says so, with its cause', async (t) => {
  const house = new ResilienceHouse();
  const cause = new TypeError('oops');
  const fallback = (): never => {
    throw cause;
  };
  const request = house.request();
  const error = await outcomeOf(
    pipeline({ ...NOTHING, fallback }, house.node(), () => Promise.reject(broken))(request),
  );
  t.like(error, { code: 'HANDLER', retryable: false, cause });
  t.is(request.degraded, undefined);
});

test('the powers lie in their order: cache, fallback, retry, breaker, bulkhead (S1-27)', async (t) => {
  const house = new ResilienceHouse();
  const seen: string[] = [];
  const needs = house.node();
  const policy = {
    ...NOTHING,
    cache: DEFAULT_CACHE,
    retry: retryOf({ attempts: 3, delayMs: 10 }),
    breaker: { ...DEFAULT_BREAKER, failureThreshold: 2 },
    fallback: (error: HomeostatError) => {
      seen.push(`fallback after ${error.code}`);
      return 'instead';
    },
  };
  const call = pipeline(policy, needs, (request) => {
    seen.push(`send ${request.attempts}, ${needs.bulkheads.of('users').pending} under way`);
    return Promise.reject(broken);
  });
  const answer = call(house.request());
  await house.clock.advance(100);
  t.is(await answer, 'instead');
  // Retry saw two failures, the breaker was asked before the third try, and the fallback came after all tries.
  t.deepEqual(seen, ['send 1, 1 under way', 'send 2, 1 under way', 'fallback after CIRCUIT_OPEN']);
  const fine = pipeline(policy, house.node(), () => Promise.resolve('fine'));
  t.is(await fine(house.request()), 'fine');
  const kept = house.request();
  t.is(await call(kept), 'fine', 'the cache is asked before the breaker');
  t.is(kept.degraded, 'cache');
});

test('what is off is not in the chain, and every try is counted in the request', async (t) => {
  const house = new ResilienceHouse();
  const request = house.request();
  t.is(await pipeline(NOTHING, house.node(), failing(house.clock).send)(request), 'fine');
  t.is(request.attempts, 1);
});

test('a slow query is asked a second time; the first answer wins and the other is aborted', async (t) => {
  const house = new ResilienceHouse();
  const signals: AbortSignal[] = [];
  const call = pipeline(
    { ...NOTHING, hedgeAfterMs: 50, breaker: DEFAULT_BREAKER },
    house.node(),
    async ({ signal }) => {
      signals.push(signal!);
      const mine = signals.length;
      await new Promise<void>((resolve) => house.clock.setTimer(mine === 1 ? 1_000 : 10, resolve));
      return mine;
    },
  );
  const answer = call(house.request());
  await house.clock.advance(60);
  t.is(await answer, 2);
  t.is(signals.length, 2);
  t.true(signals[0]!.aborted);
});

test('a hedge is not sent for commands, after a quick answer, or after a failure', async (t) => {
  const house = new ResilienceHouse();
  const policy = { ...NOTHING, hedgeAfterMs: 50 };
  for (const [kind, send, tries] of [
    ['command', () => new Promise(() => {}), 1],
    ['query', () => Promise.resolve(1), 1],
    ['query', () => Promise.reject(broken), 1],
    ['query', () => new Promise(() => {}), 2],
  ] as const) {
    let sent = 0;
    void outcomeOf(
      pipeline(policy, house.node(), (request) => {
        sent += 1;
        return (send as Send)(request);
      })(house.request({ kind })),
    );
    await house.clock.advance(200);
    t.is(sent, tries);
  }
});

test('both tries of a hedge end with the caller', async (t) => {
  const house = new ResilienceHouse();
  const controller = new AbortController();
  const call = pipeline(
    { ...NOTHING, hedgeAfterMs: 50 },
    house.node(),
    ({ signal }) =>
      new Promise((_, reject) =>
        signal!.addEventListener('abort', () => reject(new HomeostatError('ABORTED', 'aborted'))),
      ),
  );
  const answer = outcomeOf(call(house.request({ signal: controller.signal })));
  await house.clock.advance(100);
  controller.abort();
  t.is(((await answer) as HomeostatError).code, 'ABORTED');
});
