/** What a node serves: for each actor its pool and dispatcher, whether it takes part, and how much of the work it takes. */
import type { Actor } from '../contract/actor.ts';
import type { Broker } from '../ports/broker.ts';
import { atMostOnceOf, keepMsOf } from '../contract/once.ts';
import { createPool } from '../serving/create-pool.ts';
import { DeadBound } from '../serving/dead-bound.ts';
import { Dispatcher, type DispatcherNeeds } from '../serving/dispatcher.ts';
import { wakefulTimers } from '../ground/clock.ts';
import type { Correspondence } from './correspondence.ts';
import type { Gate } from '../serving/gate.ts';
import { OnceGate } from '../serving/gates/once.ts';
import { OnceRuns } from '../serving/once/runs.ts';
import { codeOf, ConfigError, messageOf, NodeClosed } from '../ground/errors.ts';
import { KeyedServing, type KeyedNeeds } from '../keyed/keyed-serving.ts';
import { LimitsGate, type LimitsGateNeeds } from '../serving/gates/limits.ts';
import { linesOf, mailboxesOf } from '../contract/lines.ts';
import type { Log } from '../ground/log.ts';
import { parseOptions } from '../ground/parse-options.ts';
import type { Once } from '../ports/once.ts';
import { metaSchema, tagsSchema } from '../ports/report.ts';
import type { ServerMiddleware } from '../calling/middleware.ts';
import type { Policies } from '../policies/policies.ts';
import { partiesBy } from '../serving/parties.ts';
import type { Pool } from '../serving/pool.ts';
import { within } from '../ground/pause.ts';
import { withinBounds } from '../scaling/autoscale.ts';
import type { Serving } from '../serving/serve.ts';
import { refuseThreads, streaming } from '../streaming/streaming.ts';

export interface Served {
  readonly actor: Actor;
  readonly pool: Pool;
  readonly dispatcher: Dispatcher;
  readonly deadBound: DeadBound | undefined;
  readonly limits: LimitsGate;
  /** Of a keyed actor. */
  readonly keyed: KeyedServing | undefined;
  readonly serving: Serving;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Of its own; live settings may say otherwise. */
  readonly ownWeight: number;
  weight: number;
  /** Who keeps it from taking part, and why. */
  readonly out: Map<string, string>;
  hints: string;
  /** Resolves when it is served no more; undefined as long as nobody wants that. */
  leaving: Promise<void> | undefined;
}

/** What all dispatchers of a node are made of, besides what is said of the actor. */
export type DispatcherParts = Omit<
  DispatcherNeeds,
  | 'mailbox'
  | 'methods'
  | 'pool'
  | 'policy'
  | 'log'
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
  readonly log: Log;
  /** A handler has ended; `code` says how it failed; `isCall`: somebody waited. */
  ended(mailbox: string, ms: number, code: string | undefined, isCall: boolean): void;
  /** What limits are kept with. */
  readonly limiting: Pick<LimitsGateNeeds, 'limits' | 'timers'> & { nodes(service: string): number };
  /** Fetches what lay beside a mailbox; asked once nothing but its id may keep a message from being run. */
  readonly claimedBodies: Gate;
};

/** Time to hand partitions over once nothing of them runs any more, ms. */
const HAND_OVER_MS = 5_000;

export interface ServedActorsNeeds {
  readonly broker: Broker;
  readonly once: Once;
  readonly policies: Policies;
  readonly middleware: readonly ServerMiddleware[];
  readonly parts: DispatcherParts;
  readonly correspondence: Pick<Correspondence, 'outgoing' | 'presence'>;
  readonly keyed: KeyedNeeds;
  /** Of the node: what an actor does not say for itself. */
  readonly defaults: {
    readonly tags: readonly string[];
    readonly meta: Readonly<Record<string, string>>;
    readonly weight: number;
  };
}

export class ServedActors {
  readonly #needs: ServedActorsNeeds;
  readonly #served = new Map<string, Served>();
  #closed = false;

  constructor(needs: ServedActorsNeeds) {
    this.#needs = needs;
  }

