import { z } from 'zod';
import { actor, type Context } from '../../contract/actor.ts';
import type { Link } from '../../backend.ts';
import { contract } from '../../contract/contract.ts';
import { ActorError } from '../../ground/errors.ts';
import type { Once } from '../../ports/once.ts';
import { BLIND_BEAT, evict, LATE_BEAT } from './evicting.ts';
import { gate, numbers, QUICK_BEAT, refusal, rejection, until, type Promised } from './stage.ts';

const Pay = z.object({ to: z.string(), sum: z.number() });
const methods = {
  pay: { input: Pay, output: z.number(), errors: { REFUSED: z.string() }, breaker: false },
  refund: { input: Pay, output: z.number() },
  brief: { output: z.number(), onceMs: 300 },
  hold: { output: z.number() },
} as const;
const till = contract('till', { methods });
const till2 = contract('till', { version: '2.0.0', methods });
const nobody = contract('nobody', { methods: { pay: { output: z.number() } } });

/** Counts what is done, and answers how often so far. */
function counting(runs: string[] = []): { runs: string[]; done(what: string): number } {
  return { runs, done: (what) => runs.push(what) };
}

function cashier(done: (what: string) => number, hold: () => Promise<void> = async () => undefined) {
  return actor(
    till,
    {
      pay: ({ to, sum }) => done(`${to} ${sum}`),
      refund: ({ to, sum }) => done(`back ${to} ${sum}`),
      brief: () => done('brief'),
      hold: async () => {
        const count = done('hold');
        await hold();
        return count;
      },
    },
    { redelivery: { deliveries: 2, delayMs: 50 } },
  );
}

