/** What an actor is served with: its dispatcher, and what that is made of. Nothing is claimed yet. */
import type { Actor } from '../../contract/actor.ts';
import { linesOf } from '../../contract/lines.ts';
import { atMostOnceOf, keepMsOf } from '../../contract/once.ts';
import { parseOptions } from '../../ground/parse-options.ts';
import { KeyedServing, type KeyedNeeds } from '../../keyed/keyed-serving.ts';
import type { Policies } from '../../policies/policies.ts';
import type { Broker } from '../../ports/broker.ts';
import type { Once } from '../../ports/once.ts';
import { metaSchema, tagsSchema } from '../../ports/report.ts';
import type { PresenceOf } from '../../registry/presence-of.ts';
import { DeadBound } from '../../serving/dead-bound.ts';
import { Dispatcher } from '../../serving/dispatcher.ts';
import type { DispatcherNeeds } from '../../serving/dispatcher-needs.ts';
import type { Gate } from '../../serving/gate.ts';
import { LimitsGate, type LimitsGateNeeds } from '../../serving/gates/limits.ts';
import { OnceGate } from '../../serving/gates/once.ts';
import { OnceRuns } from '../../serving/once/runs.ts';
import { partiesBy } from '../../serving/parties.ts';
import type { Pool } from '../../serving/pool.ts';
import type { Serving } from '../../serving/serve.ts';
import type { OutgoingStreams } from '../../streaming/outgoing-streams.ts';
import { streaming } from '../../streaming/streaming.ts';
import type { Served } from './served.ts';

/** What all dispatchers of a node are made of, besides what is said of the actor. */
export type DispatcherParts = Omit<
  DispatcherNeeds,
  | 'mailbox'
  | 'methods'
  | 'pool'
  | 'policy'
  | 'frames'
  | 'lines'
  | 'partyOf'
  | 'tags'
  | 'streams'
  | 'once'
  | 'atMostOnce'
  | 'onEnded'
  | 'onBuried'
> & {
  /** A handler has ended; `code` says how it failed; `isCall`: somebody waited. */
  ended(mailbox: string, ms: number, code: string | undefined, isCall: boolean): void;
  /** What limits are kept with. */
  readonly limiting: Pick<LimitsGateNeeds, 'limits' | 'timers'> & { nodes(service: string): number };
  /** Fetches what lay beside a mailbox; asked once nothing but its id may keep a message from being run. */
  readonly claimedBodies: Gate;
};

export interface ServedNeeds {
  readonly broker: Broker;
  readonly once: Once;
  readonly policies: Policies;
  readonly parts: DispatcherParts;
  readonly correspondence: { readonly outgoing: OutgoingStreams; readonly presence: PresenceOf };
  readonly keyed: KeyedNeeds;
  /** Of the node: what an actor does not say for itself. */
  readonly defaults: Labels & { readonly weight: number };
}

/** What an instance is known by, besides its name. */
export interface Labels {
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
}

/** @throws ConfigError */
export function labelsOf(defaults: Labels, serving: Labels): Labels {
  const tags = [...new Set([...defaults.tags, ...serving.tags])];
  const meta = { ...defaults.meta, ...serving.meta };
  return {
    tags: parseOptions(tagsSchema, tags, 'serve.tags'),
    meta: parseOptions(metaSchema, meta, 'serve.meta'),
  };
}

export function makeServed(needs: ServedNeeds, actor: Actor, serving: Serving, labels: Labels, pool: Pool): Served {
  const { parts, policies, defaults } = needs;
  const { mailbox, name, methods, fair } = actor.contract;
  const { gates, claimedBodies, limiting, ...shared } = parts;
  const { sending, maxBodyBytes } = parts;
  const log = parts.log.child({ actor: name });
  const atMostOnce = atMostOnceOf(methods);
  const keepMs = (method: string): number => keepMsOf(methods[method]);
  const runs = new OnceRuns({ once: needs.once, mailbox, keepMs, atMostOnce, sending, log, maxBodyBytes });
  const streams = streaming(actor, gates, needs.correspondence);
  const limits = new LimitsGate({
    ...limiting,
    service: name,
    methods: Object.keys(methods),
    log: parts.log,
    policy: (method) => policies.method(name, method, { limits: methods[method]?.limits }).limits,
    nodes: () => limiting.nodes(name),
    places: () => dispatcher.concurrency,
    serviceMs: () => dispatcher.serviceMs ?? dispatcher.times.typical,
  });
  const deadBound = deadBoundOf(needs, actor);
  const base: DispatcherNeeds = {
    ...shared,
    ...streams,
    frames: () => limits.frames(),
    mailbox,
    methods: new Set(Object.keys(methods)),
    pool,
    policy: actor.policy,
    log,
    once: runs,
    atMostOnce,
    // Last: whatever it lets pass runs.
    gates: [...(streams.gates ?? gates ?? []), limits, claimedBodies, new OnceGate(runs)],
    tags: new Set(labels.tags),
    lines: linesOf(actor.contract),
    partyOf: fair === undefined ? undefined : partiesBy(fair),
    onEnded: (_method, ms, code, isCall) => parts.ended(mailbox, ms, code, isCall),
    onBuried: (count, code) => {
      parts.calling.events.emit('dead', { mailbox, count, code });
      deadBound?.buried();
    },
  };
  const keyed = actor.policy.keyed === undefined ? undefined : new KeyedServing(needs.keyed, actor, base);
  const dispatcher = new Dispatcher(keyed?.parts ?? base);
  keyed?.attach(dispatcher);
  const ownWeight = serving.weight ?? defaults.weight;
  return {
    actor,
    pool,
    dispatcher,
    limits,
    deadBound,
    keyed,
    serving,
    ...labels,
    ownWeight,
    weight: policies.service(name).weight ?? ownWeight,
    out: new Map(),
    hints: '',
    leaving: undefined,
  };
}

function deadBoundOf({ broker, parts }: ServedNeeds, actor: Actor): DeadBound | undefined {
  const { maxDead } = actor.policy;
  if (maxDead === undefined) return undefined;
  const dropped = (mailbox: string, count: number): void =>
    parts.calling.events.emit('deadDropped', { mailbox, count });
  return new DeadBound({ broker, timers: parts.limiting.timers, log: parts.log, dropped }, actor, maxDead);
}
