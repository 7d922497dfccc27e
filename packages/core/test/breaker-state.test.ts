/** The breaker's arithmetic: single steps, and properties over random histories. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  FOREVER,
  admittedShare,
  forced,
  newBreaker,
  probed,
  recorded,
  released,
  restored,
  toState,
  type Breaker,
} from '../src/breaker/breaker-state.ts';
import type { BreakerPolicy, BreakerTally } from '../src/ports/breakers.ts';
import { DEFAULT_BREAKER } from '../src/policies/service-settings.ts';

const T0 = 1_767_225_600_000;
const POLICY: BreakerPolicy = { ...DEFAULT_BREAKER, openMs: 1_000, maxOpenMs: 10_000, rampMs: 0 };
const LEASE_MS = 500;

const ok = (successes = 1): BreakerTally => ({ successes, failures: 0, trailingFailures: 0 });
const bad = (failures = 1): BreakerTally => ({ successes: 0, failures, trailingFailures: failures });
const fresh = (): Breaker => newBreaker('users.get', T0);

function opened(policy: BreakerPolicy = POLICY): Breaker {
  return recorded(fresh(), bad(policy.failureThreshold), policy, T0, 'a');
}

/** Grants a probe and ends it with that outcome. */
function tried(breaker: Breaker, tally: BreakerTally, now: number, policy: BreakerPolicy = POLICY): Breaker {
  const { breaker: half, answer } = probed(breaker, LEASE_MS, now, 'a', `token ${now}`);
  if (answer.kind !== 'granted') throw new Error(`no probe at ${now}: ${answer.retryAt}`);
  return recorded(half, { ...tally, probe: answer.token }, policy, now, 'a');
}

function seed(t: ExecutionContext): number {
  const value = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
  t.log(`seed ${value}; repeat with SEED=${value}`);
  return value;
}