export function once(promised: Promised): void {
  promised('what comes again with its id gets the first answer; the handler runs once (S4-29)', async (t, stage) => {
    const { runs, done } = counting();
    const first = await stage.serving(cashier(done), 'first');
    const caller = await stage.node('caller');
    const api = caller.client(till);
    const ann = { to: 'ann', sum: 5 };
    t.is(await api.pay(ann, { id: 'order-1' }), 1);
    t.is(await api.pay(ann, { id: 'order-1' }), 1);
    t.is(await (await stage.node('other')).client(till).pay(ann, { id: 'order-1' }), 1, 'whoever asks');
    t.is(await first.client(till).pay(ann, { id: 'order-1' }), 1, 'and from where the handler is');
    t.deepEqual(runs, ['ann 5']);
    await first.close();
    await stage.serving(cashier(done), 'second');
    t.is(await api.pay(ann, { id: 'order-1' }), 1, 'whoever serves');
    t.deepEqual(runs, ['ann 5']);
    t.is(await api.pay(ann), 2, 'without an id every request is one of its own');
  });

  promised('an id is one within its actor, method and key (S4-29)', async (t, stage) => {
    const { runs, done } = counting();
    const handlers = { pay: () => done('pay'), refund: () => done('refund'), brief: () => 0, hold: () => 0 };
    const server = await stage.serving(actor(till, handlers));
    await server.serve(actor(till2, { ...handlers, pay: () => done('pay 2') }));
    const caller = await stage.node('caller');
    const [one, two] = [caller.client(till), caller.client(till2)];
    const input = { to: 'ann', sum: 1 };
    const all = (): Promise<number[]> =>
      Promise.all([
        one.pay(input, { id: 'x' }),
        one.refund(input, { id: 'x' }),
        one.pay(input, { id: 'x', key: 'ann' }),
        one.pay(input, { id: 'x', key: 'bob' }),
        one.pay(input, { id: 'y' }),
        two.pay(input, { id: 'x' }),
        server.client(till).pay(input, { id: 'z', node: server.id }),
      ]);
    const answers = await all();
    t.is(new Set(answers).size, 7);
    t.deepEqual(await all(), answers);
    t.is(runs.length, 7);
  });

  promised('of a hundred at once from several nodes one runs, and all get its answer (S4-29)', async (t, stage) => {
    const { opened, open } = gate();
    const { runs, done } = counting();
    await Promise.all(
      ['s1', 's2'].map((name) =>
        stage.serving(
          cashier(done, () => opened),
          name,
        ),
      ),
    );
    const callers = await Promise.all(['c1', 'c2', 'c3'].map((name) => stage.node(name)));
    const calls = numbers(100).map((n) => callers[n % 3]!.client(till).hold(undefined, { id: 'only-one' }));
    await until('one to run', () => runs.length === 1);
    const depth = async (): Promise<number> => (await callers[0]!.depth(till)).messages;
    await until('the others to wait for it', async () => (await depth()) === 1);
    open();
    t.deepEqual(new Set(await Promise.all(calls)), new Set([1]));
    t.deepEqual(runs, ['hold']);
    await until('nothing to be left', async () => (await depth()) === 0);
  });

  promised('after its time an answer is forgotten: the id runs again (S4-29)', async (t, stage) => {
    const { runs, done } = counting();
    const server = await stage.serving(cashier(done));
    const api = server.client(till);
    const asks = async (): Promise<number> => api.brief(undefined, { id: 'now and then' });
    t.deepEqual([await asks(), await asks()], [1, 1]);
    await until('the end of its time', async () => (await asks()) === 2);
    t.is(runs.length, 2);
  });

  promised('a refusal is an answer; what may succeed another time frees the id (S4-29)', async (t, stage) => {
    const runs: string[] = [];
    const serving = actor(till, {
      pay: ({ to }, ctx) => {
        runs.push(`${ctx.id} to ${to}`);
        if (to === 'nobody') throw ctx.fail('REFUSED', 'no such account');
        if (runs.length === 1) throw new ActorError('BUSY', 'come back', { retryable: true });
        return runs.length;
      },
      refund: () => Number.NaN,
      brief: () => 0,
      hold: () => 'no number' as never,
    });
    const server = await stage.serving(serving);
    const api = server.client(till, { retry: false });
    const busy = await rejection(api.pay({ to: 'ann', sum: 1 }, { id: 'a' }));
    t.deepEqual([busy.code, busy.retryable], ['BUSY', true]);
    t.is(await api.pay({ to: 'ann', sum: 1 }, { id: 'a' }), 2);
    for (const _ of [1, 2]) {
      const refused = await rejection(api.pay({ to: 'nobody', sum: 1 }, { id: 'b' }));
      t.deepEqual([refused.code, refused.details, refused.outcome], ['REFUSED', 'no such account', 'failed']);
    }
    t.deepEqual(runs, ['a to ann', 'a to ann', 'b to nobody']);
    for (const _ of [1, 2]) t.is((await rejection(api.hold(undefined, { id: 'c' }))).code, 'OUTPUT_INVALID');
  });

  promised('those who wait for a run that fails are told, and the next one runs', async (t, stage) => {
    const { opened, open } = gate();
    let runs = 0;
    const hold = async (): Promise<number> => {
      runs += 1;
      if (runs > 1) return runs;
      await opened;
      throw new ActorError('BUSY', 'come back', { retryable: true });
    };
    const server = await stage.serving(actor(till, { pay: () => 0, refund: () => 0, brief: () => 0, hold }));
    const patient = server.client(till, { retry: { attempts: 2, delayMs: 1, slots: 1 } });
    const first = rejection(server.client(till, { retry: false }).hold(undefined, { id: 'a' }));
    await until('it to run', () => runs === 1);
    const waiting = patient.hold(undefined, { id: 'a' });
    await until(
      'the other to wait',
      async () => (await server.depth(till)).messages === 1 && server.stats().inFlight === 1,
    );
    open();
    t.is((await first).code, 'BUSY');
    t.is(await waiting, 2);
  });

  promised(
    'a command that may have run is sent again if it has an id, and has its effect once (S1-10, S4-29)',
    async (t, stage) => {
      const { opened, open } = gate();
      const { runs, done } = counting();
      await stage.serving(
        cashier(done, () => opened),
        'server',
        { beat: BLIND_BEAT },
      );
      const caller = await stage.node('caller', { beat: LATE_BEAT });
      const api = caller.client(till, { timeoutMs: 20_000, retry: { attempts: 4, delayMs: 1, slots: 1 } });
      const without = api.hold.try();
      const withId = api.hold.try(undefined, { id: 'once' });
      await until('both to run', () => runs.length === 2);
      // Their answers would go to an inbox that is no more.
      await evict(stage, caller);
      const lost = await without;
      t.deepEqual([!lost.ok && lost.error.code, lost.attempts], ['NOT_MEMBER', 1]);
      open();
      const found = await withId;
      t.deepEqual([found.ok, found.attempts], [true, 2]);
      t.is(runs.length, 2);
    },
  );

  promised(
    'a call that timed out is asked again by its id while its handler runs on (S1-10, S4-29)',
    async (t, stage) => {
      const { opened, open } = gate();
      const { runs, done } = counting();
      const server = await stage.serving(cashier(done, () => opened));
      const api = (await stage.node('caller')).client(till);
      const late = await rejection(api.hold(undefined, { id: 'slow', timeoutMs: 100 }));
      t.deepEqual([late.code, late.outcome], ['CALL_TIMEOUT', 'unknown']);
      const again = api.hold(undefined, { id: 'slow' });
      await until('it to wait', async () => (await server.depth(till)).messages === 1);
      open();
      t.is(await again, 1);
      t.deepEqual(runs, ['hold']);
    },
  );

  promised(
    'a caller that leaves ends the run of an id for itself alone: who waits is told to ask again',
    async (t, stage) => {
      const signals: AbortSignal[] = [];
      const hold = (_input: unknown, { signal }: Pick<Context, 'signal'>): Promise<number> | number => {
        signals.push(signal);
        if (signals.length === 2) return 2;
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      };
      const server = await stage.serving(actor(till, { pay: () => 0, refund: () => 0, brief: () => 0, hold }));
      const [first, second] = [await stage.node('first'), await stage.node('second')];
      await until('the server to be known', () => first.registry.instances('till').length === 1);
      const controller = new AbortController();
      const left = rejection(first.client(till).hold(undefined, { id: 'x', signal: controller.signal }));
      await until('it to run', () => signals.length === 1);
      const impatient = rejection(second.client(till, { retry: false }).hold(undefined, { id: 'x' }));
      const patient = second
        .client(till, { retry: { attempts: 2, delayMs: 1, slots: 1 } })
        .hold(undefined, { id: 'x' });
      // What is sent after them is answered: so they have been claimed.
      await second.client(till).brief();
      await until('the others to wait', async () => (await server.depth(till)).messages === 1);
      controller.abort();
      t.is((await left).code, 'ABORTED');
      const told = await impatient;
      t.deepEqual([told.code, told.retryable, told.outcome], ['ONCE_GIVEN_UP', true, 'unknown']);
      t.is(await patient, 2);
      t.deepEqual([server.stats().failed, signals.length], [0, 2]);
    },
  );

  promised('a cancelled call whose run died with its node lets those go who wait for it', async (t, stage) => {
    const { runs, done } = counting();
    const never = new Promise<void>(() => undefined);
    const { node: dying, die } = await stage.mortal('dying');
    await dying.serve(cashier(done, () => never));
    const [first, second] = await Promise.all(['c1', 'c2'].map((name) => stage.node(name, { beat: QUICK_BEAT })));
    await until('it to be known', () => first!.registry.instances('till').length === 1);
    const controller = new AbortController();
    const left = rejection(
      first!.client(till, { timeoutMs: 20_000 }).hold(undefined, { id: 'x', signal: controller.signal }),
    );
    await until('it to run', () => runs.length === 1);
    const waits = second!.client(till, { timeoutMs: 20_000 }).hold(undefined, { id: 'x' });
    await second!.client(till).brief();
    await until('the other to wait', async () => (await second!.depth(till)).messages === 1);
    const heir = await stage.node('heir', { beat: QUICK_BEAT });
    await heir.serve(cashier(done));
    await until('the heir to be known', () => first!.registry.instances('till').length === 2);
    controller.abort();
    await left;
    await die();
    t.is(await waits, 3);
    t.deepEqual(runs, ['hold', 'brief', 'hold']);
  });

  promised(
    'what has begun with an id is not skipped with its sender: others leave it to that run',
    async (t, stage) => {
      const runs: string[] = [];
      const pay = ({ to }: { to: string }): number => {
        if (runs.push(to) === 1) throw new Error('not now');
        return runs.length;
      };
      const server = await stage.serving(
        actor(till, { pay, refund: () => 0, brief: () => 0, hold: () => 0 }, { redelivery: { delayMs: 1_000 } }),
      );
      const [sender, other] = [await stage.node('sender'), await stage.node('other')];
      await sender.client(till).pay.cast({ to: 'ann', sum: 1 }, { id: 'x', orphan: 'skip' });
      await until('it to fail', () => runs.length === 1);
      const { id } = sender;
      await sender.close();
      await until('its sender to be gone', () => !server.registry.nodes().includes(id));
      await other.client(till).pay.cast({ to: 'bob', sum: 1 }, { id: 'x' });
      await until('nothing to wait', async () => (await server.depth(till)).messages === 0);
      t.deepEqual(runs, ['ann', 'ann']);
      t.is(await other.client(till).pay({ to: 'bob', sum: 1 }, { id: 'x' }), 2);
    },
  );

  promised('a node that dies with the run hands it over, and all who wait are answered (S4-29)', async (t, stage) => {
    const { runs, done } = counting();
    const never = new Promise<void>(() => undefined);
    const { node: dying, die } = await stage.mortal('dying');
    await dying.serve(cashier(done, () => never));
    const callers = await Promise.all(['c1', 'c2'].map((name) => stage.node(name, { beat: QUICK_BEAT })));
    const ask = (n: number): Promise<number> =>
      callers[n % 2]!.client(till, { timeoutMs: 20_000 }).hold(undefined, { id: 'x' });
    const first = ask(0);
    await until('it to run', () => runs.length === 1);
    const others = numbers(5).map(ask);
    await until('the others to wait', async () => (await callers[0]!.depth(till)).messages === 1);
    await stage.serving(cashier(done), 'heir', { beat: QUICK_BEAT });
    await die();
    t.deepEqual(new Set(await Promise.all([first, ...others, ask(1)])), new Set([2]));
    t.deepEqual(runs, ['hold', 'hold'], 'the dead had no answer to keep');
  });

  promised(
    'an answer that is kept is not worked out again, whoever died before telling it (S4-29)',
    async (t, stage) => {
      const { runs, done } = counting();
      let dead = false;
      const { node: dying, die } = await stage.mortal('dying', {}, (link) =>
        afterKeeping(link, async () => {
          await die();
          dead = true;
        }),
      );
      await dying.serve(cashier(done));
      const caller = await stage.node('caller', { beat: QUICK_BEAT });
      const paid = caller.client(till, { timeoutMs: 20_000 }).pay({ to: 'ann', sum: 1 }, { id: 'x' });
      await until('the node to die', () => dead);
      t.is((await caller.depth(till)).messages, 1, 'neither answered nor settled');
      await stage.serving(cashier(done), 'heir', { beat: QUICK_BEAT });
      t.is(await paid, 1);
      t.deepEqual(runs, ['ann 1']);
      await until('nothing to be left', async () => (await caller.depth(till)).messages === 0);
    },
  );

  promised('a cast with an id is handled once; what fails keeps its id until it is dead', async (t, stage) => {
    const runs: string[] = [];
    let works = true;
    const pay = ({ to }: { to: string }): number => {
      runs.push(to);
      if (!works) throw new Error('not now');
      return runs.length;
    };
    const server = await stage.serving(
      actor(
        till,
        { pay, refund: () => 0, brief: () => 0, hold: () => 0 },
        { redelivery: { deliveries: 2, delayMs: 100 } },
      ),
    );
    const api = (await stage.node('caller')).client(till);
    const idle = (): Promise<unknown> =>
      until('nothing to wait', async () => (await server.depth(till)).messages === 0);
    for (const _ of numbers(3)) await api.pay.cast({ to: 'ann', sum: 1 }, { id: 'a' });
    await idle();
    t.is(await api.pay({ to: 'ann', sum: 1 }, { id: 'a' }), 1, 'a call gets what the cast has come to');
    works = false;
    await api.pay.cast({ to: 'bob', sum: 1 }, { id: 'b' });
    await until('it to fail', () => runs.length === 2);
    await api.pay.cast({ to: 'bob', sum: 1 }, { id: 'b' });
    const waiting = rejection(api.pay({ to: 'bob', sum: 1 }, { id: 'b', retry: false }));
    t.is((await waiting).code, 'HANDLER');
    await idle();
    t.deepEqual(runs, ['ann', 'bob', 'bob']);
    const letters = server.deadLetters(till);
    t.is((await letters.list()).length, 1);
    works = true;
    await letters.replayAll();
    await idle();
    t.deepEqual(runs, ['ann', 'bob', 'bob', 'bob'], 'its dead letter can be replayed');
  });

  promised('a cast whose id a call runs waits for the end of that', async (t, stage) => {
    const { opened, open } = gate();
    const { runs, done } = counting();
    const server = await stage.serving(cashier(done, () => opened));
    const call = server.client(till).hold(undefined, { id: 'x' });
    await until('it to run', () => runs.length === 1);
    await server.client(till).hold.cast(undefined, { id: 'x' });
    t.is((await server.depth(till)).messages, 2);
    open();
    t.is(await call, 1);
    await until('nothing to be left', async () => (await server.depth(till)).messages === 0);
    t.deepEqual(runs, ['hold']);
  });

  promised('an id is 1 to 256 printable characters', async (t, stage) => {
    const api = (await stage.node('caller')).client(nobody);
    for (const id of ['', 'x'.repeat(257), 'tab\t', 'ü', 5 as never])
      for (const act of [() => api.pay(undefined, { id }), () => api.pay.cast(undefined, { id })]) {
        const error = await refusal(act);
        t.deepEqual([error.code, error.message.includes('id')], ['CONFIG', true]);
      }
  });
}

/** Does something right after the first answer has been kept, before anybody is told of it. */
function afterKeeping(link: Link, act: () => Promise<void>): Link {
  const bound = (target: object, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, name, target);
    return typeof value === 'function' ? value.bind(target) : value;
  };
  const end: Once['end'] = async (run, how) => {
    const ended = await link.once.end(run, how);
    await act();
    return ended;
  };
  const once = new Proxy(link.once, { get: (target, name) => (name === 'end' ? end : bound(target, name)) });
  return new Proxy(link, { get: (target, name) => (name === 'once' ? once : bound(target, name)) });
}
