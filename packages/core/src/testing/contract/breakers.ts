import type { BreakerPolicy, BreakerState, BreakerTally } from '../../ports/breakers.ts';
import { waitFor } from '../wait-for.ts';
import type { Peer } from './peer.ts';
import type { Promised } from './stage.ts';
import { DEADLINE_MS } from './times.ts';

const NAME = 'users.get';
const LEASE_MS = 10_000;
const POLICY: BreakerPolicy = {
  failureThreshold: 5,
  failureRate: 0.5,
  minCalls: 20,
  windowMs: 60_000,
  successThreshold: 2,
  openMs: 60,
  maxOpenMs: 1_000,
  rampMs: 0,
  quorum: 1,
};

export function breakers(promised: Promised): void {
  promised('three failures on one node and two on another open it for both (S3-23)', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    t.is((await fails(a, 3)).phase, 'closed');
    const opened = await fails(b, 2);
    t.deepEqual([opened.phase, opened.openings, opened.changes, opened.by], ['open', 1, 1, b.id]);
    t.is(opened.openUntil - opened.changedAt, POLICY.openMs, 'the first wait is openMs');
    t.deepEqual((await seenBy(a)).phase, 'open');
    for (const peer of [a, b]) {
      const { body } = await peer.hears('breaker', NAME);
      t.deepEqual([(body as BreakerState).phase, (body as BreakerState).changes], ['open', 1]);
    }
  });

  promised('it opens, is tried and closes, as another node sees it (S3-18)', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await fails(a, 1);
    const phases = [(await seenBy(b)).phase];
    await fails(a, 4);
    phases.push((await seenBy(b)).phase);
    for (let round = 0; round < POLICY.successThreshold; round += 1) {
      const token = await granted(a);
      phases.push((await seenBy(b)).phase);
      await a.link.breakers.record(NAME, { ...succeeded(1), probe: token }, POLICY, a.id);
    }
    const closed = await seenBy(b);
    t.deepEqual([...phases, closed.phase], ['closed', 'open', 'half_open', 'half_open', 'closed']);
    t.deepEqual([closed.openUntil, closed.failuresInRow, closed.windowFailures, closed.changes], [0, 0, 0, 3]);
    const heard = (): BreakerState[] =>
      b.news.flatMap((item) => (item.kind === 'breaker' ? [item.body as BreakerState] : []));
    await waitFor(() => heard().length >= 3, { withinMs: DEADLINE_MS, what: 'every transition' });
    t.deepEqual(
      heard().map(({ phase, changes }) => `${phase} ${changes}`),
      ['open 1', 'half_open 2', 'closed 3'],
    );
  });

  promised('of twenty that ask at once, one may try (S4-42)', async (t, stage) => {
    const peers = [await stage.peer('a'), await stage.peer('b')];
    const [a, b] = peers as [Peer, Peer];
    const { openUntil } = await fails(a, 5, { ...POLICY, openMs: 400 });
    const early = await b.link.breakers.probe(NAME, LEASE_MS, POLICY, b.id);
    t.deepEqual([early.kind, early.kind === 'refused' && early.retryAt], ['refused', openUntil]);
    await isDue(a, openUntil);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const peer = peers[index % 2] as Peer;
        return peer.link.breakers.probe(NAME, LEASE_MS, POLICY, peer.id);
      }),
    );
    t.is(answers.filter(({ kind }) => kind === 'granted').length, 1);
    t.true(answers.every(({ state }) => state.phase === 'half_open'));
    t.true(answers.every((answer) => answer.kind === 'granted' || answer.retryAt > openUntil));
  });

  promised('it takes as many fresh successes as the threshold says (S3-22)', async (t, stage) => {
    const a = await stage.peer('a');
    const policy = { ...POLICY, successThreshold: 3 };
    await fails(a, 5, policy);
    const probe = async (tally: BreakerTally): Promise<BreakerState> =>
      a.link.breakers.record(NAME, { ...tally, probe: await granted(a, policy) }, policy, a.id);
    t.is((await probe(succeeded(1))).phase, 'half_open');
    t.is((await probe(succeeded(1))).phase, 'half_open');
    const again = await probe(failed(1));
    t.deepEqual([again.phase, again.openings, again.openUntil - again.changedAt], ['open', 2, 2 * POLICY.openMs]);
    const phases: string[] = [];
    for (let round = 0; round < 3; round += 1) phases.push((await probe(succeeded(1))).phase);
    t.deepEqual(phases, ['half_open', 'half_open', 'closed']);
  });

  promised('one failure in a hundred, and one in twelve, never open it (S3-21, S4-42)', async (t, stage) => {
    const a = await stage.peer('a');
    for (const [name, every] of [
      ['hundred', 100],
      ['twelve', 12],
    ] as const) {
      for (let batch = 0; batch < 100; batch += 1) {
        const tally = { successes: every - 1, failures: 1, trailingFailures: batch % 2 };
        const state = await a.link.breakers.record(name, tally, POLICY, a.id);
        if (state.phase !== 'closed') t.is(state.phase, 'closed', `${name}: ${state.reason}`);
      }
    }
    const states = new Map((await a.link.breakers.all()).map((state) => [state.name, state]));
    for (const [name, successes] of [
      ['hundred', 9_900],
      ['twelve', 1_100],
    ] as const) {
      const state = states.get(name);
      t.deepEqual(
        [state?.phase, state?.failures, state?.successes, state?.changes],
        ['closed', 100, successes, 0],
        name,
      );
    }
  });

  promised('half of twenty calls open it, of nineteen they do not', async (t, stage) => {
    const a = await stage.peer('a');
    const mixed = (successes: number, failures: number): Promise<BreakerState> =>
      a.link.breakers.record(NAME, { successes, failures, trailingFailures: 1 }, POLICY, a.id);
    t.is((await mixed(9, 10)).phase, 'closed');
    const state = await a.link.breakers.record(NAME, succeeded(1), POLICY, a.id);
    t.deepEqual([state.phase, state.windowFailures, state.windowSuccesses], ['open', 10, 10]);
    t.true(state.reason !== '');
  });

  promised('what is older than the window is forgotten', async (t, stage) => {
    const a = await stage.peer('a');
    const policy = { ...POLICY, windowMs: 200 };
    const mixed = { successes: 5, failures: 14, trailingFailures: 1 };
    t.is((await a.link.breakers.record(NAME, mixed, policy, a.id)).windowFailures, 14);
    const later = await waitFor(
      async () => {
        const [state] = await a.link.breakers.all();
        return state?.windowFailures === 0 ? state : undefined;
      },
      { withinMs: DEADLINE_MS, what: 'the window to pass' },
    );
    t.deepEqual([later.failures, later.successes], [14, 5], 'the totals stay');
    t.is((await a.link.breakers.record(NAME, mixed, policy, a.id)).phase, 'closed');
  });

  promised('with a quorum of two the failures of one node do not open it', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const policy = { ...POLICY, quorum: 2 };
    t.is((await fails(a, 30, policy)).phase, 'closed');
    t.is((await fails(b, 1, policy)).phase, 'open');
  });

  promised('a success begins the row anew, and late outcomes change nothing but the totals', async (t, stage) => {
    const a = await stage.peer('a');
    await fails(a, 4);
    const row = await a.link.breakers.record(NAME, { successes: 1, failures: 3, trailingFailures: 2 }, POLICY, a.id);
    t.deepEqual([row.phase, row.failuresInRow], ['closed', 2]);
    const opened = await fails(a, 3);
    t.deepEqual([opened.phase, opened.failuresInRow], ['open', 5]);
    await fails(a, 7);
    const late = await a.link.breakers.record(NAME, { ...succeeded(2), probe: 'of old' }, POLICY, a.id);
    t.deepEqual(
      [late.phase, late.changes, late.openUntil, late.failures, late.successes],
      ['open', 1, opened.openUntil, 17, 3],
    );
  });

  promised('a lease ends with its release and with its time, and then its token is worth nothing', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await fails(a, 5);
    const first = await granted(a);
    await b.link.breakers.release(NAME, 'another');
    t.is((await b.link.breakers.probe(NAME, LEASE_MS, POLICY, b.id)).kind, 'refused');
    await a.link.breakers.release(NAME, first);
    const second = await b.link.breakers.probe(NAME, 30, POLICY, b.id);
    t.is(second.kind, 'granted');
    const third = await granted(a);
    const policy = { ...POLICY, successThreshold: 1 };
    const old = second.kind === 'granted' ? second.token : '';
    for (const token of [first, old]) {
      const { phase } = await b.link.breakers.record(NAME, { ...succeeded(1), probe: token }, policy, b.id);
      t.is(phase, 'half_open');
    }
    const { phase } = await a.link.breakers.record(NAME, { ...succeeded(1), probe: third }, policy, a.id);
    t.is(phase, 'closed');
  });

  promised('a failure in the ramp opens it at once, for twice as long (S4-43)', async (t, stage) => {
    const a = await stage.peer('a');
    const policy = { ...POLICY, successThreshold: 1, rampMs: 60_000 };
    const first = await fails(a, 5, policy);
    const closed = await a.link.breakers.record(
      NAME,
      { ...succeeded(1), probe: await granted(a, policy) },
      policy,
      a.id,
    );
    t.deepEqual([closed.phase, closed.rampUntil - closed.changedAt], ['closed', 60_000]);
    const second = await fails(a, 1, policy);
    t.deepEqual([second.phase, second.openings], ['open', 2]);
    t.is(second.openUntil - second.changedAt, 2 * (first.openUntil - first.changedAt));
  });

  promised('opened by hand it stays so whatever is recorded, until it is closed by hand (S3-20)', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    const opened = await a.link.breakers.force(NAME, { to: 'open', reason: 'migration', by: 'ann' });
    t.deepEqual([opened.phase, opened.manual, opened.reason, opened.by], ['open', true, 'migration', 'ann']);
    t.true(opened.openUntil > a.link.now() + 86_400_000);
    await b.hears('breaker', NAME);
    t.is((await b.link.breakers.probe(NAME, LEASE_MS, POLICY, b.id)).kind, 'refused');
    t.is((await b.link.breakers.record(NAME, succeeded(100), POLICY, b.id)).phase, 'open');
    const closed = await b.link.breakers.force(NAME, { to: 'closed', reason: 'done', by: 'bob' });
    t.deepEqual([closed.phase, closed.manual, closed.openUntil, closed.by], ['closed', false, 0, 'bob']);
    t.is(closed.successes, 100);
    await a.hears('breaker', NAME, ({ body }) => (body as BreakerState).changes === closed.changes);
    t.is((await a.link.breakers.probe(NAME, LEASE_MS, POLICY, a.id)).kind, 'refused', 'a closed one needs no probe');
  });

  promised('opened by hand with an end it closes by itself (S3-20)', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await a.link.breakers.force(NAME, { to: 'open', reason: 'a pause', by: 'ann', ttlMs: 300 });
    t.is((await seenBy(b)).phase, 'open');
    const closed = await waitFor(
      async () => {
        const state = await b.link.breakers.record(NAME, succeeded(1), POLICY, b.id);
        return state.phase === 'open' ? undefined : state;
      },
      { withinMs: DEADLINE_MS, what: 'the end of the pause' },
    );
    t.deepEqual([closed.phase, closed.manual], ['closed', false]);
    t.is((await seenBy(a)).phase, 'closed');
  });

  promised('what was told of it is counted exactly, and a reset begins anew (S3-19)', async (t, stage) => {
    const a = await stage.peer('a');
    const b = await stage.peer('b');
    await a.link.breakers.record(NAME, { successes: 60, failures: 3, trailingFailures: 0 }, POLICY, a.id);
    await b.link.breakers.record(NAME, { successes: 40, failures: 1, trailingFailures: 0 }, POLICY, b.id);
    for (const peer of [a, b]) {
      const state = await seenBy(peer);
      t.deepEqual([state.successes, state.failures], [100, 4]);
      t.deepEqual([state.windowSuccesses, state.windowFailures], [100, 4]);
    }
    const reset = await b.link.breakers.force(NAME, { to: 'reset', reason: 'fresh', by: 'bob' });
    t.deepEqual(
      [reset.phase, reset.successes, reset.failures, reset.windowSuccesses, reset.windowFailures, reset.openings],
      ['closed', 0, 0, 0, 0, 0],
    );
  });

  promised('it is tried when its time is over, though every node has gone meanwhile (S3-25)', async (t, stage) => {
    const before = await stage.peer('before');
    await fails(before, 5);
    await before.link.membership.leave();
    await before.link.close();
    const after = await stage.peer('after');
    t.is((await seenBy(after)).phase, 'open');
    await granted(after);
    t.is((await seenBy(after)).phase, 'half_open');
  });

  promised('one that the backend has lost is open again as the node that still knows it says', async (t, stage) => {
    const a = await stage.peer('a');
    const { openUntil, ...rest } = await fails(a, 5);
    const known = { ...rest, name: 'lost.get', openUntil: openUntil + 500, changes: 7 };
    const state = await a.link.breakers.record('lost.get', succeeded(1), POLICY, a.id, known);
    t.deepEqual([state.phase, state.openUntil, state.changes], ['open', known.openUntil, 7]);
    const old = { ...known, name: NAME, changes: 1 };
    const unmoved = await a.link.breakers.record(NAME, succeeded(1), POLICY, a.id, old);
    t.deepEqual([unmoved.openUntil, unmoved.changes], [openUntil, 1], 'what the backend has is not overruled');
  });
}

