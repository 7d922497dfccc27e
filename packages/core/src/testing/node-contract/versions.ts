import { z } from 'zod';
import { actor, type Actor } from '../../contract/actor.ts';
import { contract } from '../../contract/contract.ts';
import type { ActorNode } from '../../node/node.ts';
import { numbers, rejection, until, type Promised } from './stage.ts';

const methods = { who: { input: z.string(), output: z.string(), errors: { NO: z.null() } } } as const;
const first = contract('users', { version: '1.0.0', methods });
const minor = contract('users', { version: '1.1.0', methods });
const nobody = contract('nobody', { methods: { ask: {} } });
const second = contract('users', { version: '2.0.0', methods });

function naming(of: typeof first): Actor<typeof methods> {
  return actor(of, {
    who: (way, ctx) => {
      if (way === 'no') throw ctx.fail('NO', null);
      if (way === 'break') throw new Error('it broke');
      return of.version;
    },
  });
}

function known(node: ActorNode, count: number): Promise<unknown> {
  return until(`${count} to be known`, () => node.registry.instances('users').length === count);
}

async function shares(node: ActorNode, of: typeof first, calls: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const api = node.client(of);
  for (const version of await Promise.all(numbers(calls).map(() => api.who(''))))
    counts[version] = (counts[version] ?? 0) + 1;
  return counts;
}

export function versions(promised: Promised): void {
  promised(
    'a client turns to the old version when nobody serves the new one, and only then (S1-16)',
    async (t, stage) => {
      const node = await stage.node('caller');
      const api = node.client(second, { fallback: first, retry: false, timeoutMs: 20_000 });
      t.is((await rejection(api.who('', { timeoutMs: 50 }))).code, 'CALL_TIMEOUT', 'for the old one it waits');
      await stage.serving(naming(first), 'behind');
      await known(node, 1);
      t.is(await api.who(''), '1.0.0', 'the new one was never there');
      const ahead = await stage.serving(naming(second), 'ahead');
      await known(node, 2);
      t.is(await api.who(''), '2.0.0');
      t.is((await rejection(api.who('no'))).code, 'NO', 'what a handler says on purpose is an answer');
      t.is((await rejection(api.who('break'))).code, 'HANDLER', 'and so is its failure');
      await ahead.close();
      await known(node, 1);
      const result = await api.who.try('');
      t.deepEqual([result.ok && result.value, result.degraded], ['1.0.0', 'NO_HEALTHY_INSTANCES']);
      t.is((await rejection(api.who('no'))).code, 'NO');
      await stage.serving(naming(second), 'again');
      await known(node, 2);
      t.is(await api.who(''), '2.0.0');
    },
  );

  promised('a share of the calls goes to a canary, of the same major version or another', async (t, stage) => {
    await stage.serving(naming(first), 'one');
    await stage.serving(naming(first), 'two');
    const canary = await stage.serving(naming(minor), 'canary');
    await stage.serving(naming(second), 'next');
    const node = await stage.node('caller');
    await known(node, 4);
    const set = async (version: string, share: number): Promise<void> => {
      const { revision } = await canary.config.set('users', { canary: { version, share } });
      await until('it to be known', () => node.config.get('users').revision === revision);
    };
    await set('1.1', 0.2);
    t.deepEqual(await shares(node, first, 100), { '1.0.0': 80, '1.1.0': 20 });
    await set('2', 0.5);
    const { '2.0.0': next, ...rest } = await shares(node, first, 60);
    t.is(next, 30);
    t.deepEqual(Object.keys(rest).toSorted(), ['1.0.0', '1.1.0']);
    await set('1.1', 0);
    t.deepEqual(await shares(node, first, 20), { '1.0.0': 20 });
    await set('1.1', 1);
    t.deepEqual(await shares(node, first, 20), { '1.1.0': 20 });
    await canary.close();
    await known(node, 3);
    t.deepEqual(await shares(node, first, 20), { '1.0.0': 20 }, 'without a canary the others take all');
    await node.config.set('nobody', { canary: { version: '2', share: 0.5 }, failFast: true });
    t.is((await rejection(node.client(nobody, { timeoutMs: 20_000 }).ask())).code, 'SERVICE_NOT_FOUND');
  });
}
