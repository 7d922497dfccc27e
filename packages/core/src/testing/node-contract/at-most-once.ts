import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import { gate, numbers, QUICK_BEAT, refusal, rejection, until, type Promised } from './stage.ts';

const risky = contract('risky', {
  methods: {
    launch: { input: z.string(), output: z.number(), delivery: 'at-most-once', breaker: false },
    safe: { input: z.string(), output: z.number() },
  },
});

export function atMostOnce(promised: Promised): void {
  promised('what runs at most once is settled before it runs, and answered all the same', async (t, stage) => {
    const { opened, open } = gate();
    const runs: string[] = [];
    const launch = async (what: string): Promise<number> => {
      const count = runs.push(what);
      await opened;
      return count;
    };
    const server = await stage.serving(actor(risky, { launch, safe: () => 0 }));
    const api = (await stage.node('caller')).client(risky);
    const call = api.launch('one');
    await until('it to run', () => runs.length === 1);
    t.is((await server.depth(risky)).messages, 0, 'nobody else can ever have it');
    t.is(server.stats().inFlight, 1);
    open();
    t.is(await call, 1);
    const answers = await Promise.all(numbers(50).map((n) => api.launch(`${n}`)));
    t.is(new Set(answers).size, 50);
    t.is(server.stats().lostSettlements, 0);
  });

  promised('what a node dies of is not run again if it runs at most once', async (t, stage) => {
    const runs: string[] = [];
    const note = (what: string): Promise<number> => {
      runs.push(what);
      return runs.length < 3 ? new Promise(() => undefined) : Promise.resolve(runs.length);
    };
    const serving = actor(risky, { launch: note, safe: note });
    const { node: dying, die } = await stage.mortal('dying');
    await dying.serve(serving);
    const caller = await stage.node('caller', { beat: QUICK_BEAT });
    const api = caller.client(risky, { timeoutMs: 20_000, retry: { attempts: 3, delayMs: 1, slots: 1 } });
    const lost = rejection(api.launch('launched', { id: 'x', timeoutMs: 1_500 }));
    const found = api.safe('saved');
    await until('both to run', () => runs.length === 2);
    await stage.serving(serving, 'heir', { beat: QUICK_BEAT });
    await die();
    t.is(await found, 3, 'what runs at least once does');
    t.deepEqual(
      runs.filter((what) => what === 'launched'),
      ['launched'],
    );
    // The same id from somebody else: it may have been done.
    const again = await rejection(api.launch('launched', { id: 'x' }));
    t.deepEqual([again.code, again.outcome, again.retryable], ['NODE_DIED', 'unknown', false]);
    const error = await lost;
    t.deepEqual([error.code, error.outcome], ['CALL_TIMEOUT', 'unknown']);
    t.is((await rejection(api.launch('launched', { id: 'x' }))).code, 'NODE_DIED', 'for as long as an answer stands');
    t.deepEqual(
      runs.filter((what) => what === 'launched'),
      ['launched'],
    );
    await until('nothing to be left', async () => (await caller.depth(risky)).messages === 0);
  });

  promised('what fails is not delivered again, nor sent again, if it runs at most once', async (t, stage) => {
    const runs: string[] = [];
    const launch = (what: string): number => {
      runs.push(what);
      throw new Error('it fails');
    };
    const serving = actor(risky, { launch, safe: () => 0 }, { redelivery: { delayMs: 1 } });
    const server = await stage.serving(serving);
    const api = (await stage.node('caller')).client(risky, { retry: { attempts: 3, delayMs: 1, slots: 1 } });
    await api.launch.cast('cast');
    await until('it to have failed', () => server.stats().failed === 1);
    const called = await api.launch.try('called', { id: 'y' });
    t.deepEqual([!called.ok && called.error.code, called.attempts], ['HANDLER', 1]);
    t.deepEqual(runs, ['cast', 'called']);
    const depth = await server.depth(risky);
    t.deepEqual([depth.messages, depth.dead], [0, 0]);
  });

  promised('each message that runs at most once has a frame of its own', async (t, stage) => {
    const caller = await stage.node('caller');
    const api = caller.client(risky);
    await Promise.all(numbers(8).map((n) => api.launch.cast(`${n}`)));
    await Promise.all(numbers(8).map((n) => api.safe.cast(`${n}`)));
    const { messages, waiting } = await caller.depth(risky);
    t.is(messages, 16);
    t.true(waiting > 8 && waiting < 16, `${waiting} frames`);
  });

  promised('a contract says in plain words what it may not say', async (t) => {
    for (const [wrong, path] of [
      [{ delivery: 'remote' }, 'delivery'],
      [{ onceMs: 0 }, 'onceMs'],
      [{ onceMs: 1e12 }, 'onceMs'],
    ] as const) {
      const error = await refusal(() => contract('wrong', { methods: { go: wrong as never } }));
      t.deepEqual([error.code, error.message.includes(`methods.go.${path}`)], ['CONFIG', true], error.message);
    }
  });
}