function succeeded(successes: number): BreakerTally {
  return { successes, failures: 0, trailingFailures: 0 };
}

function failed(failures: number): BreakerTally {
  return { successes: 0, failures, trailingFailures: failures };
}

function fails(peer: Peer, failures: number, policy: BreakerPolicy = POLICY): Promise<BreakerState> {
  return peer.link.breakers.record(NAME, failed(failures), policy, peer.id);
}

async function seenBy(peer: Peer): Promise<BreakerState> {
  const state = (await peer.link.breakers.all()).find(({ name }) => name === NAME);
  if (state === undefined) throw new Error(`${peer.name} sees no breaker ${NAME}`);
  return state;
}

/** Resolves with the token of a probe once one is granted. */
async function granted(peer: Peer, policy: BreakerPolicy = POLICY): Promise<string> {
  return waitFor(
    async () => {
      const answer = await peer.link.breakers.probe(NAME, LEASE_MS, policy, peer.id);
      return answer.kind === 'granted' ? answer.token : undefined;
    },
    { withinMs: DEADLINE_MS, what: `a probe of ${NAME} for ${peer.name}` },
  );
}

async function isDue(peer: Peer, at: number): Promise<void> {
  // A node's idea of the backend's time may be off by a few milliseconds.
  await waitFor(() => peer.link.now() > at + 30, { withinMs: DEADLINE_MS, what: 'the breaker to be due' });
}