test('the defaults are those that are documented (S1-17)', (t) => {
  t.deepEqual(DEFAULT_BREAKER, {
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
});

test('it opens with the failure that reaches the threshold, for openMs and no longer (S4-42)', (t) => {
  const four = recorded(fresh(), bad(4), POLICY, T0, 'a');
  t.is(four.phase, 'closed');
  const five = recorded(four, bad(), POLICY, T0 + 5, 'b');
  t.like(five, { phase: 'open', openings: 1, changes: 1, openUntil: T0 + 5 + POLICY.openMs, by: 'b' });
  t.is(five.reason, '5 failures in a row');
  t.like(toState(five, T0 + 5), { windowFailures: 5, failuresInRow: 5, failures: 5 });
});

test('before its time it refuses to be tried, then one at a time may try', (t) => {
  const open = opened();
  const early = probed(open, LEASE_MS, T0 + 999, 'a', 'x');
  t.like(early.answer, { kind: 'refused', retryAt: T0 + 1_000 });
  const first = probed(early.breaker, LEASE_MS, T0 + 1_000, 'a', 'x');
  t.like(first.answer, { kind: 'granted', token: 'x' });
  t.is(first.answer.state.phase, 'half_open');
  const second = probed(first.breaker, LEASE_MS, T0 + 1_100, 'b', 'y');
  t.like(second.answer, { kind: 'refused', retryAt: T0 + 1_500 });
  const third = probed(second.breaker, LEASE_MS, T0 + 1_500, 'b', 'y');
  t.is(third.answer.kind, 'granted');
  t.is(released(third.breaker, 'x').lease?.token, 'y', 'an old token gives nothing back');
  t.is(released(third.breaker, 'y').lease, undefined);
});

test('the wait doubles with each opening in a row, up to the longest', (t) => {
  let breaker = opened();
  let now = T0;
  const waits: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    waits.push(breaker.openUntil - now);
    now = breaker.openUntil;
    breaker = tried(breaker, bad(), now);
  }
  t.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
});

test('every transition begins its counters anew (S3-22)', (t) => {
  const policy = { ...POLICY, successThreshold: 3 };
  let breaker = tried(opened(policy), ok(), T0 + 1_000, policy);
  breaker = tried(breaker, ok(), T0 + 1_001, policy);
  t.is(breaker.probeSuccesses, 2);
  breaker = tried(breaker, bad(), T0 + 1_002, policy);
  t.like(breaker, { phase: 'open', probeSuccesses: 0, failuresInRow: 1 });
  const phases = [0, 1, 2].map((step) => {
    breaker = tried(breaker, ok(), breaker.openUntil + step, policy);
    return breaker.phase;
  });
  t.deepEqual(phases, ['half_open', 'half_open', 'closed']);
  t.like(toState(breaker, T0 + 4_000), { failuresInRow: 0, windowFailures: 0, windowSuccesses: 0, openUntil: 0 });
  t.is(recorded(breaker, bad(4), policy, T0 + 4_000, 'a').phase, 'closed', 'the row begins anew');
});

test('a probe that ends without an outcome only gives its lease back', (t) => {
  const { breaker } = probed(opened(), LEASE_MS, T0 + 1_000, 'a', 'x');
  const after = recorded(breaker, { ...ok(0), probe: 'x' }, POLICY, T0 + 1_001, 'a');
  t.like(after, { phase: 'half_open', lease: undefined, probeSuccesses: 0 });
});

test('a ramp admits 10 % and a tenth more with each tenth of it, and a failure in it reopens (S4-43)', (t) => {
  const policy = { ...POLICY, successThreshold: 1, rampMs: 1_000 };
  const at = T0 + 1_000;
  const ramping = tried(opened(policy), ok(), at, policy);
  t.like(ramping, { phase: 'closed', rampUntil: at + 1_000, openings: 1 });
  const shares = [0, 99, 100, 250, 555, 899, 900, 999, 1_000].map((ms) =>
    admittedShare(toState(ramping, at + ms), policy, at + ms),
  );
  t.deepEqual(shares, [0.1, 0.1, 0.2, 0.3, 0.6, 0.9, 1, 1, 1]);
  t.like(recorded(ramping, bad(), policy, at + 500, 'a'), { phase: 'open', openings: 2, openUntil: at + 500 + 2_000 });
  const through = recorded(ramping, ok(), policy, at + 1_000, 'a');
  t.like(through, { phase: 'closed', openings: 0, rampUntil: 0 });
  t.is(recorded(through, bad(), policy, at + 1_001, 'a').phase, 'closed');
});

test('an open one admits nothing, whatever the policy says of ramps', (t) => {
  const open = opened();
  t.is(admittedShare(toState(open, T0 + 5_000), POLICY, T0 + 5_000), 0);
  t.is(admittedShare(toState(fresh(), T0), POLICY, T0), 1);
});

test('opened by hand it stays open until its end, and is closed then (S3-20)', (t) => {
  const force = { to: 'open', reason: 'migration', by: 'ann' } as const;
  const forever = forced(fresh(), force, T0);
  t.like(forever, { phase: 'open', manual: true, openUntil: FOREVER, reason: 'migration', by: 'ann' });
  t.is(recorded(forever, ok(1_000), POLICY, T0 + 1, 'a').phase, 'open');
  t.is(probed(forever, LEASE_MS, T0 + 86_400_000, 'a', 'x').answer.kind, 'refused');
  const paused = forced(fresh(), { ...force, ttlMs: 1_000 }, T0);
  const local = toState(paused, T0);
  t.is(admittedShare(local, POLICY, T0 + 999), 0);
  t.is(admittedShare(local, POLICY, T0 + 1_000), 1, 'a copy says so as well, without news');
  t.like(toState(paused, T0 + 1_000), {
    phase: 'closed',
    manual: false,
    changes: 2,
    changedAt: T0 + 1_000,
    openUntil: 0,
  });
  t.is(probed(paused, LEASE_MS, T0 + 1_000, 'a', 'x').answer.kind, 'refused', 'closed, not half open');
});

test('a reset forgets what was counted, closing does not', (t) => {
  const open = opened();
  const close = { to: 'closed', reason: 'fixed', by: 'ann' } as const;
  t.like(forced(open, close, T0 + 1), { phase: 'closed', failures: 5, openings: 0, changes: 2 });
  t.like(forced(open, { ...close, to: 'reset' }, T0 + 1), { phase: 'closed', failures: 0, openings: 0, changes: 2 });
});

test('the window is the last ten steps, and nothing older or from the future', (t) => {
  const policy = { ...POLICY, windowMs: 1_000, failureThreshold: 1_000, minCalls: 1_000 };
  let breaker = fresh();
  for (let step = 0; step < 30; step += 1) breaker = recorded(breaker, bad(), policy, T0 + step * 100, 'a');
  t.is(toState(breaker, T0 + 2_900).windowFailures, 10);
  t.is(toState(breaker, T0 + 3_400).windowFailures, 5);
  t.is(toState(breaker, T0 + 9_000).windowFailures, 0);
  t.true(breaker.window.buckets.length <= 10);
  t.is(toState(recorded(breaker, bad(), policy, T0, 'a'), T0).windowFailures, 1, 'a clock that was set back');
});

test('a quorum asks for distinct nodes within the window', (t) => {
  const policy = { ...POLICY, quorum: 2 };
  const one = recorded(fresh(), bad(50), policy, T0, 'a');
  t.is(one.phase, 'closed');
  t.is(recorded(one, bad(), policy, T0 + 1, 'b').phase, 'open');
  t.is(recorded(one, bad(), policy, T0 + policy.windowMs, 'b').phase, 'closed', 'what a saw is too long ago');
});

test('a lost one is put back from a copy', (t) => {
  const open = toState(opened(), T0);
  t.like(restored(open, T0 + 5), { phase: 'open', openUntil: open.openUntil, changes: 1, openings: 1, failures: 5 });
  const half = { ...open, phase: 'half_open', changes: 6 } as const;
  t.is(probed(restored(half, T0 + 2_000), LEASE_MS, T0 + 2_000, 'a', 'x').answer.kind, 'granted');
  t.like(restored({ ...open, phase: 'closed', changes: 9 }, T0), { phase: 'closed', changes: 9, failures: 0 });
});

for (const [every, row] of [
  [100, 'S3-21'],
  [12, 'S4-42'],
] as const) {
  test(`one failure in ${every} over 10,000 calls never opens it (${row})`, (t) => {
    let breaker = fresh();
    for (let call = 1; call <= 10_000; call += 1) {
      breaker = recorded(breaker, call % every === 0 ? bad() : ok(), POLICY, T0 + call * 3, call % 2 === 0 ? 'a' : 'b');
    }
    t.like(breaker, { phase: 'closed', changes: 0, failures: Math.floor(10_000 / every) });
  });
}

test('a service that fails every other second for a minute is tried at most once per opening', (t) => {
  const policy = DEFAULT_BREAKER;
  let breaker = fresh();
  let probes = 0;
  for (let ms = 0; ms < 60_000; ms += 10) {
    const now = T0 + ms;
    const tally = Math.floor(ms / 1_000) % 2 === 0 ? bad() : ok();
    const { phase, openUntil } = toState(breaker, now);
    if (phase === 'closed') {
      breaker = recorded(breaker, tally, policy, now, 'a');
    } else if (now >= openUntil) {
      probes += 1;
      breaker = tried(breaker, tally, now, policy);
    }
  }
  t.true(breaker.changes <= 8, `${breaker.changes} transitions`);
  t.true(probes <= 4, `${probes} probes`);
});

interface Step {
  readonly what: 'ok' | 'bad' | 'probe' | 'probeOk' | 'probeBad' | 'release' | 'stale' | 'open' | 'pause' | 'close';
  readonly node: string;
  readonly waitMs: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(
    'ok',
    'bad',
    'bad',
    'bad',
    'probe',
    'probe',
    'probeOk',
    'probeBad',
    'release',
    'stale',
    'open',
    'pause',
    'close',
  ),
  node: fc.constantFrom('a', 'b', 'c'),
  waitMs: fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 5_000 })),
});

