import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import type { Link } from '../../backend.ts';
import { contract } from '../../contract/contract.ts';
import { faulty } from '../faulty.ts';
import { gate, numbers, QUICK_BEAT, rejection, until, type Promised } from './stage.ts';

const Account = z.object({ balance: z.number() });
const methods = {
  deposit: { input: z.number(), output: z.number() },
  balance: { output: z.number() },
} as const;
const vault = contract('vault', { state: Account, methods });
const key = 'ann';

interface Teller {
  readonly teller: Actor<typeof methods, typeof Account>;
  /** How often a handler has come to its end. */
  readonly runs: () => number;
}

function hire(hold: () => Promise<void> = async () => undefined): Teller {
  let runs = 0;
  const teller = actor(
    vault,
    {
      deposit: async (n, ctx) => {
        const balance = (ctx.state.get()?.balance ?? 0) + n;
        ctx.state.set({ balance });
        await hold();
        runs += 1;
        return balance;
      },
      balance: (_input, ctx) => ctx.state.get()?.balance ?? 0,
    },
    { keyed: { partitions: 4 }, redelivery: { deliveries: 3, delayMs: 5 } },
  );
  return { teller, runs: () => runs };
}

/** Does something before the first call of a port's verb goes out. */
function before<Port extends 'once' | 'partitions'>(
  link: Link,
  port: Port,
  verb: keyof Link[Port],
  act: () => Promise<void>,
): Link {
  const bound = (target: object, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, name, target);
    return typeof value === 'function' ? value.bind(target) : value;
  };
  const acting = async (...args: unknown[]): Promise<unknown> => {
    await act();
    return (bound(link[port], verb as string) as (...args: unknown[]) => unknown)(...args);
  };
  const altered = new Proxy(link[port], { get: (target, name) => (name === verb ? acting : bound(target, name)) });
  return new Proxy(link, { get: (target, name) => (name === port ? altered : bound(target, name)) });
}

export function keyedOnce(promised: Promised): void {
  promised('what has an id changes the state of its key once, by call and by cast', async (t, stage) => {
    const { teller, runs } = hire();
    const server = await stage.serving(teller);
    const api = (await stage.node('caller')).client(vault);
    const balance = (): Promise<number> => api.balance(undefined, { key });
    for (const _ of [1, 2]) t.is(await api.deposit(5, { key, id: 'called' }), 5);
    for (const _ of [1, 2]) await api.deposit.cast(7, { key, id: 'cast' });
    t.is(await api.deposit(7, { key, id: 'cast' }), 12, 'a call gets what the cast has come to');
    t.is(await balance(), 12);
    t.is(await api.deposit(1, { key: 'bob', id: 'called' }), 1, 'an id is of its key');
    t.is(runs(), 3);
    await server.close();
    const heir = hire();
    await stage.serving(heir.teller, 'heir');
    t.is(await api.deposit(5, { key, id: 'called' }), 5);
    t.is(await balance(), 12);
    t.is(heir.runs(), 0);
  });

  promised('of twenty at once with one id one is applied, and all get its answer', async (t, stage) => {
    const { opened, open } = gate();
    const { teller, runs } = hire(() => opened);
    await stage.serving(teller);
    const callers = await Promise.all(['c1', 'c2'].map((name) => stage.node(name)));
    const calls = numbers(20).map((n) => callers[n % 2]!.client(vault).deposit(5, { key, id: 'x' }));
    await callers[0]!.client(vault).deposit.cast(5, { key, id: 'x' });
    await until('all to be there', async () => (await callers[0]!.depth(vault)).messages === 21);
    open();
    t.deepEqual(new Set(await Promise.all(calls)), new Set([5]));
    t.is(await callers[1]!.client(vault).balance(undefined, { key }), 5);
    t.is(runs(), 1);
    await until('nothing to be left', async () => (await callers[0]!.depth(vault)).messages === 0);
  });

  promised('an id is applied once, also when nobody hears of its commit or its end', async (t, stage) => {
    const backend = faulty(stage.backend());
    const { teller, runs } = hire();
    const server = await stage.node('server', { backend });
    await server.serve(teller);
    const api = (await stage.node('caller')).client(vault);
    for (const n of numbers(12)) {
      const id = `n${n}`;
      if (n % 2 === 0) backend.dropNextReply('commit');
      if (n % 3 === 0) backend.dropNextReply('once');
      if (n % 4 === 0) backend.dropNextReply('once');
      if (n % 5 === 0) backend.dropNextReply('settle');
      if (n % 3 === 1) await api.deposit.cast(1, { key, id });
      for (const _ of [1, 2]) t.is(await api.deposit(1, { key, id }), n + 1);
    }
    t.is(await api.balance(undefined, { key }), 12);
    t.is(runs(), 12);
    await until('nothing to be left', async () => (await server.depth(vault)).messages === 0);
  });

  const moments = [
    { when: 'before it has committed', port: 'partitions', verb: 'commit', again: 1 },
    { when: 'between its commit and the end of the id', port: 'once', verb: 'end', again: 0 },
  ] as const;
  for (const { when, port, verb, again } of moments) {
    for (const how of ['call', 'cast'] as const) {
      promised(
        `an owner that dies with a ${how} with an id ${when} leaves it applied once, and answered`,
        async (t, stage) => {
          const first = hire();
          let dead = false;
          const { node: dying, die } = await stage.mortal('dying', {}, (link) =>
            before(link, port, verb as never, async () => {
              if (!dead) await die();
              dead = true;
            }),
          );
          await dying.serve(first.teller);
          const caller = await stage.node('caller', { beat: QUICK_BEAT });
          const api = caller.client(vault, { timeoutMs: 20_000 });
          const request = { key, id: 'x' };
          const paid = how === 'call' ? api.deposit(5, request) : api.deposit.cast(5, request).then(() => 5);
          await until('the owner to die', () => dead);
          const others = numbers(4).map(() => api.deposit(5, request));
          await api.deposit.cast(5, request);
          const heir = hire();
          await stage.serving(heir.teller, 'heir', { beat: QUICK_BEAT });
          t.deepEqual(await Promise.all([paid, ...others]), [5, 5, 5, 5, 5]);
          t.is(await api.balance(undefined, { key }), 5);
          t.is(first.runs(), 1);
          t.is(heir.runs(), again);
          await until('nothing to be left', async () => (await caller.depth(vault)).messages === 0);
        },
      );
    }
  }

  promised('a handler that outlives its deadline keeps no answer: with its id it is applied anew', async (t, stage) => {
    const { opened, open } = gate();
    let first = true;
    const { teller, runs } = hire(() => {
      const wait = first ? opened : Promise.resolve();
      first = false;
      return wait;
    });
    const server = await stage.serving(teller);
    const api = (await stage.node('caller')).client(vault);
    const late = await rejection(api.deposit(5, { key, id: 'x', timeoutMs: 100, retry: false }));
    t.is(late.code, 'CALL_TIMEOUT');
    const again = api.deposit(5, { key, id: 'x' });
    await until('the handler to be given up', () => server.stats().failed === 1);
    t.is(await api.deposit(1, { key: 'bob' }), 1);
    t.is(runs(), 1, 'its key waits for it');
    open();
    t.is(await again, 5);
    t.is(runs(), 3);
    t.is(await api.deposit(5, { key, id: 'x' }), 5);
    t.is(await api.balance(undefined, { key }), 5);
  });
}
