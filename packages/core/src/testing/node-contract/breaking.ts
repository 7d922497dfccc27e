import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import type { BreakerState } from '../../ports/breakers.ts';
import { contract, type Contract } from '../../contract/contract.ts';
import { CircuitOpen, ValidationError, WorkerError } from '../../ground/errors.ts';
import type { ActorNode, NodeOptions } from '../../node/node.ts';
import type { BreakerFields } from '../../policies/service-settings.ts';
import { gate, numbers, refusal, rejection, until, type NodeStage, type Promised } from './stage.ts';

const WAYS = ['fine', 'broken', 'invalid', 'worker', 'refused', 'held'] as const;
type Way = (typeof WAYS)[number];

const methods = {
  ask: { input: z.enum(WAYS), output: z.string(), errors: { REFUSED: z.null() } },
  other: { output: z.string() },
} as const;
const shop = contract('shop', { methods });

/** Asks the shop without trying again, and answers the code that comes of it. */
type Ask = (node: ActorNode, way: Way, breaker?: BreakerFields) => Promise<string>;

const ask: Ask = async (node, way, breaker = {}) => {
  const result = await node.client(shop, { retry: false, breaker, timeoutMs: 20_000 }).ask.try(way);
  return result.ok ? result.value : result.error.code;
};

/** A shop that does what it is asked for, and how often it ran. */
async function open(
  stage: NodeStage,
  opened: Promise<void> = Promise.resolve(),
): Promise<{ server: ActorNode; ran(): number }> {
  let ran = 0;
  const server = await stage.serving(
    actor(
      shop,
      {
        ask: async (way, ctx) => {
          ran += 1;
          if (way === 'broken') throw new Error('it broke');
          if (way === 'invalid') throw new ValidationError('input', 'shop', [{ path: ['row'], message: 'is no row' }]);
          if (way === 'worker') throw new WorkerError('its thread died');
          if (way === 'refused') throw ctx.fail('REFUSED', null);
          if (way === 'held') await opened;
          return 'fine';
        },
        other: () => 'other',
      },
      { redelivery: { deliveries: 1 } },
    ),
  );
  return { server, ran: () => ran };
}

function stateOf(node: ActorNode, name = 'shop.ask'): BreakerState | undefined {
  return node.breakers().find((state) => state.name === name);
}

function phase(node: ActorNode, wanted: BreakerState['phase'], name?: string): Promise<unknown> {
  return until(`it to be ${wanted}`, () => stateOf(node, name)?.phase === wanted);
}

