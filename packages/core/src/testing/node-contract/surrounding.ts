import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import type { ServerMiddleware } from '../../calling/middleware.ts';
import { rejection, type Promised } from './stage.ts';

const order = z.object({ sku: z.string(), count: z.number(), price: z.number().optional() });
const orders = contract('orders', {
  methods: {
    place: { input: z.any(), output: z.any(), errors: { NO: z.null() } },
    fail: { kind: 'query', retry: { attempts: 3, delayMs: 1, slots: 1 }, breaker: false },
    strict: { input: z.number() },
  },
});

export function surrounding(promised: Promised): void {
  promised('a token that a client adds is seen by the server, or no handler runs (S1-41)', async (t, stage) => {
    const ran: string[] = [];
    const guard: ServerMiddleware = ({ actor: name, method, ctx }, next) => {
      if (ctx.headers['token'] !== 'secret') throw Object.assign(new Error('who are you?'), { code: 'FORBIDDEN' });
      ran.push(`${name}.${method}`);
      return next();
    };
    await stage.serving(
      actor(orders, { place: (input, ctx) => [input, ctx.headers['trace']], fail: () => {}, strict: () => {} }),
      'server',
      { middleware: { server: guard } },
    );
    const node = await stage.node('caller');
    const refused = await rejection(node.client(orders).place(1));
    t.deepEqual([refused.code, refused.outcome, refused.retryable], ['FORBIDDEN', 'not-executed', false]);
    t.true(refused.message.includes('guard'), refused.message);
    t.deepEqual(ran, []);
    node.use({
      client: (request, next) => {
        request.headers['token'] = 'secret';
        return next();
      },
    });
    t.deepEqual(await node.client(orders).place(1, { headers: { trace: 'abc' } }), [1, 'abc']);
    t.deepEqual(ran, ['orders.place']);
  });

  promised(
    'validate, normalise, enrich: the handler sees what comes out, an error names its stage (S3-38)',
    async (t, stage) => {
      const stages: ServerMiddleware[] = [
        function validate({ input }, next) {
          return next(order.parse(input));
        },
        function normalise({ input }, next) {
          const given = input as z.infer<typeof order>;
          if (given.count < 0) throw new Error('less than nothing');
          return next({ ...given, sku: given.sku.toUpperCase() });
        },
        async function enrich({ input }, next) {
          const answer = await next({ ...(input as object), price: 3 });
          return { ...(answer as object), seen: true };
        },
      ];
      let runs = 0;
      const place = (input: unknown): unknown => {
        runs += 1;
        return input;
      };
      await stage.serving(actor(orders, { place, fail: () => {}, strict: () => {} }), 'server', {
        middleware: stages.map((server) => ({ server })),
      });
      const api = (await stage.node('caller')).client(orders, { retry: false });
      t.deepEqual(await api.place({ sku: 'ab', count: 2 }), { sku: 'AB', count: 2, price: 3, seen: true });
      t.true((await rejection(api.place({ sku: 'ab' }))).message.startsWith('middleware validate: '));
      t.is((await rejection(api.place({ sku: 'ab', count: -1 }))).message, 'middleware normalise: less than nothing');
      t.is(runs, 1);
    },
  );

  promised('the error hook is told of each failed call, once, with what it was (S1-47)', async (t, stage) => {
    await stage.serving(
      actor(orders, {
        place: (input, ctx) => {
          if (input === 'no') throw ctx.fail('NO', null);
          return input as unknown;
        },
        fail: () => {
          throw new Error('it broke');
        },
        strict: () => {},
      }),
    );
    const node = await stage.node('caller', { services: { off: { delivery: 'disabled' } } });
    const told: string[] = [];
    node.onError(() => {
      throw new Error('a listener that throws');
    });
    const off = node.onError(({ code }, { service, method, attempts, ms }) => {
      told.push(`${service}.${method}: ${code} after ${attempts}`);
      t.true(ms >= 0);
    });
    const api = node.client(orders);
    await api.place('fine');
    t.is((await rejection(api.fail())).code, 'HANDLER');
    t.is((await api.place.try('no')).ok, false);
    t.is((await rejection(api.strict('x' as unknown as number))).code, 'VALIDATION');
    t.is((await rejection(node.client(contract('off', { methods: { ask: {} } })).ask())).code, 'SERVICE_DISABLED');
    await node.batch({ one: api.place('no'), two: () => api.place('fine') });
    t.deepEqual(told.splice(0), [
      'orders.fail: HANDLER after 3',
      'orders.place: NO after 1',
      'orders.strict: VALIDATION after 0',
      'off.ask: SERVICE_DISABLED after 0',
      'orders.place: NO after 1',
    ]);
    t.is(await node.client(orders, { fallback: () => 'stand-in' }).fail(), 'stand-in');
    t.deepEqual(told, [], 'what a fallback saved has not failed');
    off();
    await rejection(api.fail());
    t.deepEqual(told, []);
  });
}
