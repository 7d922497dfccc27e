/** Nodes whose time is turned forward, and what subscribers on them were told. */
import type { Alert, AlertLevel, NoticeWhy, RaiseOptions } from '../../alerts/alert.ts';
import type { AlertContext, AlertFilter, AlertSubscription, SubscribeOptions } from '../../alerts/subscriber.ts';
import type { Backend, Link } from '../../backend.ts';
import type { ActorNode, NodeOptions } from '../../node/node.ts';
import { jumpingClock, withClock, type JumpingClock } from '../jumping-clock.ts';
import { until, type NodeStage } from './stage.ts';

export const SECOND: number = 1_000;
export const MINUTE: number = 60 * SECOND;
/** Time is turned forward in such steps, ms: what happens in one is late by one at most. */
export const STEP_MS: number = 5 * SECOND;
/** So slow that nobody is missed while time is turned forward, and quick enough for tests in which somebody dies. */
const BEAT = { intervalMs: 200, ttlMs: 5_000 };

/** One notice as a subscriber got it. */
export interface Told {
  readonly id: string;
  readonly kind: string;
  readonly why: NoticeWhy;
  readonly severity: Alert['severity'];
  /** Backend time, ms. */
  readonly at: number;
  readonly digest: AlertContext['digest'];
}

export interface Ear {
  readonly told: Told[];
  readonly subscription: AlertSubscription;
  /** Kinds in the order in which they came. */
  kinds(): readonly string[];
}

export class AlertStage {
  readonly clock: JumpingClock = jumpingClock();
  readonly #stage: NodeStage;
  readonly #links: Link[] = [];

  constructor(stage: NodeStage) {
    this.#stage = stage;
  }

  async node(name: string, settings: NodeOptions = {}): Promise<ActorNode> {
    const inner = withClock(settings.backend ?? this.#stage.backend(), this.clock);
    const backend: Backend = {
      name: inner.name,
      connect: async (identity) => {
        const link = await inner.connect(identity);
        this.#links.push(link);
        return link;
      },
    };
    // A machine under load would hurt by itself.
    const alerts = { sources: false, ...settings.alerts } as const;
    return this.#stage.node(name, { beat: BEAT, ...settings, alerts, backend });
  }

  async nodes(...names: string[]): Promise<ActorNode[]> {
    return Promise.all(names.map((name) => this.node(name)));
  }

  /** Turns time forward in steps; what one sets off has come to its end before the next. */
  async pass(ms: number, stepMs: number = STEP_MS): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await this.clock.jump(Math.min(stepMs, ms - passed));
      await this.settle();
    }
  }

  /** Whatever a node does at once, with a few round trips one after the other, is done. */
  async settle(): Promise<void> {
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(this.#links.map((link) => link.alerts.due(0, 1)));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Subscribes, and keeps what comes. */
export function listen(
  node: ActorNode,
  filter: AlertFilter | AlertLevel,
  options: SubscribeOptions = {},
  react?: (alert: Alert, ctx: AlertContext) => unknown,
): Ear {
  const told: Told[] = [];
  const wanted = typeof filter === 'string' ? { level: filter } : filter;
  const subscription = node.alerts.subscribe(
    wanted,
    async (alert, ctx) => {
      const { id, kind, severity } = alert;
      told.push({ id, kind, severity, why: ctx.notice.why, at: node.now(), digest: ctx.digest });
      await react?.(alert, ctx);
    },
    { name: `${node.name}-${wanted.level ?? 'any'}`, ...options },
  );
  return { told, subscription, kinds: () => told.map(({ kind }) => kind) };
}

/** The alert of this kind, as the backend has it. */
export async function stored(node: ActorNode, kind: string): Promise<Alert | undefined> {
  return (await node.alerts.list({ kind, state: 'all' }))[0];
}

export function pain(kind: string, severity: RaiseOptions['severity'], more: Partial<RaiseOptions> = {}): RaiseOptions {
  return { kind, severity, message: `${kind} hurts`, ...more };
}

export async function heard(ear: Ear, times: number): Promise<void> {
  await until(`${times} notices`, () => ear.told.length >= times);
}