export function breaking(promised: Promised): void {
  promised(
    'three failures on one node and two on another open the breaker for a third (S3-23, S1-19, S1-20)',
    async (t, stage) => {
      const { ran } = await open(stage);
      const [one, two, three] = [await stage.node('one'), await stage.node('two'), await stage.node('three')];
      const turns: string[] = [];
      three.on('breaker', ({ from, to, state }) => turns.push(`${state.name}: ${from} → ${to}`));
      for (const node of [one, one, one, two]) t.is(await ask(node, 'broken'), 'HANDLER');
      t.is(await ask(three, 'fine'), 'fine', 'four are no five, and this success ends their row');
      await until('that to be told', async () => (await three.breaker('shop.ask').stats()).failuresInRow === 0);
      for (const node of [one, one, one, two, two]) t.is(await ask(node, 'broken'), 'HANDLER');
      await phase(three, 'open');
      const before = ran();
      const refused = await rejection(three.client(shop).ask('fine'));
      t.true(refused instanceof CircuitOpen);
      t.is(refused.outcome, 'not-executed');
      t.true(refused.retryAfterMs! > 0 && refused.retryAfterMs! <= 30_000);
      for (const node of [one, two]) t.is(await ask(node, 'fine'), 'CIRCUIT_OPEN');
      t.is(ran(), before, 'nothing was sent');
      const state = stateOf(one)!;
      t.is(state.phase, 'open');
      t.true(state.reason.includes('in a row'), state.reason);
      t.is(state.by, two.id);
      t.true(state.openUntil > one.now() && state.changedAt <= one.now());
      t.deepEqual(turns, ['shop.ask: closed → open']);
      t.is(await three.client(shop).other(), 'other', 'another method has another breaker');
    },
  );

  promised('when its time is over one of fifty calls on two nodes is let through (S1-18, S3-18)', async (t, stage) => {
    const { opened, open: release } = gate();
    const { ran } = await open(stage, opened);
    const nodes = [await stage.node('one'), await stage.node('two')];
    const quick = { failureThreshold: 2, openMs: 100, successThreshold: 1, rampMs: 0 };
    for (const node of nodes) await ask(node, 'broken', quick);
    for (const node of nodes) await phase(node, 'open');
    await until('its time to be over', () => stateOf(nodes[1]!)!.openUntil < nodes[1]!.now());
    const before = ran();
    const answers = numbers(50).map((n) => ask(nodes[n % 2]!, 'held', quick));
    await until('one to run', () => ran() === before + 1);
    await phase(nodes[0]!, 'half_open');
    await phase(nodes[1]!, 'half_open');
    // The others have their answer while that one still runs.
    const over: string[] = [];
    for (const answer of answers) void answer.then((code) => over.push(code));
    await until('the others to be refused', () => over.length === 49);
    t.deepEqual(new Set(over), new Set(['CIRCUIT_OPEN']));
    t.is(ran(), before + 1);
    release();
    await until('it to succeed', () => over.at(-1) === 'fine');
    for (const node of nodes) await phase(node, 'closed');
    t.is(await ask(nodes[1]!, 'fine', quick), 'fine');
  });

  promised(
    'what is wrong with a request never opens it, what is wrong with the service does (S1-21)',
    async (t, stage) => {
      await open(stage);
      const node = await stage.node('caller');
      for (const way of ['invalid', 'refused'] as const) {
        const codes = await Promise.all(numbers(100).map(() => ask(node, way)));
        t.deepEqual(new Set(codes), new Set([way === 'invalid' ? 'VALIDATION' : 'REFUSED']));
      }
      t.true((stateOf(node)?.phase ?? 'closed') === 'closed');
      for (const code of [...numbers(5).map(() => 'WORKER'), 'CIRCUIT_OPEN']) t.is(await ask(node, 'worker'), code);
    },
  );

  promised('an open breaker ends the tries, and a fallback answers in its place (S1-22, S1-24)', async (t, stage) => {
    const { ran } = await open(stage);
    const node = await stage.node('caller');
    const query = contract('shop', { methods: { ask: { ...methods.ask, kind: 'query' } } });
    const settings = { breaker: { failureThreshold: 2 }, retry: { attempts: 5, delayMs: 1 }, timeoutMs: 20_000 };
    const tried = await node.client(query, settings).ask.try('broken');
    t.deepEqual([tried.ok, tried.attempts, ran()], [false, 3, 2], 'the third try was refused');
    const fallback = (error: { code: string }, input: unknown): string => `${error.code} for ${String(input)}`;
    const api = node.client(shop, { fallback });
    const saved = await api.ask.try('fine');
    t.deepEqual([saved.ok && saved.value, saved.degraded], ['CIRCUIT_OPEN for fine', 'CIRCUIT_OPEN']);
    t.is(ran(), 2);
    await node.breaker('shop.ask').reset();
    const own = await api.ask.try('refused');
    t.is(!own.ok && own.error.code, 'REFUSED', 'what a handler says on purpose is an answer');
  });

  promised('opened by hand on one node it refuses on the other, and ends by itself (S3-20)', async (t, stage) => {
    await open(stage);
    const [one, two] = [await stage.node('one'), await stage.node('two')];
    t.is(await ask(two, 'fine'), 'fine');
    const took: number[] = [];
    for (const _ of numbers(3)) {
      const startedAt = performance.now();
      await one.breaker('shop.ask').open({ reason: 'maintenance' });
      await until('it to be refused there', async () => (await ask(two, 'fine')) === 'CIRCUIT_OPEN');
      took.push(performance.now() - startedAt);
      await two.breaker('shop.ask').close({ reason: 'over' });
      await phase(one, 'closed');
    }
    t.true(Math.min(...took) <= 50, `it took ${took.join(', ')} ms`);
    await one.breaker('shop.ask').open({ reason: 'maintenance', by: 'ann', ttlMs: 250 });
    await phase(two, 'open');
    const { by, manual, reason } = stateOf(two)!;
    t.deepEqual([by, manual, reason], ['ann', true, 'maintenance']);
    await until('its time to be over', async () => (await ask(two, 'fine')) === 'fine');
  });

  promised('a breaker by hand protects any work, on all nodes (S3-17, S3-18, S3-19, S3-22)', async (t, stage) => {
    const fields = { failureThreshold: 4, openMs: 50, successThreshold: 3, rampMs: 0 };
    const [one, two] = [await stage.node('one'), await stage.node('two')];
    const [bank, same] = [one.breaker('bank', fields), two.breaker('bank', fields)];
    t.is(bank.state(), 'closed');
    const fail = (): Promise<never> => Promise.reject(new Error('away'));
    await Promise.all(numbers(100).map((n) => bank.run(() => n)));
    for (const _ of numbers(4)) await bank.run(fail).catch(() => undefined);
    await until('the other to see it', () => same.state() === 'open');
    const { successes, failures, openings } = await same.stats();
    t.deepEqual([successes, failures, openings], [100, 4, 1]);
    for (const seen of ['half_open', 'half_open', 'closed'] as const) {
      await until('a try', () => same.run(() => true).catch(() => false));
      await until(`the other to see ${seen}`, () => bank.state() === seen);
    }
    for (const act of [
      () => bank.open({ reason: 7 as unknown as string }),
      () => bank.open({} as { reason: string }),
      () => bank.open({ reason: 'for ever', ttlMs: Number.NaN }),
      () => bank.open({ reason: 'no time', ttlMs: 0 }),
      () => bank.close(undefined as unknown as { reason: string }),
      () => bank.reset({ by: '' }),
      () => one.breaker('x'.repeat(257)),
      () => one.breaker('other', { openMs: -1 }),
      () => one.breaker('other', 'unheard-of'),
    ])
      t.is((await refusal(act)).code, 'CONFIG');
    t.is(same.state(), 'closed', 'what is refused leaves no trace');
    await same.open({ reason: 'maintenance' });
    t.is((await rejection(same.run(() => 1))).code, 'CIRCUIT_OPEN');
    await bank.reset();
    const reset = await same.stats();
    t.deepEqual([reset.successes, reset.failures, reset.openings], [0, 0, 0]);
  });

  promised(
    'every node starts anew while it is open: it is tried all the same when it is time (S3-25)',
    async (t, stage) => {
      const first = await stage.node('first');
      const fields = { failureThreshold: 1, openMs: 600, successThreshold: 1 };
      await first
        .breaker('bank', fields)
        .run(() => Promise.reject(new Error('away')))
        .catch(() => undefined);
      const openUntil = stateOf(first, 'bank')!.openUntil;
      await first.close();
      const second = await stage.node('second');
      const bank = second.breaker('bank', fields);
      t.is(bank.state(), 'open');
      t.is((await rejection(bank.run(() => 1))).code, 'CIRCUIT_OPEN');
      await until('a try', () => bank.run(() => true).catch(() => false));
      t.true(second.now() >= openUntil);
      await until('it to close', () => bank.state() === 'closed');
    },
  );

  promised('a profile of the node holds for every method that names it (S3-07, S1-23)', async (t, stage) => {
    await open(stage);
    const profiles: NodeOptions['profiles'] = { breaker: { fragile: { failureThreshold: 1 } } };
    const node = await stage.node('caller', {
      profiles,
      services: { shop: { retry: false, methods: { ask: { breaker: 'fragile' }, other: { breaker: false } } } },
    });
    const api = node.client(shop);
    t.is((await rejection(api.ask('broken'))).code, 'HANDLER');
    t.is((await rejection(api.ask('fine'))).code, 'CIRCUIT_OPEN');
    t.is(await api.other(), 'other');
    const unknown: Contract = contract('shop', { methods: { ask: { breaker: 'unheard-of' } } });
    t.is((await rejection(node.client(unknown)['ask']!())).code, 'CONFIG');
  });
}
