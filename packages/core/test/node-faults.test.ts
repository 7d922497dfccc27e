import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { pino } from 'pino';
import { z } from 'zod';
import { actor } from '../src/contract/actor.ts';
import { memory } from '../src/backends/memory.ts';
import { contract } from '../src/contract/contract.ts';
import type { HomeostatError } from '../src/ground/errors.ts';
import { sleep } from '../src/ground/loop.ts';
import { createNode } from '../src/node/create-node.ts';
import type { ActorNode } from '../src/node/node.ts';
import { faulty, type FaultyBackend } from '../src/testing/faulty.ts';
import { waitFor } from '../src/testing/wait-for.ts';

const work = contract('work', {
  methods: { ask: { input: z.number(), output: z.number() }, run: { input: z.number() } },
});

const log = pino({ level: 'silent' });

/** The machine has few cores: one after the other. */
const serial = test.serial;

interface Scene {
  readonly backend: FaultyBackend;
  readonly server: ActorNode;
  readonly caller: ActorNode;
  /** What was handled, as often as it was. */
  readonly handled: number[];
}

async function scene(t: ExecutionContext | undefined, settings: { concurrency?: number } = {}): Promise<Scene> {
  const backend = faulty(memory());
  const handled: number[] = [];
  const node = (name: string): Promise<ActorNode> =>
    createNode({ backend, name, log, signals: false, beat: { intervalMs: 50, ttlMs: 60_000 } });
  const [server, caller] = await Promise.all([node('server'), node('caller')]);
  const note = (n: number): number => {
    handled.push(n);
    return n;
  };
  await server.serve(actor(work, { ask: note, run: (n) => void note(n) }, settings));
  t?.teardown(async () => {
    backend.wake();
    await Promise.all([server.close({ drainMs: 50 }), caller.close()]);
  });
  return { backend, server, caller, handled };
}

const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<unknown> =>
  waitFor(condition, { withinMs: 10_000, what });
const codeOfFailure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: HomeostatError) => `${error.code} ${error.outcome}`,
  );

serial('a lost reply of an append puts nothing in the mailbox twice', async (t) => {
  const { backend, caller, handled } = await scene(t);
  for (const n of [1, 2, 3]) {
    backend.dropNextReply('append');
    await caller.client(work).run.cast(n);
  }
  backend.dropNextReply('append');
  t.is(await caller.client(work).ask(4), 4);
  await until('all to be handled', () => handled.length >= 4);
  await until('the mailbox to be empty', async () => (await caller.depth(work)).messages === 0);
  t.deepEqual(handled, [1, 2, 3, 4]);
});

serial('a lost reply of an answer answers twice; the second counts as late', async (t) => {
  const { backend, caller, handled } = await scene(t);
  backend.dropNextReply('reply');
  t.is(await caller.client(work).ask(1), 1);
  await until('the second answer', () => caller.stats().lateReplies === 1);
  await until('the mailbox to be empty', async () => (await caller.depth(work)).messages === 0);
  t.deepEqual(handled, [1]);
});

serial('a lost reply of a settlement runs nothing again', async (t) => {
  const { backend, server, caller, handled } = await scene(t);
  backend.dropNextReply('settle');
  await caller.client(work).run.cast(1);
  await until('the repetition to find nothing', () => server.stats().lostSettlements === 1);
  t.is((await caller.depth(work)).messages, 0);
  await caller.client(work).run.cast(2);
  await until('the next to be handled', () => handled.length === 2);
});

serial('while the backend is away casts and calls wait, up to their time, and nothing has been executed', async (t) => {
  const { backend, caller, handled } = await scene(t);
  const api = caller.client(work);
  backend.sleep();
  const patient = api.ask(1, { timeoutMs: 20_000 });
  const told = api.run.cast(2, { timeoutMs: 20_000 });
  const hasty = [codeOfFailure(api.ask(3, { timeoutMs: 100 })), codeOfFailure(api.run.cast(4, { timeoutMs: 100 }))];
  t.deepEqual(await Promise.all(hasty), ['CALL_TIMEOUT not-executed', 'CALL_TIMEOUT not-executed']);
  t.deepEqual(handled, []);
  backend.wake();
  t.is(await patient, 1);
  await told;
  await until('both to be handled', () => handled.length === 2);
  await sleep(20);
  t.deepEqual(
    handled.toSorted((a, b) => a - b),
    [1, 2],
    'what was given up has not left',
  );
  t.is(caller.stats().pendingCalls, 0);
});

