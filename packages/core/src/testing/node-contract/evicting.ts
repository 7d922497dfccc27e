import { z } from 'zod';
import { actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import type { ActorNode } from '../../node/node.ts';
import { gate, numbers, rejection, until, type NodeStage, type Promised } from './stage.ts';

const work = contract('work', { methods: { ask: { input: z.number(), output: z.number() }, hold: {} } });
const nobody = contract('nobody', { methods: { ask: { output: z.number() } } });

/** Beats, but too late for an impatient neighbour. */
export const LATE_BEAT = { intervalMs: 1_200, ttlMs: 3_600, stallMs: 1_200 };
const HASTY_BEAT = { intervalMs: 50, ttlMs: 250 };
/** Watches nobody in the time of a test. */
export const BLIND_BEAT = { intervalMs: 200, ttlMs: 120_000 };

/** Lets a node be taken for dead by a neighbour that has no patience, and leaves it alone after that. */
export async function evict(stage: NodeStage, node: ActorNode): Promise<void> {
  const before = node.id;
  const hasty = await stage.node('hasty', { beat: HASTY_BEAT });
  await until('the node to learn of its eviction', async () => !(await node.link()).member || node.id !== before);
  await hasty.close();
  await until('the node to join again', async () => (await node.link()).member && node.id !== before);
}

export function evicting(promised: Promised): void {
  promised('an evicted node aborts what it runs, joins under a new id and serves on', async (t, stage) => {
    const { opened, open } = gate();
    const reasons: string[] = [];
    let holding = 0;
    const server = await stage.serving(
      actor(work, {
        ask: (n) => n,
        hold: (_input, ctx) => {
          holding += 1;
          ctx.signal.addEventListener('abort', () => reasons.push((ctx.signal.reason as { code: string }).code));
          return opened;
        },
      }),
      'server',
      { beat: LATE_BEAT },
    );
    const node = await stage.node('caller', { beat: BLIND_BEAT });
    const api = node.client(work, { timeoutMs: 20_000 });
    t.is(await api.ask(1), 1);
    const held = api.hold();
    await until('the handler to run', () => holding === 1);
    const before = server.id;
    await evict(stage, server);
    t.true(server.id !== before);
    t.deepEqual(reasons, ['NOT_MEMBER']);
    await until('the held call to be taken up again', () => holding === 2);
    open();
    await held;
    t.deepEqual(await Promise.all(numbers(200).map((n) => api.ask(n))), numbers(200));
    await until('nothing to be left over', async () => (await node.depth(work)).messages === 0);
    t.is(server.stats().inFlight, 0);
  });

  promised('a node that is evicted twice still serves within its bounds', async (t, stage) => {
    let running = 0;
    let most = 0;
    const ask = async (n: number): Promise<number> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      return n;
    };
    const server = await stage.serving(actor(work, { ask, hold: () => undefined }, { concurrency: 3 }), 'server', {
      beat: LATE_BEAT,
    });
    const api = (await stage.node('caller', { beat: BLIND_BEAT })).client(work, { timeoutMs: 20_000 });
    await evict(stage, server);
    await evict(stage, server);
    t.deepEqual(await Promise.all(numbers(100).map((n) => api.ask(n))), numbers(100));
    t.is(most, 3);
  });

  promised('the calls of an evicted node that have left fail; those made later pass', async (t, stage) => {
    const caller = await stage.node('caller', { beat: LATE_BEAT });
    await stage.serving(actor(work, { ask: (n) => n, hold: () => undefined }), 'server', { beat: BLIND_BEAT });
    const lost = rejection(caller.client(nobody, { timeoutMs: 30_000 }).ask());
    await until('the call to have left', async () => (await caller.depth(nobody)).messages === 1);
    await evict(stage, caller);
    const error = await lost;
    t.is(error.code, 'NOT_MEMBER');
    t.is(error.outcome, 'unknown');
    t.is(error.retryable, true);
    t.deepEqual(
      await Promise.all(numbers(50).map((n) => caller.client(work, { timeoutMs: 20_000 }).ask(n))),
      numbers(50),
    );
    t.is(caller.stats().pendingCalls, 0);
  });

  promised('what a node sends between its eviction and its return leaves under the new id', async (t, stage) => {
    const seen: number[] = [];
    const jobs = contract('jobs', { methods: { run: { input: z.number() } } });
    await stage.serving(actor(jobs, { run: (n) => void seen.push(n) }), 'server', { beat: BLIND_BEAT });
    const sender = await stage.node('sender', { beat: LATE_BEAT });
    const api = sender.client(jobs, { timeoutMs: 20_000 });
    let sent = 0;
    let going = true;
    const sending = (async () => {
      const unknown: number[] = [];
      for (; going; sent += 1) {
        const n = sent;
        // A frame that travels just then may fail, and is then known to be unknown.
        await api.run.cast(n).catch(() => unknown.push(n));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return unknown;
    })();
    await evict(stage, sender);
    going = false;
    const unknown = await sending;
    await until('everything accepted to be handled', () => new Set([...seen, ...unknown]).size === sent);
    t.is(new Set(seen).size, seen.length, 'nothing is handled twice');
    t.true(unknown.length <= 1, `${unknown.length} casts have an unknown outcome`);
  });
}
