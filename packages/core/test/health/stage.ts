/** A `Health` on a virtual clock, with fakes of everything around it. */
import { pino } from 'pino';
import { Emitter } from '../../src/node/events.ts';
import { Health } from '../../src/health/health.ts';
import type { HealthNeeds, Hurt, InstanceView } from '../../src/health/needs.ts';
import type { Facts } from '../../src/health/readiness.ts';
import { virtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';

export const SELF = 'self-1';
export const BEAT_MS = 1_000;

type Mutable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

export interface Stage extends Disposable {
  readonly clock: VirtualClock;
  readonly health: Health;
  readonly events: Emitter;
  /** What the registry says, by service. */
  readonly instances: Map<string, InstanceView[]>;
  readonly facts: Mutable<Facts>;
  /** Rotation: `users@1 out`. */
  readonly rotations: string[];
  readonly hurts: Hurt[];
  readonly pings: string[];
  /** How often it was said that something changed. */
  changes: number;
  /** Longest delay of the loop that the next beat sees, ms. */
  delayMs: number;
  ping: () => Promise<void>;
  roundTrip: () => Promise<unknown>;
}

export function setUp(needs: Partial<HealthNeeds> = {}): Stage {
  const clock = virtualClock();
  const log = pino({ level: 'silent' });
  const events = new Emitter(log);
  const instances = new Map<string, InstanceView[]>();
  const rotations: string[] = [];
  const hurts: Hurt[] = [];
  const pings: string[] = [];
  const facts = { member: true, backendConnected: true, lastBeatAt: 0, draining: false };
  const health = new Health({
    timers: clock,
    log,
    events,
    registry: {
      instances: (service) => instances.get(service) ?? [],
      services: () => [...instances.keys()],
    },
    ping: async (service) => {
      pings.push(service);
      await stage.ping();
    },
    backendHealth: async () => ({ connected: true, connections: 3, pingMs: 1 }),
    roundTrip: () => stage.roundTrip(),
    facts: () => facts,
    selfId: () => SELF,
    beatMs: BEAT_MS,
    stallMs: 1_000,
    evictMs: 30_000,
    hooks: {
      rotation: (mailbox, to) => rotations.push(`${mailbox} ${to}`),
      hurt: (hurt) => hurts.push(hurt),
      changed: () => (stage.changes += 1),
    },
    loopDelay: { takeMs: () => stage.delayMs, close: () => {} },
    random: () => 0.5,
    ...needs,
  });
  const stage: Stage = {
    clock,
    health,
    events,
    instances,
    facts,
    rotations,
    hurts,
    pings,
    changes: 0,
    delayMs: 0,
    ping: async () => {},
    roundTrip: async () => 1,
    [Symbol.dispose]: () => health.close(),
  };
  return stage;
}
