import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract, type Contract } from '../../contract/contract.ts';
import type { LimitsSetting } from '../../limits/settings.ts';
import { BLIND_BEAT, evict, LATE_BEAT } from './evicting.ts';
import { gate, numbers, QUICK_BEAT, rejection, until, type NodeStage, type Promised } from './stage.ts';

type Methods = { readonly run: { readonly input: z.ZodString }; readonly free: { readonly input: z.ZodString } };

/** `run` is limited, `free` is not. */
function limited(name: string, limits: LimitsSetting): Contract<Methods> {
  return contract(name, { methods: { run: { input: z.string(), limits }, free: { input: z.string() } } });
}

/** An actor that notes when what was started, in backend time. */
function noting(
  of: Contract<Methods>,
  seen: { text: string; at: number }[],
  now: () => number,
  work: () => Promise<void> | undefined = () => undefined,
): Actor<Methods> {
  const note = (text: string): Promise<void> | undefined => {
    seen.push({ text, at: now() });
    return work();
  };
  return actor(of, { run: note, free: note }, { concurrency: 16 });
}

async function three(
  stage: NodeStage,
  of: Contract<Methods>,
  seen: { text: string; at: number }[],
  work?: () => Promise<void>,
): Promise<void> {
  for (const name of ['first', 'second', 'third']) {
    const node = await stage.node(name);
    await node.serve(noting(of, seen, () => node.now(), work));
  }
}