test('in random histories there is one lease at a time, and every phase keeps its rules', (t) => {
  const policy = { ...POLICY, rampMs: 400, failureThreshold: 3 };
  const histories = fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
    let breaker = fresh();
    let now = T0;
    let token = '';
    let leasedUntil = 0;
    for (const [index, { what, node, waitMs }] of steps.entries()) {
      now += waitMs;
      const before = toState(breaker, now);
      const leased = breaker.lease?.token === token && leasedUntil > now;
      if (what === 'ok' || what === 'bad') {
        breaker = recorded(breaker, what === 'ok' ? ok() : bad(), policy, now, node);
        if (before.phase !== 'closed') assertSame(before, toState(breaker, now));
      } else if (what === 'stale') {
        breaker = recorded(breaker, { ...bad(), probe: 'never given' }, policy, now, node);
        if (before.phase !== 'closed') assertSame(before, toState(breaker, now));
      } else if (what === 'probe') {
        const { breaker: after, answer } = probed(breaker, LEASE_MS, now, node, `token ${index}`);
        if (answer.kind === 'granted') {
          if (leased) throw new Error('two leases at a time');
          if (before.phase === 'closed' || before.manual) throw new Error(`granted while ${before.phase}`);
          if (before.phase === 'open' && now < before.openUntil) throw new Error('granted too early');
          token = answer.token;
          leasedUntil = now + LEASE_MS;
        }
        breaker = after;
      } else if (what === 'probeOk' || what === 'probeBad') {
        breaker = recorded(breaker, { ...(what === 'probeOk' ? ok() : bad()), probe: token }, policy, now, node);
        const after = toState(breaker, now);
        if (leased && what === 'probeBad' && after.phase !== 'open')
          throw new Error('a failed probe left it half open');
        if (!leased && before.phase !== 'closed') assertSame(before, after);
      } else if (what === 'release') {
        breaker = released(breaker, token);
      } else {
        const ttlMs = what === 'pause' ? { ttlMs: 100 } : undefined;
        breaker = forced(breaker, { to: what === 'close' ? 'closed' : 'open', reason: 'r', by: 'p', ...ttlMs }, now);
      }
      check(before.changes, toState(breaker, now), now, policy);
    }
  });
  t.notThrows(() => fc.assert(histories, { seed: seed(t), numRuns: 400 }));
});