serial('what runs while the backend is away goes on, and its answer arrives when it is back', async (t) => {
  const backend = faulty(memory());
  const node = await createNode({ backend, log, signals: false });
  t.teardown(() => node.close({ drainMs: 50 }));
  let go = (): void => undefined;
  let runs = 0;
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  await node.serve(actor(work, { ask: (n) => ((runs += 1), held.then(() => n)), run: () => undefined }));
  const answer = node.client(work).ask(1);
  await until('it to run', () => runs === 1);
  backend.sleep();
  go();
  await sleep(50);
  backend.wake();
  t.is(await answer, 1);
  t.is(runs, 1);
  await until('the mailbox to be empty', async () => (await node.depth(work)).messages === 0);
});

serial('cut connections lose nothing and repeat nothing', async (t) => {
  const { backend, caller, handled } = await scene(t);
  const api = caller.client(work);
  const sending = Promise.all(
    Array.from({ length: 400 }, async (_, n) => {
      await sleep(n / 10);
      return n % 2 === 0 ? api.run.cast(n) : api.ask(n);
    }),
  );
  for (let n = 0; n < 10; n += 1) {
    await sleep(4);
    backend.cut();
  }
  await sending;
  await until('the mailbox to be empty', async () => (await caller.depth(work)).messages === 0);
  t.deepEqual(
    handled.toSorted((a, b) => a - b),
    Array.from({ length: 400 }, (_, n) => n),
  );
});

serial('an entry that arrives again after it was settled is not settled again', async (t) => {
  const { backend, server, caller, handled } = await scene(t);
  backend.deliverTwice();
  t.is(await caller.client(work).ask(1), 1);
  await until('it to be handled again', () => handled.length === 2);
  await until('its second ending to be refused', () => server.stats().lostSettlements === 1);
  await until('its second answer', () => caller.stats().lateReplies === 1);
  t.is(server.stats().inFlight, 0);
});

serial('a node closes in bounded time while its backend is away', async (t) => {
  const { backend, server, caller } = await scene(undefined);
  backend.sleep();
  const failures = [codeOfFailure(caller.client(work).ask(1)), codeOfFailure(caller.client(work).run.cast(2))];
  const startedAt = performance.now();
  await Promise.all([caller.close({ drainMs: 50 }), server.close({ drainMs: 50 })]);
  t.true(performance.now() - startedAt < 9_000);
  for (const failure of await Promise.all(failures)) t.regex(failure, /^(NODE_CLOSED|TRANSPORT) not-executed$/);
});

type Fault = 'append' | 'reply' | 'settle' | 'cut' | 'sleep';

serial('whatever fails, every call ends, and everything accepted is handled once and no more than once', async (t) => {
  const life = async (faults: readonly (readonly [Fault, number])[], seed: readonly number[]): Promise<void> => {
    const { backend, server, caller, handled } = await scene(undefined, { concurrency: 3 });
    const api = caller.client(work, { timeoutMs: 5_000 });
    const ends: Promise<string>[] = [];
    const send = async (): Promise<void> => {
      for (const burst of seed) {
        for (let one = 0; one < burst; one += 1) {
          const n = ends.length;
          ends.push(
            codeOfFailure(
              n % 2 === 0
                ? api.run.cast(n)
                : api
                    .ask(n)
                    .then((answer) =>
                      answer === n ? answer : Promise.reject(new Error(`${answer} is not the answer to ${n}`)),
                    ),
            ),
          );
        }
        await sleep(3);
      }
    };
    const trouble = async (): Promise<void> => {
      for (const [fault, ms] of faults) {
        if (fault === 'cut') backend.cut();
        else if (fault === 'sleep') backend.sleep();
        else backend.dropNextReply(fault);
        await sleep(ms);
        backend.wake();
      }
    };
    await Promise.all([send(), trouble()]);
    const outcomes = await Promise.all(ends);
    await until('the mailbox to be empty', async () => (await caller.depth(work)).messages === 0);
    outcomes.forEach((outcome, n) => {
      const times = handled.filter((one) => one === n).length;
      if (outcome === 'none') t.is(times, 1, `message ${n} was accepted and handled ${times} times`);
      else if (outcome.endsWith('not-executed')) t.is(times, 0, `message ${n}: ${outcome}`);
      else if (outcome.endsWith('unknown')) t.true(times <= 1, `message ${n}: ${outcome}`);
      else t.fail(`message ${n}: ${outcome}`);
    });
    t.is(caller.stats().pendingCalls, 0);
    t.is(server.stats().inFlight, 0);
    await Promise.all([server.close({ drainMs: 50 }), caller.close()]);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(
          fc.array(fc.tuple(fc.constantFrom<Fault>('append', 'reply', 'settle', 'cut', 'sleep'), fc.nat(15)), {
            maxLength: 6,
          }),
          fc.array(fc.nat(12), { minLength: 1, maxLength: 8 }),
        ),
        { minLength: 8, maxLength: 8 },
      ),
      async (lives) => {
        await Promise.all(lives.map(([faults, seed]) => life(faults, seed)));
      },
    ),
    { numRuns: 10, endOnFailure: true },
  );
});