  get all(): Served[] {
    return [...this.#served.values()];
  }

  entries(): Iterable<[mailbox: string, served: Served]> {
    return this.#served.entries();
  }

  /** By mailbox. */
  get(mailbox: string): Served | undefined {
    return this.#served.get(mailbox);
  }

  /** All majors of one service. */
  of(service: string): Served[] {
    return this.all.filter(({ actor }) => actor.contract.name === service);
  }

  get inFlight(): number {
    let inFlight = 0;
    for (const { dispatcher } of this.#served.values()) inFlight += dispatcher.inFlight;
    return inFlight;
  }

  /** Makes pool and dispatcher; nothing is claimed yet. @throws ConfigError, NodeClosed */
  async add(actor: Actor, serving: Serving): Promise<Served> {
    const { parts, middleware, defaults, policies, correspondence } = this.#needs;
    const { mailbox, name, methods, fair, state } = actor.contract;
    this.#refuse(mailbox);
    refuseThreads(actor, serving);
    if (state !== undefined && serving.pool === 'threads')
      throw new ConfigError(
        `serve: ${mailbox} keeps state by key, which handlers in threads cannot reach: use pool 'async'`,
      );
    const tags = parseOptions(tagsSchema, [...new Set([...defaults.tags, ...serving.tags])], 'serve.tags');
    const meta = parseOptions(metaSchema, { ...defaults.meta, ...serving.meta }, 'serve.meta');
    const { events } = parts.calling;
    const pool = await createPool(actor, serving, parts.maxBodyBytes, parts.log, middleware, (reason) =>
      events.emit('thread', { mailbox, reason }),
    );
    try {
      // Again: making a pool takes its time.
      this.#refuse(mailbox);
    } catch (thrown) {
      await pool.close(0);
      throw thrown;
    }
    const log = parts.log.child({ actor: name });
    const atMostOnce = atMostOnceOf(methods);
    const keepMs = (method: string): number => keepMsOf(methods[method]);
    const { gates, claimedBodies, limiting, ...shared } = parts;
    const { sending, maxBodyBytes } = parts;
    const runs = new OnceRuns({ once: this.#needs.once, mailbox, keepMs, atMostOnce, sending, log, maxBodyBytes });
    const streams = streaming(actor, gates, correspondence);
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
    const deadBound = this.#deadBound(actor);
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
      tags: new Set(tags),
      lines: linesOf(actor.contract),
      partyOf: fair === undefined ? undefined : partiesBy(fair),
      onEnded: (_method, ms, code, isCall) => parts.ended(mailbox, ms, code, isCall),
      onBuried: (count, code) => {
        events.emit('dead', { mailbox, count, code });
        deadBound?.buried();
      },
    };
    const keyed = actor.policy.keyed === undefined ? undefined : new KeyedServing(this.#needs.keyed, actor, base);
    const dispatcher = new Dispatcher(keyed?.parts ?? base);
    keyed?.attach(dispatcher);
    const ownWeight = serving.weight ?? defaults.weight;
    const served: Served = {
      actor,
      pool,
      dispatcher,
      limits,
      deadBound,
      keyed,
      serving,
      tags,
      meta,
      ownWeight,
      weight: policies.service(name).weight ?? ownWeight,
      out: new Map(),
      hints: '',
      leaving: undefined,
    };
    this.#served.set(mailbox, served);
    this.#applyPolicy(served, 'first');
    return served;
  }

  #deadBound(actor: Actor): DeadBound | undefined {
    const { broker, parts } = this.#needs;
    const { maxDead } = actor.policy;
    const dropped = (mailbox: string, count: number): void =>
      parts.calling.events.emit('deadDropped', { mailbox, count });
    return maxDead === undefined
      ? undefined
      : new DeadBound({ broker, timers: parts.limiting.timers, log: parts.log, dropped }, actor, maxDead);
  }

  async consume(served: Served): Promise<void> {
    const { broker } = this.#needs;
    const { dispatcher, actor } = served;
    const { mailbox } = actor.contract;
    const { maxLength, maxBytes } = actor.policy;
    await served.keyed?.open();
    const intake = served.keyed?.shared(dispatcher) ?? dispatcher;
    const limits = { maxLength, maxBytes };
    const { intakes } = dispatcher;
    if (intakes !== undefined) {
      for (const line of intakes)
        if (!line.attached) dispatcher.attachLine(line, await broker.consume(line.mailbox, limits, line));
    } else if (!dispatcher.reading) dispatcher.attach(await broker.consume(mailbox, limits, intake));
    try {
      const hints = dispatcher.hints();
      await this.#hint(actor, hints);
      served.hints = hints;
    } catch (thrown) {
      // A full backend takes no hints, but what waits shall be handled: that is how it gets room.
      if (codeOf(thrown) !== 'BACKEND_FULL') throw thrown;
    }
  }

  async remove(served: Served): Promise<void> {
    this.#served.delete(served.actor.contract.mailbox);
    await served.dispatcher.stop();
    served.limits.close();
    served.deadBound?.close();
    await served.keyed?.close();
    await served.pool.close(0);
  }

  /** Claims nothing more for it and hands back what has not started; what runs has `drainMs` to finish. */
  async drain({ actor, dispatcher, keyed }: Served, drainMs: number): Promise<void> {
    await dispatcher.stop();
    const drained = [dispatcher.drained(), ...(keyed === undefined ? [] : [keyed.retire()])];
    await within(wakefulTimers, drainMs, Promise.all(drained));
    dispatcher.giveUp(new NodeClosed(actor.contract.mailbox, 'unknown'));
    if (keyed !== undefined) await within(wakefulTimers, HAND_OVER_MS, keyed.retire());
  }

  /** Hands all partitions over, each as soon as nothing of it is in hand. */
  async handOver(): Promise<void> {
    await Promise.all(this.#keyed().map((keyed) => keyed.retire()));
  }

  /** Nothing of keyed actors is this node's any more. */
  async closeKeyed(): Promise<void> {
    await Promise.all(this.#keyed().map((keyed) => keyed.close()));
  }

  /** Who serves keyed actors may have changed; called now and then as well. */
  lookAtKeys(): void {
    for (const keyed of this.#keyed()) keyed.look();
  }

  /** Writes hints for senders where they have changed. */
  async hint(): Promise<void> {
    for (const served of this.all) {
      const hints = served.dispatcher.hints();
      if (hints === served.hints) continue;
      try {
        await this.#hint(served.actor, hints);
        served.hints = hints;
      } catch (thrown) {
        this.#needs.parts.log.debug(
          { evt: 'hint_failed', reason: messageOf(thrown) },
          'hints for senders could not be written',
        );
      }
    }
  }

  /** Beside each of its lines: whoever appends to one is told. */
  async #hint({ contract }: Actor, hints: string): Promise<void> {
    await Promise.all(mailboxesOf(contract).map((mailbox) => this.#needs.broker.hint(mailbox, hints)));
  }

  /** Somebody has a reason why an actor shall not take part, or has none any more. */
  takePart(served: Served, who: string, reason: string | undefined): void {
    if (served.out.get(who) === reason) return;
    if (reason === undefined) served.out.delete(who);
    else served.out.set(who, reason);
    const [first] = served.out.values();
    if (first === undefined) served.dispatcher.resume();
    else served.dispatcher.pause(first);
  }

  /** Live settings of a service have changed. */
  applyPolicies(service: string): void {
    for (const served of this.of(service)) this.#applyPolicy(served, 'again');
  }

  /** Nothing more is served. */
  close(): void {
    this.#closed = true;
  }

  #applyPolicy(served: Served, time: 'first' | 'again'): void {
    const { name } = served.actor.contract;
    const { concurrency, weight, scale } = this.#needs.policies.service(name);
    served.weight = weight ?? served.ownWeight;
    const { dispatcher, limits } = served;
    limits.refresh();
    const declared = concurrency ?? ownConcurrency(served);
    // Where it follows the load, the load decides, within bounds; what is declared is where it begins.
    dispatcher.resize(
      scale === false ? declared : withinBounds(time === 'first' ? declared : dispatcher.concurrency, scale),
    );
  }

  #keyed(): KeyedServing[] {
    return this.all.flatMap(({ keyed }) => keyed ?? []);
  }

  #refuse(mailbox: string): void {
    if (this.#closed) throw new NodeClosed('serve');
    if (this.#served.has(mailbox)) throw new ConfigError(`serve: this node serves ${mailbox} already`);
  }
}

/** Of a pool of threads it is their number. */
function ownConcurrency({ pool, serving, actor }: Served): number {
  return pool.kind === 'threads' ? serving.threads : actor.policy.concurrency;
}