/** An outcome that is nobody's business changes the totals and nothing else. */
function assertSame(before: ReturnType<typeof toState>, after: ReturnType<typeof toState>): void {
  const { failures: _f, successes: _s, ...kept } = before;
  const { failures: _g, successes: _r, ...now } = after;
  if (JSON.stringify(kept) !== JSON.stringify(now)) throw new Error(`${JSON.stringify(kept)} ≠ ${JSON.stringify(now)}`);
}

function check(changes: number, state: ReturnType<typeof toState>, now: number, policy: BreakerPolicy): void {
  const { phase, openUntil, openings, manual, changedAt } = state;
  if (state.changes < changes) throw new Error('changes went back');
  if (phase === 'closed' && (openUntil !== 0 || manual))
    throw new Error('closed, and yet something is left of the opening');
  if (phase === 'closed' && state.failuresInRow >= policy.failureThreshold) throw new Error('should have opened');
  if (phase === 'open' && !manual) {
    const wait = Math.min(policy.maxOpenMs, policy.openMs * 2 ** (openings - 1));
    if (openUntil - changedAt !== wait) throw new Error(`it waits ${openUntil - changedAt}, not ${wait}`);
  }
  const share = admittedShare(state, policy, now);
  if (phase === 'closed' ? share < 0.1 || share > 1 : share !== 0)
    throw new Error(`${share} is admitted while ${phase}`);
}
