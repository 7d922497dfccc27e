import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { HandlerError, TransportError } from '../../ground/errors.ts';
import { rejection, type Promised } from './stage.ts';

const WAYS = ['null', 'undefined', 'text', 'number', 'plain', 'error', 'coded', 'frozen', 'getter', 'ours'] as const;

// It fails again and again: a breaker would open.
const failing = { input: z.enum(WAYS), breaker: false } as const;
const trouble = contract('trouble', {
  methods: { now: failing, later: failing, fine: { output: z.string() } },
});

function thing(way: (typeof WAYS)[number]): unknown {
  switch (way) {
    case 'null':
      return null;
    case 'undefined':
      return undefined;
    case 'text':
      return 'just text';
    case 'number':
      return 42;
    case 'plain':
      return { some: 'object' };
    case 'error':
      return new TypeError('x is not a function');
    case 'coded':
      return Object.assign(new Error('no such row'), { code: 'NO_ROW', details: { row: 7 } });
    case 'frozen':
      return Object.freeze(new Error('frozen'));
    case 'getter':
      return {
        get message(): string {
          throw new Error('even looking at it hurts');
        },
      };
    case 'ours':
      return new TransportError('the database is away', { outcome: 'not-executed' });
  }
}

const troubleActor = actor(trouble, {
  now: (way) => {
    throw thing(way);
  },
  later: async (way) => {
    await Promise.resolve();
    throw thing(way);
  },
  fine: () => 'still here',
});

export function throwing(promised: Promised): void {
  promised('whatever a handler throws, at once or later, becomes an error of its call', async (t, stage) => {
    await stage.serving(troubleActor);
    const api = (await stage.node('caller')).client(trouble);
    for (const method of ['now', 'later'] as const) {
      for (const way of WAYS) {
        const error = await rejection(api[method](way));
        t.is(error.code, way === 'coded' ? 'NO_ROW' : way === 'ours' ? 'TRANSPORT' : 'HANDLER', `${method} ${way}`);
        t.is(typeof error.message, 'string');
      }
    }
    t.is(await api.fine(), 'still here');
  });

  promised('a handler may take its context apart', async (t, stage) => {
    const parts = contract('parts', { methods: { go: { errors: { NO: z.number() } } } });
    await stage.serving(troubleActor);
    const node = await stage.serving(
      actor(parts, {
        go: async (_input, { fail, client, signal }) => {
          throw fail('NO', signal.aborted ? 0 : (await client(trouble).fine()).length);
        },
      }),
    );
    const error = await rejection(node.client(parts).go());
    t.deepEqual([error.code, error.message, error.details], ['NO', 'go failed with NO', 'still here'.length]);
  });

  promised('details that do not fit the schema of their error do not travel under its name', async (t, stage) => {
    const errors = { QUOTA: z.object({ left: z.number() }), LATER: z.number().refine(async (n) => n > 0) };
    const Thrown = z.object({ code: z.enum(['QUOTA', 'LATER']), details: z.any() });
    const quota = contract('quota', {
      methods: {
        take: { input: Thrown, errors, breaker: false },
        list: { input: Thrown, yields: z.number(), errors, breaker: false },
      },
    });
    const node = await stage.serving(
      actor(quota, {
        take: ({ code, details }, ctx) => {
          throw ctx.fail(code, details as never);
        },
        list: async function* ({ code, details }, ctx) {
          yield 1;
          throw ctx.fail(code, details as never);
        },
      }),
    );
    const { take, list } = node.client(quota);
    const drained = async (code: 'QUOTA', details: unknown): Promise<void> => {
      for await (const item of list({ code, details })) t.is(item, 1);
    };
    const outcomes: [Promise<unknown>, string][] = [
      [take({ code: 'QUOTA', details: { left: 'few' } }), 'OUTPUT_INVALID'],
      [take({ code: 'LATER', details: 1 }), 'LATER'],
      [take({ code: 'LATER', details: -1 }), 'OUTPUT_INVALID'],
      [drained('QUOTA', { left: 1 }), 'QUOTA'],
      [drained('QUOTA', {}), 'OUTPUT_INVALID'],
    ];
    for (const [call, code] of outcomes) t.is((await rejection(call)).code, code);
    const unfit = await rejection(take({ code: 'QUOTA', details: { left: 'few' } }));
    t.true(unfit.message.startsWith('quota.take: details of QUOTA: the output does not fit'), unfit.message);
    t.is(unfit.outcome, 'failed');
    const fit = await rejection(take({ code: 'QUOTA', details: { left: 1, more: 2 } }));
    t.deepEqual([fit.code, fit.details], ['QUOTA', { left: 1, more: 2 }]);
  });

  promised(
    'an error with a code keeps its code, message and details; one without is a passing fault',
    async (t, stage) => {
      const node = await stage.serving(troubleActor);
      const api = node.client(trouble);
      const coded = await rejection(api.now('coded'));
      t.is(coded.message, 'no such row');
      t.deepEqual(coded.details, { row: 7 });
      t.is(coded.retryable, false);
      t.is(coded.outcome, 'failed');
      const plain = await rejection(api.now('error'));
      t.true(plain instanceof HandlerError);
      t.is(plain.message, 'x is not a function');
      t.is(plain.retryable, true);
      t.is(plain.outcome, 'failed');
      t.is((await rejection(api.later('text'))).message, 'just text');
      const ours = await rejection(api.now('ours'));
      t.true(ours instanceof TransportError);
      t.is(ours.outcome, 'failed', 'whatever it says of a nested call, this handler has run');
      t.is(ours.retryable, true);
    },
  );
}
