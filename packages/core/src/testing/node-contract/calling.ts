import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { ActorError } from '../../ground/errors.ts';
import { gate, numbers, rejection, until, type Promised } from './stage.ts';

const User = z.object({ id: z.number(), name: z.string() });

const users = contract('users', {
  methods: {
    get: { input: z.object({ id: z.number() }), output: User, kind: 'query' },
    create: {
      input: z.object({ email: z.string(), message: z.string().optional() }),
      output: User,
      errors: { EMAIL_TAKEN: z.object({ email: z.string() }) },
    },
    ping: {},
    whoAmI: { output: z.any() },
    slow: { input: z.object({ ms: z.number() }), output: z.string() },
  },
});

const usersActor = actor(users, {
  get: ({ id }) => ({ id, name: `user ${id}` }),
  create: async ({ email, message }, ctx) => {
    await Promise.resolve();
    throw ctx.fail('EMAIL_TAKEN', { email }, message);
  },
  ping: () => undefined,
  whoAmI: (_input, ctx) => ({
    key: ctx.key ?? 'none',
    headers: { ...ctx.headers },
    method: ctx.method,
    caller: ctx.caller,
    attempt: ctx.attempt,
    messageId: ctx.messageId,
    deadline: ctx.deadline,
  }),
  slow: async ({ ms }) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return 'slept';
  },
});

