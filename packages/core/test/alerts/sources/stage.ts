/** Sources around a real node, as its runtime wires them; what a test is not about is quiet. */
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import type { AlertRecord } from '../../../src/alerts/alert.ts';
import type { SourcesNeeds } from '../../../src/alerts/sources/needs.ts';
import { sourcesSchema, type SourcesOptions } from '../../../src/alerts/sources/options.ts';
import { startSources, type Sources } from '../../../src/alerts/sources/sources.ts';
import type { Backend, Link } from '../../../src/backend.ts';
import { hash32 } from '../../../src/balance/hash.ts';
import type { Contract } from '../../../src/contract/contract.ts';
import { systemTimers } from '../../../src/ground/clock.ts';
import { parseOptions } from '../../../src/ground/parse-options.ts';
import type { Log } from '../../../src/ground/log.ts';
import { Emitter } from '../../../src/node/events.ts';
import type { ActorNode } from '../../../src/node/node.ts';
import type { NodeReport } from '../../../src/ports/report.ts';
import { serviceOf } from '../../../src/registry/instance.ts';
import { waitFor } from '../../../src/testing/wait-for.ts';
import { Heard } from './heard.ts';

/** No test is about the load of the machine that it runs on, unless it says so. */
const QUIET: SourcesOptions = { memory: false, cpu: false, connections: false, eventLoop: false };

export const log: Log = pino({ level: 'silent' });

export interface Stage {
  readonly heard: Heard;
  readonly sources: Sources;
  /** Tells the sources of a change of an alert. */
  tell(before: AlertRecord | undefined, after: AlertRecord | undefined): void;
}

export type Over = Partial<Omit<SourcesNeeds, 'policy'>> & { readonly policy?: SourcesOptions };

/** Sources without a node. */
export function alone(t: ExecutionContext, { policy, ...over }: Over = {}): Stage {
  const { selfId = () => 'self-1' } = over;
  const heard = new Heard(selfId);
  const listeners = new Set<Parameters<SourcesNeeds['onAlert']>[0]>();
  const sources = startSources({
    policy: parseOptions(sourcesSchema, { ...QUIET, ...policy }, 'sources'),
    signal: heard,
    events: new Emitter(log),
    timers: systemTimers,
    log,
    stallMs: 1_000,
    selfId,
    rank: () => 0,
    lives: () => true,
    isServed: () => true,
    alerts: () => heard.records(),
    onAlert: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    served: () => [],
    numbers: () => undefined,
    depth: () => Promise.reject(new Error('not of this test')),
    sentTo: () => [],
    callStats: () => ({}),
    backendMemory: () => undefined,
    ...over,
  });
  t.teardown(() => sources.close());
  return { heard, sources, tell: (before, after) => listeners.forEach((listener) => listener({ before, after })) };
}

/** Sources of this node, by what it says of itself. */
export function around(t: ExecutionContext, node: ActorNode, over: Over = {}): Stage {
  return alone(t, {
    events: node,
    selfId: () => node.id,
    rank: (text) => rankOf(text, node.id, node.registry.nodes()),
    lives: (nodeId) => node.registry.nodes().includes(nodeId),
    isServed: (mailbox) =>
      node.registry.instances(serviceOf(mailbox), { status: 'any' }).some((one) => one.mailbox === mailbox),
    depth: (mailbox) => node.depth({ mailbox } as Contract),
    numbers: (mailbox) => node.lag({ mailbox } as Contract),
    ...over,
  });
}

/** A member without a node: it can say anything of itself. */
export async function member(
  t: ExecutionContext,
  backend: Backend,
  name: string,
  report: () => Omit<NodeReport, 'name' | 'pid' | 'host' | 'startedAt'> = () => ({ status: 'healthy', serves: {} }),
  beat: { readonly intervalMs: number; readonly ttlMs: number } = { intervalMs: 100, ttlMs: 1_000 },
): Promise<{ readonly id: string; readonly link: Link }> {
  const whole = { ...beat, stallMs: 1_000, evictMs: 30_000 };
  const link = await backend.connect({ name, namespace: 'homeostat', beat: whole, log });
  t.teardown(() => link.close());
  const id = await link.membership.join(
    {
      report: () => ({ name, pid: 1, host: 'there', startedAt: 0, ...report() }),
      vitals: () => ({ inFlight: 0, load: 0, loopDelayMs: 0, memoryMb: 1, actors: {}, serviceMs: {}, checks: {} }),
    },
    { evicted: () => {}, inbox: () => {}, news: () => {}, alerts: () => {}, beaten: () => {} },
  );
  return { id, link };
}

/** Rendezvous: each node has its own weight for each text. */
export function rankOf(text: string, self: string, nodes: readonly string[]): number {
  const own = hash32(`${text} ${self}`);
  return nodes.filter((id) => id !== self && hash32(`${text} ${id}`) > own).length;
}

export const until = (what: string, condition: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<unknown> =>
  waitFor(condition, { withinMs, what });
