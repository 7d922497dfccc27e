import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { ActorError, ValidationError } from '../../ground/errors.ts';
import type { Middleware } from '../../node/node.ts';
import { until, type Promised } from './stage.ts';

const WAYS = ['fine', 'plain', 'not-found', 'bad-request', 'internal', 'unavailable', 'limited', 'invalid'] as const;
type Way = (typeof WAYS)[number];

const spec = { input: z.enum(WAYS), output: z.string(), breaker: false } as const;
const desk = contract('desk', {
  methods: {
    read: { ...spec, kind: 'query', retry: { attempts: 3, delayMs: 1, slots: 1 } },
    write: { ...spec, retry: { attempts: 3, delayMs: 1, slots: 1 } },
  },
});

function thing(way: Way): unknown {
  switch (way) {
    case 'not-found':
      return Object.assign(new Error('no such row'), { code: 'NOT_FOUND' });
    case 'bad-request':
      return new ActorError('BAD_REQUEST', 'cannot be read');
    case 'internal':
      return new ActorError('INTERNAL', 'it broke');
    case 'unavailable':
      return new ActorError('UNAVAILABLE', 'come back', { retryable: true });
    case 'limited':
      return new ActorError('RATE_LIMITED', 'slow down', { retryable: true, retryAfterMs: 250 });
    case 'invalid':
      return new ValidationError('input', 'desk', [{ path: ['row'], message: 'is no row' }]);
    default:
      return new Error('it broke');
  }
}

export function retrying(promised: Promised): void {
  promised(
    'what a handler throws decides by its code how often it is tried (S1-26, S1-46, S4-33)',
    async (t, stage) => {
      const runs: number[] = [];
      const run = (way: Way): string => {
        runs.push(performance.now());
        if (way === 'fine') return 'fine';
        throw thing(way);
      };
      await stage.serving(actor(desk, { read: run, write: run }));
      const node = await stage.node('caller');
      const table: [Way, string, boolean, number][] = [
        ['not-found', 'NOT_FOUND', false, 1],
        ['bad-request', 'BAD_REQUEST', false, 1],
        ['internal', 'INTERNAL', false, 1],
        ['invalid', 'VALIDATION', false, 1],
        ['unavailable', 'UNAVAILABLE', true, 3],
        ['plain', 'HANDLER', true, 3],
      ];
      for (const [way, code, retryable, attempts] of table) {
        runs.length = 0;
        const read = await node.client(desk).read.try(way);
        t.deepEqual([!read.ok && read.error.code, !read.ok && read.error.retryable], [code, retryable], way);
        t.deepEqual([read.attempts, runs.length], [attempts, attempts], way);
        runs.length = 0;
        const written = await node.client(desk).write.try(way);
        t.deepEqual([written.attempts, runs.length], [1, 1], `${way}: a command that may have run is not repeated`);
      }
      runs.length = 0;
      await node.client(desk, { retry: { attempts: 2 } }).read.try('limited');
      t.is(runs.length, 2);
      t.true(runs[1]! - runs[0]! >= 248, `it came back after ${runs[1]! - runs[0]!} ms`);
    },
  );

  promised('a retry never outlives the deadline, and ends with the signal', async (t, stage) => {
    let runs = 0;
    const read = (): never => {
      runs += 1;
      throw thing('unavailable');
    };
    await stage.serving(actor(desk, { read, write: () => 'fine' }));
    const node = await stage.node('caller');
    const api = node.client(desk, { retry: { attempts: 50, delayMs: 10_000, maxDelayMs: 10_000, jitter: 'none' } });
    const startedAt = performance.now();
    const late = await api.read.try('fine', { timeoutMs: 500 });
    t.deepEqual([!late.ok && late.error.code, late.attempts], ['UNAVAILABLE', 1], 'there was no time for another');
    const over = new AbortController();
    const aborted = api.read.try('fine', { signal: over.signal, timeoutMs: 30_000 });
    await until('it to wait for its second try', () => runs === 2 && node.stats().pendingCalls === 0);
    over.abort();
    const result = await aborted;
    t.deepEqual([!result.ok && result.error.code, result.attempts], ['ABORTED', 1]);
    t.true(performance.now() - startedAt < 5_000);
  });

  promised(
    'outermost is middleware, then cache, fallback and retry: each try is a call of its own (S1-27)',
    async (t, stage) => {
      const trace: string[] = [];
      const traced = (side: string): NonNullable<Middleware['client']> & NonNullable<Middleware['server']> => {
        return async (_request: unknown, next: () => Promise<unknown>) => {
          trace.push(side);
          return next();
        };
      };
      let failures = 2;
      const run = (): string => {
        trace.push('handler');
        failures -= 1;
        if (failures >= 0) throw thing('unavailable');
        return 'fine';
      };
      await stage.serving(actor(desk, { read: run, write: run }), 'server', {
        middleware: { server: traced('server') },
      });
      const node = await stage.node('caller', {
        middleware: [{ client: traced('outer') }, { client: traced('inner') }],
      });
      const api = node.client(desk, { cache: { ttlMs: 60_000 }, fallback: () => 'stand-in' });
      const first = await api.read.try('fine');
      t.deepEqual([first.ok && first.value, first.attempts], ['fine', 3]);
      const tries = ['server', 'handler', 'server', 'handler', 'server', 'handler'];
      t.deepEqual(trace.splice(0), ['outer', 'inner', ...tries]);
      const second = await api.read.try('fine');
      t.deepEqual([second.ok && second.value, second.attempts], ['fine', 0]);
      t.deepEqual(trace.splice(0), ['outer', 'inner']);
      failures = 3;
      const third = await api.read.try('plain');
      t.deepEqual([third.ok && third.value, third.attempts, third.degraded], ['stand-in', 3, 'UNAVAILABLE']);
      t.deepEqual(trace.splice(0), ['outer', 'inner', ...tries]);
    },
  );
}