export function calling(promised: Promised): void {
  promised('a node that serves nothing calls: the answer is what the handler returns (S0-22)', async (t, stage) => {
    await stage.serving(usersActor);
    const api = (await stage.node('caller')).client(users);
    t.deepEqual(await api.get({ id: 7 }), { id: 7, name: 'user 7' });
    t.is(await api.ping(), undefined);
    t.is(await api.slow({ ms: 1 }), 'slept');
  });

  promised('a node can call what it serves itself', async (t, stage) => {
    const node = await stage.serving(usersActor);
    t.deepEqual(await node.client(users).get({ id: 1 }), { id: 1, name: 'user 1' });
  });

  promised('a declared error crosses with its code, details, message and outcome', async (t, stage) => {
    await stage.serving(usersActor);
    const api = (await stage.node('caller')).client(users);
    const error = await rejection(api.create({ email: 'a@b.c', message: 'somebody has it' }));
    t.true(error instanceof ActorError);
    t.is(error.code, 'EMAIL_TAKEN');
    t.deepEqual(error.details, { email: 'a@b.c' });
    t.is(error.message, 'somebody has it');
    t.is(error.outcome, 'failed');
    t.is(error.retryable, false);
    const unworded = await rejection(api.create({ email: 'a@b.c' }));
    t.is(unworded.message, 'create failed with EMAIL_TAKEN');
  });

  promised('try answers a result and never rejects: value, error, timeout, open breaker (S1-09)', async (t, stage) => {
    await stage.serving(usersActor);
    const api = (await stage.node('caller')).client(users);
    const answered = await api.get.try({ id: 2 });
    t.deepEqual(answered.ok ? answered.value : undefined, { id: 2, name: 'user 2' });
    t.is(answered.attempts, 1);
    t.true(answered.ms > 0);
    const refused = await api.create.try({ email: 'x' });
    t.is(refused.ok, false);
    t.is(refused.ok ? '' : refused.error.code, 'EMAIL_TAKEN');
    const invalid = await api.get.try({ id: 'seven' as unknown as number });
    t.is(invalid.ok ? '' : invalid.error.code, 'VALIDATION');
    const misused = await api.get.try({ id: 1 }, { nonsense: true } as object);
    t.is(misused.ok ? '' : misused.error.code, 'CONFIG');
    const late = await api.slow.try({ ms: 300 }, { timeoutMs: 50 });
    t.is(late.ok ? '' : late.error.code, 'CALL_TIMEOUT');
    t.is((await rejection(api.slow({ ms: 300 }, { timeoutMs: 50 }))).code, 'CALL_TIMEOUT');
    const node = await stage.node('other');
    await node.breaker('users.get').open({ reason: 'maintenance' });
    const closed = await node.client(users).get.try({ id: 1 });
    t.deepEqual(closed.ok ? [] : [closed.error.code, closed.error.retryable], ['CIRCUIT_OPEN', true]);
    t.is((await rejection(node.client(users).get({ id: 1 }))).code, 'CIRCUIT_OPEN');
  });

  promised('a batch answers every part by its name, whatever became of the others (S1-12)', async (t, stage) => {
    await stage.serving(usersActor);
    const node = await stage.node('caller');
    const api = node.client(users);
    const results = await node.batch({
      one: api.get({ id: 1 }),
      two: () => api.get({ id: 2 }),
      taken: () => api.create({ email: 'x' }),
      told: () => api.get.cast({ id: 3 }),
      broken: (): Promise<string> => {
        throw new Error('not even sent');
      },
    });
    t.deepEqual(results.one, { ok: true, value: { id: 1, name: 'user 1' } });
    t.deepEqual(results.two, { ok: true, value: { id: 2, name: 'user 2' } });
    t.deepEqual(results.told, { ok: true, value: undefined });
    t.is(results.taken.ok ? '' : results.taken.error.code, 'EMAIL_TAKEN');
    t.is(results.broken.ok ? '' : results.broken.error.message, 'not even sent');
    t.deepEqual(await node.batch({}), {});
  });

  promised('a list of requests is answered in its order, so many at once as are allowed (S1-11)', async (t, stage) => {
    let running = 0;
    let most = 0;
    const slow = async (): Promise<string> => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      return 'slept';
    };
    await stage.serving(actor(users, { ...usersActor.handlers, slow }));
    const node = await stage.node('caller');
    const api = node.client(users);
    const mixed = await node.batch([api.get({ id: 1 }), () => api.create({ email: 'x' }), () => api.get({ id: 2 })]);
    t.deepEqual(
      mixed.map((result) => (result.ok ? result.value : result.error.code)),
      [{ id: 1, name: 'user 1' }, 'EMAIL_TAKEN', { id: 2, name: 'user 2' }],
    );
    const slept = await node.batch(
      numbers(12).map(() => () => api.slow({ ms: 0 })),
      { concurrency: 3 },
    );
    t.true(slept.length === 12 && slept.every((result) => result.ok));
    t.is(most, 3);
    const over = new AbortController();
    const given = await node.batch(
      [
        () => api.get({ id: 3 }).finally(() => over.abort()),
        () => api.get({ id: 4 }),
        Promise.reject(new Error('sent')),
      ],
      { concurrency: 1, signal: over.signal },
    );
    t.deepEqual(
      given.map((result) => (result.ok ? 'ok' : `${result.error.code} ${result.error.outcome}`)),
      ['ok', 'ABORTED not-executed', 'HANDLER failed'],
    );
    t.deepEqual(await node.batch([]), []);
  });

  promised('requests that are made together run together (S1-15, S1-12)', async (t, stage) => {
    const meetings = [gate(), gate()] as const;
    let runs = 0;
    // Neither of two is answered before both run.
    const meet = async (ms: number): Promise<string> => {
      const { opened, open } = meetings[runs < 2 ? 0 : 1];
      if ((runs += 1) % 2 === 0) open();
      await opened;
      return `${ms}`;
    };
    await stage.serving(actor(users, { ...usersActor.handlers, slow: ({ ms }) => meet(ms) }));
    const node = await stage.node('caller');
    const api = node.client(users);
    t.deepEqual(await Promise.all([api.slow({ ms: 1 }), api.slow({ ms: 2 })]), ['1', '2']);
    const results = await node.batch({ user: () => api.slow({ ms: 1 }), orders: () => api.slow({ ms: 2 }) });
    t.true(results.user.ok && results.orders.ok);
  });

  promised(
    'key and headers travel, and the handler knows who called what, and when it must be done',
    async (t, stage) => {
      await stage.serving(usersActor);
      const node = await stage.node('caller');
      const deadline = Math.round(node.now()) + 5_000;
      const seen = (await node
        .client(users)
        .whoAmI(undefined, { key: 'user:1', headers: { trace: 'abc', 'x-ü': 'ß' }, deadline })) as Record<
        string,
        unknown
      >;
      t.is(seen['key'], 'user:1');
      t.deepEqual(seen['headers'], { trace: 'abc', 'x-ü': 'ß' });
      t.is(seen['method'], 'whoAmI');
      t.is(seen['caller'], node.id);
      t.is(seen['attempt'], 1);
      t.is(seen['deadline'], deadline);
      t.true(String(seen['messageId']).startsWith(node.id));
      const bare = (await node.client(users).whoAmI()) as Record<string, unknown>;
      t.is(bare['key'], 'none');
      t.deepEqual(bare['headers'], {});
      t.true(bare['messageId'] !== seen['messageId']);
    },
  );

  promised('of two clients with different timeouts each keeps its own', async (t, stage) => {
    await stage.serving(usersActor);
    const node = await stage.node('caller');
    const hasty = node.client(users, { timeoutMs: 150 });
    const patient = node.client(users, { timeoutMs: 20_000 });
    const [late, slept, overridden] = await Promise.all([
      rejection(hasty.slow({ ms: 600 })),
      patient.slow({ ms: 600 }),
      hasty.slow({ ms: 600 }, { timeoutMs: 20_000 }),
    ]);
    t.is(late.code, 'CALL_TIMEOUT');
    t.is(slept, 'slept');
    t.is(overridden, 'slept');
  });

  promised('a thousand calls at once each get their own answer', async (t, stage) => {
    await stage.serving(usersActor);
    const node = await stage.node('caller');
    const api = node.client(users);
    const answers = await Promise.all(numbers(1_000).map((id) => api.get({ id })));
    t.deepEqual(
      answers.map(({ id }) => id),
      numbers(1_000),
    );
    t.is(node.stats().pendingCalls, 0);
    t.is(node.stats().lateReplies, 0);
    await until('nothing to be left in the mailbox', async () => (await node.depth(users)).messages === 0);
  });
}
