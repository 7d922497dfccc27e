import { pino } from 'pino';
import type { Backend, Link } from '../../src/backend.ts';
import type { BeatOptions, Claim, NodeIdentity } from '../../src/ports/broker.ts';
import type { NodeReport, NodeVitals, Presence } from '../../src/ports/membership.ts';

export const BEAT: BeatOptions = { intervalMs: 1_000, ttlMs: 3_000, stallMs: 1_000, evictMs: 30_000 };
export const LIMITS = { maxLength: 1_000, maxBytes: 1_000_000 };

export function identity(name: string, beat: BeatOptions = BEAT, namespace = 'own'): NodeIdentity {
  return { name, namespace, beat, log: pino({ level: 'silent' }) };
}

function report(name: string): NodeReport {
  return { name, pid: 1, host: 'here', startedAt: 1, status: 'healthy', serves: {} };
}

const VITALS: NodeVitals = {
  inFlight: 0,
  load: 0,
  loopDelayMs: 0,
  memoryMb: 1,
  actors: {},
  serviceMs: {},
  checks: {},
};

export function presence(name: string): Presence {
  return { report: () => report(name), vitals: () => VITALS };
}

export async function memberIds(link: Link): Promise<string[]> {
  return (await link.membership.members()).members.map((member) => member.id);
}

export interface Joined {
  readonly link: Link;
  readonly id: string;
  readonly evictions: string[];
}

export async function join(backend: Backend, who: NodeIdentity): Promise<Joined> {
  const link = await backend.connect(who);
  const evictions: string[] = [];
  const id = await link.membership.join(presence(who.name), {
    evicted: (reason) => evictions.push(reason),
    inbox: () => undefined,
    news: () => undefined,
    alerts: () => undefined,
    beaten: () => undefined,
  });
  return { link, id, evictions };
}

export async function reader(link: Link, mailbox: string, room: number): Promise<Claim[]> {
  const claims: Claim[] = [];
  await link.broker.consume(mailbox, LIMITS, {
    room: () => room - claims.length,
    take: (more) => claims.push(...more),
  });
  return claims;
}