export function limiting(promised: Promised): void {
  promised('100 a second over three nodes are 100 a second (S4-46)', async (t, stage) => {
    const single = contract('metered', {
      methods: { run: { input: z.string(), limits: { rate: { perSecond: 100, burst: 5 } } } },
    });
    const starts: number[] = [];
    for (const name of ['first', 'second', 'third']) {
      const node = await stage.node(name);
      await node.serve(actor(single, { run: () => void starts.push(node.now()) }, { concurrency: 16 }));
    }
    const caller = await stage.node('caller');
    await Promise.all(numbers(600).map((n) => caller.client(single).run.cast(`${n}`)));
    // The first half a second has the burst in it.
    await until('four seconds of it', () => starts.length > 0 && Math.max(...starts) - Math.min(...starts) > 4_000);
    const from = Math.min(...starts) + 500;
    const counted = starts.filter((at) => at >= from && at < from + 3_000).length;
    t.true(Math.abs(counted - 300) <= 15, `${counted} in 3 s`);
    t.true((await caller.depth(single)).messages > 0, 'what is left waits in the mailbox');
  });

  promised('what waits for its turn keeps nobody else from a place', async (t, stage) => {
    const of = limited('mixed', { rate: { perSecond: 40, burst: 1 } });
    const seen: { text: string; at: number }[] = [];
    const node = await stage.node('server');
    await node.serve(noting(of, seen, () => node.now()));
    const api = node.client(of);
    await Promise.all(numbers(60).map((n) => api.run.cast(`run ${n}`)));
    const startedAt = performance.now();
    await Promise.all(numbers(20).map((n) => api.free(`free ${n}`)));
    t.true(performance.now() - startedAt < 1_500, 'what has no limit does not wait');
    await until('all', () => seen.length === 80);
    const runs = seen.filter(({ text }) => text.startsWith('run')).map(({ at }) => at);
    t.is(new Set(seen.map(({ text }) => text)).size, 80, 'each ran once');
    const ms = runs.at(-1)! - runs[0]!;
    t.true(ms > 1_350 && ms < 4_000, `60 of 40 a second took ${ms} ms`);
    t.is((await node.deadLetters(of).list()).length, 0);
  });

  promised('each key, or each value of a header, has a limit of its own', async (t, stage) => {
    for (const per of ['key', { header: 'tenant' }] as const) {
      const of = limited(`per-${typeof per === 'string' ? per : per.header}`, {
        rate: { perSecond: 10, burst: 2, per },
      });
      const seen: { text: string; at: number }[] = [];
      const node = await stage.node('server');
      await node.serve(noting(of, seen, () => node.now()));
      const api = node.client(of);
      const as = (party: string): object => (per === 'key' ? { key: party } : { headers: { tenant: party } });
      await Promise.all(numbers(8).map((n) => api.run.cast(`a ${n}`, as('a'))));
      const startedAt = performance.now();
      await Promise.all(['b', 'c', 'd'].map((party) => api.run(party, as(party))));
      t.true(performance.now() - startedAt < 1_000, 'others have their own');
      await until('all', () => seen.length === 11);
      const many = seen.filter(({ text }) => text.startsWith('a')).map(({ at }) => at);
      const ms = many.at(-1)! - many[0]!;
      t.true(ms > 550, `8 of 10 a second, 2 at once, took ${ms} ms`);
    }
  });

  promised('messages of a key that come back for their turn have paid for it', async (t, stage) => {
    // The next turn is further away than anything is held in hand.
    const of = limited('paid-by-key', { rate: { perSecond: 0.8, burst: 1, per: 'key' } });
    const seen: { text: string; at: number }[] = [];
    const node = await stage.node('server');
    const note = (text: string): void => void seen.push({ text, at: node.now() });
    await node.serve(actor(of, { run: note, free: note }, { keyed: { partitions: 2 } }));
    for (const n of numbers(3)) await node.client(of).run.cast(`${n}`, { key: 'k' });
    await until('all', () => seen.length === 3);
    t.deepEqual(
      seen.map(({ text }) => text),
      ['0', '1', '2'],
    );
    const ms = seen.at(-1)!.at - seen[0]!.at;
    t.true(ms > 2_400, `3 of 0.8 a second took ${ms} ms`);
  });

  promised('a call whose turn would come too late is told so at once', async (t, stage) => {
    const of = limited('late', { rate: { perSecond: 0.1, burst: 1 } });
    const node = await stage.node('server');
    await node.serve(noting(of, [], () => node.now()));
    const api = node.client(of, { retry: false });
    await api.run('first');
    const startedAt = performance.now();
    const error = await rejection(api.run('second', { timeoutMs: 5_000 }));
    t.is(error.code, 'LIMIT_REACHED');
    t.is(error.outcome, 'not-executed');
    t.true(error.retryable);
    t.true(error.retryAfterMs! > 5_000 && error.retryAfterMs! <= 10_000, `${error.retryAfterMs} ms`);
    t.true(performance.now() - startedAt < 2_000);
    const again = await rejection(api.run('third', { timeoutMs: 5_000 }));
    t.true(again.retryAfterMs! <= 10_000, 'who was refused has spent nothing');
  });

  promised('never more at once than the concurrency over all nodes, and each node has its part', async (t, stage) => {
    const of = limited('places', { concurrency: { max: 4 } });
    const seen: { text: string; at: number }[] = [];
    let running = 0;
    let most = 0;
    await three(stage, of, seen, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
    });
    const caller = await stage.node('caller');
    await Promise.all(numbers(48).map((n) => caller.client(of).run.cast(`${n}`)));
    await until('all', () => new Set(seen.map(({ text }) => text)).size === 48 && running === 0);
    t.is(seen.length, 48, 'each ran once');
    t.is(most, 4);
  });

  promised('the places of a node that died are free as soon as it is no member', async (t, stage) => {
    const of = limited('mortal-places', { concurrency: { max: 2 } });
    const held = gate();
    const first: { text: string; at: number }[] = [];
    const { node, die } = await stage.mortal('mortal');
    await node.serve(
      noting(
        of,
        first,
        () => node.now(),
        () => held.opened,
      ),
    );
    const seen: { text: string; at: number }[] = [];
    const other = await stage.node('other', { beat: QUICK_BEAT });
    await Promise.all(numbers(2).map((n) => other.client(of).run.cast(`${n}`)));
    await until('both places to be taken', () => first.length === 2);
    await other.serve(noting(of, seen, () => other.now()));
    await Promise.all(numbers(4).map((n) => other.client(of).run.cast(`more ${n}`)));
    await die();
    await until('all', () => new Set(seen.map(({ text }) => text)).size === 6);
    held.open();
    t.is(first.length, 2);
  });

  promised('limits can be set, changed and lifted while nodes run', async (t, stage) => {
    const of = contract('tuned', { methods: { run: { input: z.string() } } });
    let runs = 0;
    const node = await stage.serving(actor(of, { run: () => void (runs += 1) }, { concurrency: 8 }));
    const api = node.client(of);
    await node.config.set('tuned', { limits: { rate: { perSecond: 0.5, burst: 1 } } });
    await until('the limit to hold', async () => {
      await api.run.cast('probe');
      return (await node.depth(of)).messages > 2;
    });
    const before = runs;
    await Promise.all(numbers(40).map((n) => api.run.cast(`${n}`)));
    t.true(runs <= before + 5, 'what is limited waits');
    await node.config.set('tuned', { limits: { rate: { perSecond: 200, burst: 1 } } });
    await until('all', async () => (await node.depth(of)).messages === 0);
    await node.config.set('tuned', { limits: false });
    await Promise.all(numbers(20).map((n) => api.run(`${n}`)));
    t.true(runs >= before + 60);
  });

  promised('a node that stops takes nobody with it that waits for a turn', async (t, stage) => {
    const of = contract('stopped', {
      methods: { run: { input: z.string(), limits: { rate: { perSecond: 20, burst: 1 } } } },
    });
    const seen: string[] = [];
    const serve = (text: string): void => void seen.push(text);
    const first = await stage.serving(actor(of, { run: serve }), 'first');
    const caller = await stage.node('caller');
    await Promise.all(numbers(20).map((n) => caller.client(of).run.cast(`${n}`)));
    await until('some to run', () => seen.length >= 3);
    const closedAt = performance.now();
    await first.close();
    t.true(performance.now() - closedAt < 3_000, 'it does not wait for them');
    await stage.serving(actor(of, { run: serve }), 'second');
    await until('all', () => seen.length >= 20);
    t.is(new Set(seen).size, 20);
    t.is(seen.length, 20, 'each ran once');
  });

  promised('limits are kept where the mailbox is read, not past it', async (t, stage) => {
    const of = limited('here', { rate: { perSecond: 0.1, burst: 1 } });
    const node = await stage.node('server');
    await node.serve(noting(of, [], () => node.now()));
    const auto = node.client(of, { delivery: 'auto', retry: false });
    await auto.run('first');
    t.is((await rejection(auto.run('second', { timeoutMs: 5_000 }))).code, 'LIMIT_REACHED');
    await auto.free('free');
    const local = node.client(of, { delivery: 'local' });
    t.is((await rejection(local.run('third'))).code, 'CONFIG');
    await local.free('free');
  });

  promised('an evicted node reads every line again, and has places again', async (t, stage) => {
    const of = contract('evicted', {
      priorities: true,
      methods: { run: { input: z.string(), output: z.string(), limits: { concurrency: { max: 3 } } } },
    });
    const server = await stage.serving(
      actor(of, {
        run: async (text) => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          return text;
        },
      }),
      'server',
      { beat: LATE_BEAT },
    );
    const caller = await stage.node('caller', { beat: BLIND_BEAT });
    const api = caller.client(of, { timeoutMs: 20_000 });
    const call = (n: number): Promise<string> =>
      api.run(`${n}`, { priority: (['high', 'normal', 'low'] as const)[n % 3] });
    t.is(await call(0), '0');
    const under = numbers(60).map(call);
    await evict(stage, server);
    t.deepEqual(await Promise.all(under), numbers(60).map(String));
    t.deepEqual(await Promise.all(numbers(60).map(call)), numbers(60).map(String));
    await until('nothing to be left over', async () => (await caller.depth(of)).messages === 0);
    t.is(server.stats().inFlight, 0);
  });
}
