import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import type { Backend, Broker, Link } from '../../backend.ts';
import { contract } from '../../contract/contract.ts';
import { gate, numbers, rejection, until, type Promised } from './stage.ts';

const work = contract('work', {
  methods: {
    who: { output: z.string() },
    hold: {},
    echo: { input: z.any(), output: z.any(), errors: { NO: z.number() } },
  },
});

/** Counts what is written to mailboxes and inboxes. */
function counting(inner: Backend): { backend: Backend; sent(): number } {
  let sent = 0;
  const watched = new Set<string | symbol>(['append', 'appendAll', 'reply'] satisfies (keyof Broker)[]);
  const bound = (target: object, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, name, target);
    return typeof value === 'function' ? value.bind(target) : value;
  };
  const counted = (broker: Broker): Broker =>
    new Proxy(broker, {
      get: (target, name) => {
        if (watched.has(name)) sent += 1;
        return bound(target, name);
      },
    });
  const connect: Backend['connect'] = async (identity) => {
    const link: Link = await inner.connect(identity);
    const broker = counted(link.broker);
    return new Proxy(link, { get: (target, name) => (name === 'broker' ? broker : bound(target, name)) });
  };
  return { backend: { name: inner.name, connect }, sent: () => sent };
}

export function local(promised: Promised): void {
  promised(
    'auto: a call to an actor in this process sends nothing, and is a call like any other (S2-12)',
    async (t, stage) => {
      const { backend, sent } = counting(stage.backend());
      const node = await stage.node('node', { backend, services: { work: { delivery: 'auto' } } });
      const given = { list: [1] };
      await node.serve(
        actor(work, {
          who: (_input, ctx) => `${ctx.caller === node.id} ${ctx.headers['trace']} ${ctx.attempt}`,
          hold: (_input, ctx) => new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve())),
          echo: (input, ctx) => {
            if (input === 'no') throw ctx.fail('NO', 7);
            (input as typeof given).list.push(2);
            return input as unknown;
          },
        }),
      );
      const api = node.client(work);
      const before = sent();
      t.is(await api.who(undefined, { headers: { trace: 'abc' } }), 'true abc 1');
      t.deepEqual(await api.echo(given), { list: [1, 2] });
      t.deepEqual(given, { list: [1] }, 'what the handler changes is its own');
      const refused = await rejection(api.echo('no'));
      t.deepEqual([refused.code, refused.details, refused.outcome], ['NO', 7, 'failed']);
      t.is((await rejection(api.echo(() => 1))).code, 'SERIALIZATION');
      t.is((await rejection(api.hold(undefined, { timeoutMs: 50 }))).code, 'CALL_TIMEOUT');
      t.is((await rejection(api.hold(undefined, { signal: AbortSignal.timeout(20) }))).code, 'ABORTED');
      await Promise.all(numbers(50).map(() => api.who()));
      t.is(sent(), before);
      await until('all to have ended', () => node.stats().inFlight === 0);
      await api.who.cast();
      t.is(sent(), before + 1, 'a cast is durable, and so it travels');
    },
  );

  promised(
    'auto: what this process has no room for travels, and what it is too ill for goes to another (S2-12)',
    async (t, stage) => {
      const { opened, open } = gate();
      const named = (name: string) =>
        actor(work, { who: () => name, hold: () => opened, echo: (input) => input as unknown }, { concurrency: 2 });
      const { backend, sent } = counting(stage.backend());
      const services = { work: { delivery: 'auto', localMaxLoad: 0.5 } } as const;
      const here = await stage.node('here', { backend, services });
      await here.serve(named('here'));
      const api = here.client(work, { timeoutMs: 20_000 });
      const held = api.hold();
      await until('it to run', () => here.stats().inFlight === 1);
      const before = sent();
      t.is(await api.who(), 'here');
      t.true(sent() > before, 'half of its places are taken');
      open();
      await held;
      await stage.serving(named('there'), 'there');
      await here.registry.setStatus('work', here.id, 'unhealthy');
      await until('it to be out', () => here.registry.instances('work').every(({ nodeId }) => nodeId !== here.id));
      t.deepEqual(new Set(await Promise.all(numbers(10).map(() => api.who()))), new Set(['there']));
      const stuck = here.client(work, { delivery: 'local', timeoutMs: 50 });
      t.is((await rejection(stuck.who())).code, 'CALL_TIMEOUT', 'who insists on this process waits for it');
    },
  );

  promised('what is aborted while it waits for a place in this process has not been executed', async (t, stage) => {
    const { opened, open } = gate();
    const node = await stage.node('node', { services: { work: { delivery: 'local' } } });
    await node.serve(
      actor(work, { who: () => 'me', hold: () => opened, echo: (x) => x as unknown }, { concurrency: 1 }),
    );
    const [first, second] = [new AbortController(), new AbortController()];
    const runs = rejection(node.client(work).hold(undefined, { signal: first.signal }));
    const waits = rejection(node.client(work).who(undefined, { signal: second.signal }));
    await until('one to run', () => node.stats().inFlight === 1);
    for (const controller of [first, second]) controller.abort();
    t.deepEqual([(await runs).outcome, (await waits).outcome], ['unknown', 'not-executed']);
    open();
  });

  promised('local: nobody else will do (S2-12)', async (t, stage) => {
    await stage.serving(actor(work, { who: () => 'there', hold: () => {}, echo: (x) => x as unknown }), 'there');
    const node = await stage.node('caller');
    await until('it to be known', () => node.registry.instances('work').length === 1);
    const refused = await rejection(node.client(work, { delivery: 'local' }).who());
    t.deepEqual([refused.code, refused.outcome], ['NO_HEALTHY_INSTANCES', 'not-executed']);
    t.is(await node.client(work, { delivery: 'auto' }).who(), 'there');
    await node.serve(actor(work, { who: () => 'here', hold: () => {}, echo: (x) => x as unknown }));
    t.is(await node.client(work, { delivery: 'local' }).who(), 'here');
    await node.close();
    t.is((await rejection(node.client(work, { delivery: 'local' }).who())).code, 'NODE_CLOSED');
  });
}
