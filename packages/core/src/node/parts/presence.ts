/** What a node tells of itself: its report, which changes seldom, and its vitals, rounded so that an idle node repeats itself. */
import { hostname } from 'node:os';
import type { Actor } from '../../contract/actor.ts';
import type { Dispatcher } from '../../serving/dispatcher.ts';
import type { Health } from '../../health/health.ts';
import type { Presence } from '../../ports/membership.ts';
import type { ActorVitals, NodeReport, NodeVitals, ServedReport } from '../../ports/report.ts';

/** One served actor, as far as others are told of it. */
export interface ServedActor {
  readonly actor: Actor;
  readonly dispatcher: Pick<Dispatcher, 'concurrency' | 'inFlight' | 'load' | 'serviceMs' | 'times'>;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weight: number;
  readonly serving: { readonly external: boolean };
  /** Given while it is on its way out. */
  readonly leaving?: Promise<void> | undefined;
}

/** How the node and what it serves feel. */
export type Feelings = Pick<Health, 'checks' | 'loopDelayMs' | 'nodeStatus' | 'statusOf' | 'vitals'>;

export interface PresenceNeeds {
  readonly name: string;
  readonly startedAt: number;
  readonly feelings: Feelings;
  served(): Iterable<[mailbox: string, served: ServedActor]>;
  /** `starting` and `draining` are above what checks say; otherwise undefined. */
  stage(): 'starting' | 'draining' | undefined;
  /** Levels of alerts that are subscribed to here. */
  hears(): readonly string[];
}

const MEMORY_STEP_MB = 16;
const DELAY_STEP_MS = 10;

export class NodePresence implements Presence {
  readonly #needs: PresenceNeeds;

  constructor(needs: PresenceNeeds) {
    this.#needs = needs;
  }

  report(): NodeReport {
    const { name, startedAt, feelings, served } = this.#needs;
    const serves: Record<string, ServedReport> = {};
    const now = this.#needs.stage();
    for (const [mailbox, { actor, tags, meta, weight, serving, leaving }] of served()) {
      const { version, methods, priorities, fair } = actor.contract;
      const stage = now ?? (leaving === undefined ? undefined : 'draining');
      const own = stage === undefined ? feelings.statusOf(mailbox) : { status: stage };
      serves[mailbox] = {
        version,
        methods: Object.keys(methods),
        ...own,
        weight,
        tags,
        meta,
        ...(serving.external ? { external: true } : undefined),
        ...(priorities === true ? { priorities } : undefined),
        ...(fair === undefined ? undefined : { fair: true }),
        ...(actor.policy.keyed === undefined ? undefined : { partitions: actor.policy.keyed.partitions }),
      };
    }
    const standing = now === undefined ? feelings.nodeStatus() : { status: now };
    const hears = this.#needs.hears();
    const ears = hears.length === 0 ? undefined : { hears };
    return { name, pid: process.pid, host: hostname(), startedAt, ...standing, serves, ...ears };
  }

  vitals(): NodeVitals {
    const { feelings, served } = this.#needs;
    const serviceMs: Record<string, number> = {};
    const actors: Record<string, ActorVitals> = {};
    let inFlight = 0;
    let places = 0;
    for (const [mailbox, { dispatcher }] of served()) {
      for (const [method, ms] of dispatcher.times.entries()) serviceMs[`${mailbox}/${method}`] = rough(ms);
      const { score, responseMs = dispatcher.serviceMs } = feelings.vitals(mailbox);
      actors[mailbox] = {
        inFlight: dispatcher.inFlight,
        load: rough(dispatcher.load),
        score: rough(score),
        ...(responseMs === undefined ? undefined : { responseMs: rough(responseMs) }),
      };
      inFlight += dispatcher.inFlight;
      places += dispatcher.concurrency;
    }
    return {
      inFlight,
      load: places === 0 ? 0 : rough(Math.min(1, inFlight / places)),
      loopDelayMs: step(feelings.loopDelayMs, DELAY_STEP_MS),
      memoryMb: step(process.memoryUsage.rss() / 1_048_576, MEMORY_STEP_MB),
      actors,
      serviceMs,
      checks: feelings.checks(),
    };
  }
}

/** Two digits. */
function rough(value: number): number {
  return Number(value.toPrecision(2));
}

function step(value: number, width: number): number {
  return Math.round(value / width) * width;
}
