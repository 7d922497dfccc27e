import test from 'ava';
import { contract } from '../../src/contract/contract.ts';
import { callPolicy } from '../../src/policies/call-policy.ts';
import { Policies } from '../../src/policies/policies.ts';
import { Profiles } from '../../src/policies/profiles.ts';
import { DEFAULT_BREAKER, DEFAULT_RETRY } from '../../src/policies/service-settings.ts';

test('without a word a service has the documented defaults (S1-07, S1-17, S3-10)', (t) => {
  const { retry, breaker, cache, maxPending, delivery, balance } = new Policies().service('users');
  t.like(retry, { attempts: 3, delayMs: 100, factor: 2, maxDelayMs: 5_000, jitter: 'full' });
  t.deepEqual(breaker, {
    failureThreshold: 5,
    failureRate: 0.5,
    minCalls: 20,
    windowMs: 10_000,
    successThreshold: 2,
    openMs: 30_000,
    maxOpenMs: 600_000,
    rampMs: 10_000,
    quorum: 1,
  });
  t.deepEqual([cache, maxPending, delivery, balance], [false, 1_024, 'remote', 'pull']);
});

test('overriding one field of a breaker keeps the others (S1-17)', (t) => {
  const policies = new Policies({ code: { users: { breaker: { openMs: 60_000 } } } });
  t.deepEqual(policies.service('users').breaker, { ...DEFAULT_BREAKER, openMs: 60_000 });
});

test('defaults give way to the file, the file to code, and code to live settings (S1-08)', (t) => {
  const policies = new Policies({
    defaults: { maxPending: 1, failFast: true, localMaxLoad: 0.1, weight: 1 },
    file: { users: { maxPending: 2, localMaxLoad: 0.2, weight: 2 } },
    code: { users: { localMaxLoad: 0.3, weight: 3 } },
  });
  policies.setLive('users', { weight: 4 });
  const { maxPending, failFast, localMaxLoad, weight } = policies.service('users');
  t.deepEqual([failFast, maxPending, localMaxLoad, weight], [true, 2, 0.3, 4]);
  t.is(policies.service('orders').weight, 1);
});

test('what is said of one method overrules what is said of its service', (t) => {
  const policies = new Policies({
    code: { users: { timeoutMs: 1_000, retry: { attempts: 2 }, methods: { get: { timeoutMs: 50, retry: false } } } },
  });
  const get = policies.method('users', 'get', {});
  const put = policies.method('users', 'put', { timeoutMs: 70 });
  t.deepEqual([get.methodTimeoutMs, get.retry], [50, false]);
  t.deepEqual([put.methodTimeoutMs, put.timeoutMs], [70, 1_000]);
  t.deepEqual(put.retry, { ...DEFAULT_RETRY, attempts: 2 });
});

test('a profile of the node is good for every method and for the settings file (S3-07)', (t) => {
  const profiles = new Profiles({
    breaker: { api: { failureThreshold: 3, openMs: 30_000 } },
    retry: { once: { attempts: 1 } },
  });
  const policies = new Policies({ file: { users: { breaker: 'api', retry: 'once' } }, profiles });
  t.deepEqual(policies.service('users').breaker, { ...DEFAULT_BREAKER, failureThreshold: 3, openMs: 30_000 });
  t.like(policies.service('users').retry, { attempts: 1 });
});

test('the built-in profiles have the figures of the systems they are named after (S4-28, S1-17)', (t) => {
  const aggressive = new Policies({ code: { users: { retry: 'aggressive' } } }).service('users');
  t.like(aggressive.retry, { attempts: 5, delayMs: 50, factor: 1.5, maxDelayMs: 5_000, slots: 20, slotMs: 50 });
  const sdk = new Policies({ code: { users: { breaker: 'sdk' } } }).service('users');
  t.like(sdk.breaker, { failureThreshold: 5, successThreshold: 2, openMs: 60_000 });
});

test('a profile that nobody knows is refused when it is configured, with the names there are (S4-28)', (t) => {
  t.throws(() => new Policies({ code: { users: { retry: 'agressive' } } }), { code: 'CONFIG', message: /aggressive/ });
  const code = { users: { methods: { get: { retry: 'agressive' } } } };
  t.throws(() => new Policies({ code }), { code: 'CONFIG' }, 'that of a single method too');
  const policies = new Policies();
  t.throws(() => policies.setLive('users', { methods: { get: { breaker: 'none' } } }), { code: 'CONFIG' });
  t.is(policies.live('users'), undefined);
});

test('every change of live settings raises the revision that clients look at', (t) => {
  const policies = new Policies();
  const before = policies.revision;
  policies.setLive('users', { maxPending: 7 });
  t.is(policies.service('users').maxPending, 7);
  policies.setLive('users', undefined);
  t.is(policies.service('users').maxPending, 1_024);
  t.is(policies.revision, before + 2);
});

test('a client fails fast where it was told to, or has another version to turn to; a stand-in answer is no reason', (t) => {
  const users = contract('users', { methods: { get: {} } });
  const failsFast = (client: object, own: object = {}): boolean =>
    callPolicy(new Policies(), users, 'get', users.methods.get, client, own).failFast;
  t.false(failsFast({}));
  t.true(failsFast({ failFast: true }));
  t.true(failsFast({ fallback: users }));
  t.false(failsFast({ fallback: () => 1 }));
  t.false(failsFast({ fallback: () => 1 }, { fallback: () => 2 }));
});
