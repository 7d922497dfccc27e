import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { BLIND_BEAT, evict, LATE_BEAT } from './evicting.ts';
import { gate, QUICK_BEAT, rejection, until, type Promised } from './stage.ts';

const work = contract('work', {
  methods: { ask: { input: z.string(), output: z.string() }, tell: { input: z.string() } },
});
const front = contract('front', { methods: { ask: { input: z.string(), output: z.string() } } });

/** Handlers that wait until their signal aborts, or the gate opens; what happens is written down. */
function patient(concurrency = 64): { served: ReturnType<typeof make>; log: string[]; open: () => void } {
  const { opened, open } = gate();
  const log: string[] = [];
  const make = () => {
    const handle = async (text: string, signal: AbortSignal): Promise<string> => {
      log.push(`start ${text}`);
      const aborted = new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => {
          log.push(`${(signal.reason as { code: string }).code} ${text}`);
          resolve();
        }),
      );
      await Promise.race([opened, aborted]);
      return text;
    };
    return actor(
      work,
      {
        ask: (text, ctx) => handle(text, ctx.signal),
        tell: async (text, ctx) => {
          await handle(text, ctx.signal);
        },
      },
      { concurrency },
    );
  };
  return { served: make(), log, open };
}

export function cancelling(promised: Promised): void {
  promised("an aborted call reaches its handler's signal on whichever node it runs", async (t, stage) => {
    const { served, log } = patient();
    const server = await stage.serving(served, 'one');
    const second = await stage.serving(served, 'two');
    const node = await stage.node('caller');
    await node.registry.waitFor(['work']);
    await until('both to be known', () => node.registry.instances('work').length === 2);
    const controllers = ['a', 'b', 'c'].map((text) => {
      const controller = new AbortController();
      return { text, controller, ended: rejection(node.client(work).ask(text, { signal: controller.signal })) };
    });
    await until('all to run', () => log.length === 3);
    controllers[1]!.controller.abort();
    t.is((await controllers[1]!.ended).code, 'ABORTED');
    await until('the handler to be told', () => log.length === 4);
    t.deepEqual(log.slice(3), ['ABORTED b']);
    for (const { controller } of controllers) controller.abort();
    await until('the others to be told', () => log.length === 6);
    await until('nothing to be left over', async () => (await node.depth(work)).messages === 0);
    t.is(server.stats().inFlight + second.stats().inFlight, 0);
    t.is(server.stats().failed + second.stats().failed, 0);
  });

  promised('a cancelled call that waits in its mailbox is not begun', async (t, stage) => {
    const { served, log, open } = patient(2);
    await stage.serving(served);
    const node = await stage.node('caller');
    await until('the server to be known', () => node.registry.instances('work').length === 1);
    const api = node.client(work);
    const [sentinel, controller] = [new AbortController(), new AbortController()];
    const first = api.ask('first');
    const watched = rejection(api.ask('sentinel', { signal: sentinel.signal }));
    await until('both to run', () => log.length === 2);
    const waiting = ['x', 'y', 'z'].map((text) => rejection(api.ask(text, { signal: controller.signal })));
    const last = api.ask('last');
    await until('all to have left', async () => (await node.depth(work)).messages === 6);
    controller.abort();
    // What tells of this one comes behind what tells of the others.
    sentinel.abort();
    const errors = await Promise.all([...waiting, watched]);
    t.deepEqual([...new Set(errors.map(({ code }) => code))], ['ABORTED']);
    await until('the last to run', () => log.includes('start last'));
    open();
    t.deepEqual(await Promise.all([first, last]), ['first', 'last']);
    t.deepEqual(log.toSorted(), ['ABORTED sentinel', 'start first', 'start last', 'start sentinel']);
    await until('nothing to be left over', async () => (await node.depth(work)).messages === 0);
  });

  promised(
    '1,000 calls that time out leave nothing behind; their answers come late and are dropped (S0-23)',
    async (t, stage) => {
      const { opened, open } = gate();
      let running = 0;
      const slow = actor(front, { ask: async (text) => ((running += 1), await opened, text) }, { concurrency: 1_000 });
      await stage.serving(slow);
      const node = await stage.node('caller');
      const api = node.client(front, { timeoutMs: 1_500, breaker: false });
      const asked = Promise.all(Array.from({ length: 1_000 }, (_, index) => api.ask.try(String(index))));
      await until('all to run', () => running === 1_000);
      const codes = new Set((await asked).map((answer) => (answer.ok ? 'ok' : answer.error.code)));
      t.deepEqual([...codes], ['CALL_TIMEOUT']);
      t.deepEqual([node.stats().pendingCalls, node.stats().lateReplies], [0, 0]);
      open();
      await until('the late answers', () => node.stats().lateReplies === 1_000);
      t.is(node.stats().pendingCalls, 0);
    },
  );

  promised('nested calls are cancelled with their parent, over nodes; casts are not', async (t, stage) => {
    const { served, log } = patient();
    const nested: string[] = [];
    const asking = actor(front, {
      ask: async (text, ctx) => {
        const api = ctx.client(work);
        await api.tell.cast(`told by ${text}`);
        const error = await rejection(api.ask(text));
        nested.push(`${error.code} ${error.outcome}`);
        const refused = await rejection(api.ask('too late'));
        nested.push(`${refused.code} ${refused.outcome}`);
        await api.tell.cast('cleaning up');
        return text;
      },
    });
    await stage.serving(served, 'behind');
    const middle = await stage.serving(asking, 'front');
    const node = await stage.node('caller');
    await until('the other to be known', () => middle.registry.instances('work').length === 1);
    await until('the front to be known', () => node.registry.instances('front').length === 1);
    const controller = new AbortController();
    const asked = rejection(node.client(front).ask('a', { signal: controller.signal }));
    await until('the last in the chain to run', () => log.includes('start a') && log.includes('start told by a'));
    controller.abort();
    await asked;
    await until('the nested call to end', () => nested.length === 2);
    t.deepEqual(nested, ['ABORTED unknown', 'ABORTED not-executed']);
    await until('the last in the chain to be told', () => log.includes('ABORTED a'));
    await until('the cast to arrive', () => log.includes('start cleaning up'));
    t.deepEqual(
      log.filter((line) => line.startsWith('ABORTED')),
      ['ABORTED a'],
    );
  });

  promised('the death of a caller cancels the whole chain of its call, and none of its casts', async (t, stage) => {
    const { served, log, open } = patient();
    const asking = actor(front, { ask: (text, ctx) => ctx.client(work).ask(text) });
    await stage.serving(served, 'behind', { beat: QUICK_BEAT });
    const middle = await stage.serving(asking, 'front', { beat: QUICK_BEAT });
    await until('the other to be known', () => middle.registry.instances('work').length === 1);
    const { node, die } = await stage.mortal('caller');
    void node
      .client(front)
      .ask('call')
      .catch(() => undefined);
    await node.client(work).tell.cast('cast');
    await until('both to run', () => log.length === 2);
    await die();
    await until('the last in the chain to be told', () => log.includes('ABORTED call'));
    open();
    await until('nothing to be left over', async () => (await middle.depth(work)).messages === 0);
    t.true(!log.includes('ABORTED cast'));
    t.is(middle.stats().failed, 0);
  });

  promised(
    'queued work of a dead caller is skipped where it asked for that, and run where it did not',
    async (t, stage) => {
      const { served, log, open } = patient(1);
      const server = await stage.serving(served, 'server', { beat: QUICK_BEAT });
      const keeper = await stage.node('keeper', { beat: QUICK_BEAT });
      await keeper.client(work).tell.cast('first', { orphan: 'skip' });
      await until('the first to run', () => log.length === 1);
      const { node, die } = await stage.mortal('caller');
      const api = node.client(work);
      for (const orphan of ['skip', 'run', undefined] as const) {
        await api.tell.cast(`cast ${orphan}`, { orphan });
        void api.ask(`call ${orphan}`, { orphan }).catch(() => undefined);
      }
      await until('all to have left', async () => (await server.depth(work)).messages === 7);
      const dead = node.id;
      await die();
      await until('its death to be known', () => !server.registry.nodes().includes(dead));
      open();
      await until('nothing to be left over', async () => (await server.depth(work)).messages === 0);
      const run = ['call run', 'call undefined', 'cast run', 'cast undefined', 'first'];
      t.deepEqual(
        log.toSorted(),
        run.map((text) => `start ${text}`),
      );
    },
  );

  promised('a node that came after the death of a caller skips its work as well', async (t, stage) => {
    const { node, die } = await stage.mortal('caller');
    const keeper = await stage.node('keeper', { beat: QUICK_BEAT });
    const [skipped, run] = [keeper.client(work), node.client(work)];
    await run.tell.cast('dead', { orphan: 'skip' });
    await skipped.tell.cast('alive', { orphan: 'skip' });
    const dead = node.id;
    await die();
    await until('its death to be known', () => !keeper.registry.nodes().includes(dead));
    const { served, log, open } = patient();
    open();
    await stage.serving(served, 'server', { beat: QUICK_BEAT });
    await until('nothing to be left over', async () => (await keeper.depth(work)).messages === 0);
    t.deepEqual(log, ['start alive']);
  });

  promised('an evicted caller has its calls cancelled like a dead one', async (t, stage) => {
    const { served, log } = patient();
    await stage.serving(served, 'server', { beat: BLIND_BEAT });
    const node = await stage.node('caller', { beat: LATE_BEAT });
    const asked = rejection(node.client(work).ask('a', { timeoutMs: 30_000 }));
    await until('the handler to run', () => log.length === 1);
    await evict(stage, node);
    t.is((await asked).code, 'NOT_MEMBER');
    await until('the handler to be told', () => log.length === 2);
    t.deepEqual(log, ['start a', 'ABORTED a']);
  });
}
