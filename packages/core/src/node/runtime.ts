/** A node's life: join, serve, rejoin after an eviction, drain. What it is made of is put together here. */
import type { Actor } from '../contract/actor.ts';
import type { Sources } from '../alerts/sources/sources.ts';
import type { Balancer } from '../balance/balancer.ts';
import type { BackendMemory, Link } from '../backend.ts';
import type { Batch } from '../serving/batch.ts';
import { fullJitter } from '../ground/backoff.ts';
import type { Calling } from '../calling/calling.ts';
import { ClaimCheck } from '../calling/claim-check.ts';
import { ClaimedBodies } from '../serving/gates/claim-check.ts';
import { systemTimers, wakefulTimers, type Clock, type Timers } from '../ground/clock.ts';
import { Deadlines } from '../ground/deadlines.ts';
import type { Dispatcher } from '../serving/dispatcher.ts';
import { Correspondence } from './correspondence.ts';
import { codeOf, ConfigError, messageOf, NodeClosed } from '../ground/errors.ts';
import type { Emitter } from './events.ts';
import { Flusher } from '../ground/flusher.ts';
import { Health } from '../health/health.ts';
import type { MailboxDepth } from '../ports/broker.ts';
import type { Log } from '../ground/log.ts';
import { loop, sleep } from '../ground/loop.ts';
import type { ClientMiddleware, ServerMiddleware } from '../calling/middleware.ts';
import type { NodeStats } from './node.ts';
import type { NodePolicy } from './options.ts';
import { Participation } from './participation.ts';
import type { Policies } from '../policies/policies.ts';
import { NodePresence } from './presence.ts';
import { serviceOf } from '../registry/instance.ts';
import { Replies } from '../sending/replies.ts';
import { within } from '../ground/pause.ts';
import { pipelineNeeds } from '../resilience/pipeline.ts';
import { Routing } from '../calling/routing.ts';
import { Scaler } from '../scaling/scaler.ts';
import { ScheduledFunctions } from '../schedules/functions.ts';
import { Sending } from '../sending/sending.ts';
import { depthOf } from './depths.ts';
import { SplitMailboxes } from '../calling/split-mailboxes.ts';
import { pingHere, pingLine, sendPing } from '../calling/send-ping.ts';
import { ServedActors, type Served } from './served-actors.ts';
import { serveOptions, type Serving } from '../serving/serve.ts';
import { Settler } from '../serving/settler.ts';
import { startSenses } from './senses.ts';
import { SharedState } from './shared-state.ts';
import { newStats, type Stats } from './stats.ts';
import { TopicRoom } from '../topics/topic-room.ts';

/** Wait between two tries to join again, ms; grows, with jitter. */
const REJOIN_MS = 50;
const REJOIN_MAX_MS = 2_000;
/** How often hints for senders and the node's part of the work are looked at; they change seldom, ms. */
const LOOK_MS = 1_000;
/** Time for the last answers and settlements to leave once nothing runs any more, ms. */
const FLUSH_MS = 5_000;
/** What a handler of this node is to blame for; other codes are its answers. */
const BLAMED: ReadonlySet<string> = new Set(['HANDLER', 'HANDLER_TIMEOUT', 'INTERNAL', 'WORKER']);

export interface RuntimeNeeds {
  readonly link: Link;
  readonly policy: NodePolicy;
  readonly policies: Policies;
  readonly events: Emitter;
  readonly log: Log;
  readonly balancer: Balancer;
  readonly clientMiddleware: readonly ClientMiddleware[];
  readonly serverMiddleware: readonly ServerMiddleware[];
}

export class Runtime {
  readonly policy: NodePolicy;
  readonly sending: Sending;
  readonly calling: Calling;
  readonly shared: SharedState;
  readonly health: Health;
  readonly scaler: Scaler;
  readonly actors: ServedActors;
  readonly functions: ScheduledFunctions;
  readonly topics: TopicRoom;
  id = '';
  member = false;
  readonly #link: Link;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #flusher = new Flusher();
  readonly #deadlines: Deadlines;
  readonly #replies: Replies;
  readonly #correspondence: Correspondence;
  readonly #stats: Stats = newStats();
  readonly #participation: Participation;
  readonly #presence: NodePresence;
  readonly #closing = new AbortController();
  /** Mailbox → what ends the care for it. */
  readonly #lookedAfter = new Map<string, () => void>();
  #settler: Settler;
  #lostSettlements = 0;
  #rejoining: Promise<void> | undefined;
  #stage: 'starting' | 'draining' | undefined = 'starting';
  #closed = false;
  #lastBeatAt: number | undefined;
  #connected = true;
  #backendMemory: BackendMemory | undefined;
  readonly #sources: Sources;
  #announcing = false;

  constructor(needs: RuntimeNeeds) {
    const { link, policy, policies, balancer, events, log, clientMiddleware, serverMiddleware } = needs;
    this.policy = policy;
    this.#link = link;
    this.#log = log.child({ node: policy.name });
    const { clock: hands, setTimer } = link.timers ?? systemTimers;
    this.#clock = { now: () => link.now(), elapsed: () => hands.elapsed() };
    const timers: Timers = { clock: this.#clock, setTimer };
    const wakeful: Timers = { clock: this.#clock, setTimer: (link.timers ?? wakefulTimers).setTimer };
    const memberId = (): string => this.id;
    this.#deadlines = new Deadlines(this.#clock, wakeful.setTimer);
    this.#replies = new Replies(this.#clock, this.#deadlines, this.#log, policy.maxBodyBytes, (frame, envelope) =>
      this.#correspondence.take(frame, envelope),
    );
    this.#settler = this.#newSettler();
    this.sending = new Sending({
      broker: link.broker,
      clock: this.#clock,
      deadlines: this.#deadlines,
      flusher: this.#flusher,
      replies: this.#replies,
      timeoutMs: policy.timeoutMs,
      maxBodyBytes: policy.maxBodyBytes,
      memberId,
      ready: (signal) => link.ready(signal),
      full: (mailbox, level) => this.#sources.mailboxFull(mailbox, level),
      failed: (error) => this.#sources.backendFailed(error),
      split: (mailbox, partitions) => this.calling.split.learn(mailbox, partitions),
    });
    this.shared = new SharedState({
      ...{ link, policy, policies, balancer, timers, wakeful, events, memberId },
      log: this.#log,
      isMember: () => this.member,
      mailboxFull: (mailbox, level) => this.#sources.mailboxFull(mailbox, level),
      tagsOf: (service) => this.actors.of(service).flatMap(({ tags }) => tags),
      alongside: { apply: (item) => this.topics.telling.apply(item), resync: () => this.topics.telling.resync() },
      changed: () => this.#tellChange(),
      gone: (nodeId) => this.#correspondence.gone(nodeId),
    });
    const { registry, breaking, schedules } = this.shared;
    this.functions = new ScheduledFunctions({
      ...{ schedules, timers: wakeful, log: this.#log },
      serve: (actor) => this.serve(actor, serveOptions({}, actor)),
      unserve: (mailbox) => this.unserve(mailbox, policy.drainMs),
    });
    this.#correspondence = new Correspondence({
      ...{ sending: this.sending, registry, membership: link.membership, clock: this.#clock },
      deadlines: this.#deadlines,
      log: this.#log,
      dispatchers: () => this.actors.all.map(({ dispatcher }) => dispatcher),
    });
    this.calling = {
      sending: this.sending,
      policies,
      events,
      streams: this.#correspondence.incoming,
      cancelling: this.#correspondence.cancelling,
      middleware: clientMiddleware,
      sendHooks: new Set(),
      routing: new Routing({ registry, balancer, local: (mailbox) => this.#local(mailbox) }),
      resilience: pipelineNeeds({
        link,
        timers: wakeful,
        breaking,
        log: this.#log,
        maxBodyBytes: policy.maxBodyBytes,
        budgetSpent: (service) => this.#sources.retryRefused(service),
      }),
      claimCheck: new ClaimCheck(link.state),
      watch: {
        watchesCalls: (service) => this.#sources.watchesCalls(service),
        called: (service, method, error) => this.#sources.called(service, method, error),
      },
      split: new SplitMailboxes({
        partitions: link.partitions,
        registry,
        clock: this.#clock,
        busy: (mailbox) => this.sending.busy(mailbox),
      }),
    };
    this.actors = new ServedActors({
      broker: link.broker,
      once: link.once,
      policies,
      middleware: serverMiddleware,
      defaults: policy,
      correspondence: this.#correspondence,
      keyed: {
        partitions: link.partitions,
        broker: link.broker,
        registry,
        split: this.calling.split,
        flusher: this.#flusher,
      },
      parts: {
        calling: this.calling,
        sending: this.sending,
        deadlines: this.#deadlines,
        clock: this.#clock,
        log: this.#log,
        stats: this.#stats,
        maxBodyBytes: policy.maxBodyBytes,
        settler: () => this.#settler,
        memberId,
        mark: (batch, index) => this.#mark(batch, index),
        announcedElsewhere: (mailbox, method) => registry.knows(mailbox, method, this.id),
        satisfiedElsewhere: (mailbox, tags) => this.#satisfiedElsewhere(mailbox, tags),
        gates: this.#correspondence.gates,
        claimedBodies: new ClaimedBodies(this.calling.claimCheck),
        limiting: {
          limits: link.limits,
          timers: wakeful,
          nodes: (service) => registry.peek(service).length,
        },
        ended: (mailbox, ms, code, isCall) => {
          const failed = code !== undefined && BLAMED.has(code);
          this.health.outcome(mailbox, ms, failed);
          this.#sources.ended(mailbox, ms, failed, code, isCall);
        },
      },
    });
    this.topics = new TopicRoom({
      ...{ topics: link.topics, records: link.records, timers, events, memberId },
      sending: this.sending,
      calling: this.calling,
      log: this.#log,
      nodeName: policy.name,
      nodes: () => registry.nodes(),
      isMember: () => this.member,
      ready: (signal) => link.ready(signal),
      serve: (actor) => this.serve(actor, serveOptions({}, actor)),
      unserve: (mailbox, drainMs) => this.unserve(mailbox, drainMs ?? policy.drainMs),
      serves: (mailbox) => this.actors.get(mailbox) !== undefined,
      full: (mailbox, level) => this.#sources.mailboxFull(mailbox, level),
      failed: (error) => this.#sources.backendFailed(error),
    });
    this.#replies.onCast = (frame, envelope) => this.topics.everyNode.receive(frame, envelope);
    this.#participation = new Participation({ actors: this.actors, registry, memberId });
    this.health = new Health({
      timers,
      log: this.#log,
      events,
      registry: {
        instances: (service, filter) => registry.peek(service, filter),
        services: () => registry.services().map(({ service }) => service),
      },
      ping: (service, timeoutMs) => this.#ping(service, timeoutMs),
      backendHealth: () => link.health(),
      roundTrip: () => link.ping(),
      facts: () => ({
        member: this.member,
        backendConnected: this.#connected,
        lastBeatAt: this.#lastBeatAt,
        draining: this.#stage === 'draining',
        closed: this.#closed,
      }),
      selfId: memberId,
      beatMs: policy.beat.intervalMs,
      stallMs: policy.beat.stallMs,
      evictMs: policy.beat.evictMs,
      hooks: {
        rotation: (mailbox, to, reason) => this.#participation.rotate(mailbox, to, reason),
        changed: () => this.#tellChange(),
        hurt: (hurt) => this.#sources.checkHurt(hurt),
        healed: (healed) => this.#sources.checkHealed(healed),
        stood: (delayMs) => this.#sources.stood(delayMs),
      },
    });
    this.#presence = new NodePresence({
      name: policy.name,
      startedAt: Math.round(link.now()),
      feelings: this.health,
      served: () => this.actors.entries(),
      stage: () => this.#stage,
      hears: () => this.shared.alerts.hears(),
    });
    this.scaler = new Scaler({
      clock: this.#clock,
      log: this.#log,
      events,
      depth: (mailbox) => this.#depth(mailbox),
      instances: (service) => registry.peek(service).length,
    });
    this.#sources = startSenses({
      ...{ link, policy, timers, memberId },
      log: this.#log,
      shared: this.shared,
      calling: this.calling,
      actors: this.actors,
      scaler: this.scaler,
      depth: (mailbox) => this.#depth(mailbox),
      backendMemory: () => this.#backendMemory,
    });
    for (const event of ['registered', 'deregistered', 'expired', 'health'] as const)
      events.on(event, () => {
        this.#participation.look();
        this.actors.lookAtKeys();
      });
    events.on('config', ({ service }) => this.#reconfigure(service));
  }

  /** @throws TransportError, and what `requires` asks for in vain. */
  async join(): Promise<void> {
    await this.#enter();
    this.#stage = undefined;
    void loop(this.#closing.signal, () => this.#look());
    void loop(this.#closing.signal, () => this.scaler.step());
    this.#tellChange();
  }

  /** @throws ConfigError when the mailbox is served already or the module does not load in a thread. */
  async serve(actor: Actor, serving: Serving): Promise<void> {
    const served = await this.actors.add(actor, serving);
    this.#lookAfter(served);
    try {
      await this.actors.consume(served);
      await this.#link.membership.announce();
    } catch (thrown) {
      // Evicted meanwhile: joining again serves it.
      if (codeOf(thrown) === 'NOT_MEMBER' && !this.#closing.signal.aborted) return await this.#rejoining;
      await this.#forget(served);
      throw thrown;
    }
  }

  /** @throws ConfigError when the mailbox is not served. */
  async unserve(mailbox: string, drainMs: number): Promise<void> {
    const served = this.actors.get(mailbox);
    if (served === undefined) throw new ConfigError(`unserve: this node does not serve ${mailbox}`);
    served.leaving ??= this.#retire(served, drainMs);
    await served.leaving;
  }

  stats(): NodeStats {
    return {
      ...this.#stats,
      inFlight: this.actors.inFlight,
      pendingCalls: this.#replies.size + this.#correspondence.incoming.size,
      lateReplies: this.#replies.late,
      lostSettlements: this.#lostSettlements + this.#settler.lost,
    };
  }

  /**
   * The drain, in this order: tell the others, claim nothing more, hand back what has not started; let what runs finish
   * while the beat goes on, so that nobody takes it over; let the last answers and settlements leave; say goodbye.
   */
  async close(drainMs: number): Promise<void> {
    this.#stage = 'draining';
    this.#closing.abort();
    this.#sources.close();
    this.topics.close();
    this.shared.schedules.close();
    const functions = this.functions.close();
    this.actors.close();
    this.#tellChange();
    const served = this.actors.all;
    await Promise.allSettled(served.map(({ dispatcher }) => dispatcher.stop()));
    const drained = [this.actors.handOver(), ...served.map(({ dispatcher }) => dispatcher.drained())];
    await within(wakefulTimers, drainMs, Promise.all([...drained, functions]));
    for (const { dispatcher } of served) dispatcher.giveUp(new NodeClosed('handler', 'unknown'));
    this.functions.giveUp();
    this.#correspondence.close();
    this.sending.stop();
    await within(wakefulTimers, FLUSH_MS, this.#flushed());
    for (const { limits, deadBound } of served) {
      limits.close();
      deadBound?.close();
    }
    await Promise.all(served.map(({ pool }) => pool.close(0)));
    await this.actors.closeKeyed();
    this.#closed = true;
    this.#replies.close();
    this.sending.close();
    this.#settler.close();
    this.health.close();
    await within(wakefulTimers, FLUSH_MS, this.shared.close());
    if (this.#rejoining !== undefined) await within(wakefulTimers, REJOIN_MAX_MS, this.#rejoining);
    try {
      if (this.member) await this.#link.membership.leave();
    } catch (thrown) {
      this.#log.warn(
        { evt: 'leave_failed', reason: messageOf(thrown) },
        'could not say goodbye; the others will notice by the missing beat',
      );
    }
    this.#deadlines.close();
    await this.#link.close();
  }

  /** The others shall know before it is gone: whoever targets this node would have to wait for the detour. */
  async #retire(served: Served, drainMs: number): Promise<void> {
    // What `leaving` says must stand before it is announced.
    await Promise.resolve();
    await Promise.all([this.#announce(), this.actors.drain(served, drainMs)]);
    await this.#forget(served);
    await this.#announce();
  }

  #lookAfter({ actor, dispatcher }: Served): void {
    const { mailbox, name } = actor.contract;
    const { onPain } = actor.policy;
    const unfeeling = onPain === undefined ? undefined : this.shared.alerts.unit(name, onPain);
    const unhealthy = this.health.serve(mailbox);
    const unwatch = this.scaler.watch(mailbox, name, dispatcher, () => this.calling.policies.service(name).scale);
    this.#lookedAfter.set(mailbox, () => {
      unfeeling?.();
      unhealthy();
      unwatch();
    });
  }

  async #forget(served: Served): Promise<void> {
    const { mailbox } = served.actor.contract;
    this.#lookedAfter.get(mailbox)?.();
    this.#lookedAfter.delete(mailbox);
    await this.actors.remove(served);
  }

  #local(mailbox: string): Dispatcher | undefined {
    const served = this.actors.get(mailbox);
    const isHere = served !== undefined && served.leaving === undefined && served.keyed === undefined;
    return isHere ? served.dispatcher : undefined;
  }

  async #flushed(): Promise<void> {
    while (!this.sending.idle) await sleep(5);
    await this.#settler.settled();
    await this.actors.handOver();
    // What an inbox holds is handed over in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
  }

  async #enter(): Promise<void> {
    this.id = await this.#link.membership.join(this.#presence, {
      evicted: (reason) => this.#evicted(reason),
      inbox: (frames) => this.#replies.receive(frames),
      news: (items) => this.shared.news(items),
      alerts: (items) => this.shared.alerts.apply(items),
      beaten: (seq, alertSeq) => {
        this.#lastBeatAt = this.#clock.elapsed();
        this.shared.beaten(seq, alertSeq);
      },
    });
    this.calling.split.forget();
    this.member = true;
    // Joining was answered: as good as a beat.
    this.#lastBeatAt = this.#clock.elapsed();
    await this.shared.joined();
  }

  /** What is in hand belongs to others from now on; this node starts afresh under another id. */
  #evicted(reason: string): void {
    if (!this.member) return;
    this.#log.error(
      { evt: 'evicted', id: this.id, reason },
      'this node is no member any more; it joins again under a new id',
    );
    this.#lose();
    if (!this.#closing.signal.aborted) this.#rejoining ??= this.#rejoin();
  }

  #lose(): void {
    this.member = false;
    for (const { dispatcher, keyed } of this.actors.all) {
      dispatcher.drop();
      this.#lostSettlements += keyed?.drop() ?? 0;
    }
    this.#settler.forget();
    this.#settler.close();
    this.#lostSettlements += this.#settler.lost;
    this.#settler = this.#newSettler();
    this.#replies.lose(this.id);
    this.#correspondence.lost(this.id);
  }

  async #rejoin(): Promise<void> {
    // It may be evicted again while it joins.
    for (let attempt = 1; !this.member && !this.#closing.signal.aborted; attempt += 1) {
      try {
        await this.#enter();
        for (const served of this.actors.all) await this.actors.consume(served);
        await this.functions.rejoined();
        await this.topics.rejoined();
        this.#log.info({ evt: 'rejoined', id: this.id }, 'joined again');
      } catch (thrown) {
        this.#log.warn(
          { evt: 'rejoin_failed', attempt, reason: messageOf(thrown) },
          'joining again failed; it is tried again',
        );
        if (this.member) this.#lose();
        await sleep(fullJitter(attempt, REJOIN_MS, REJOIN_MAX_MS), this.#closing.signal);
      }
    }
    this.#rejoining = undefined;
  }

  #newSettler(): Settler {
    return new Settler(this.#link.broker, this.#flusher, this.#log, (error) => this.#sources.backendFailed(error));
  }

  async #mark(batch: Batch, index: number): Promise<void> {
    await this.#settler.settled();
    const [result] = await this.#link.broker.settle([{ kind: 'mark', claim: batch.claim, todo: batch.todo(), index }]);
    if (result !== 'settled') throw new ConfigError(`the entry is no longer ours: ${String(result)}`);
  }

  #satisfiedElsewhere(mailbox: string, tags: readonly string[]): boolean {
    return this.shared.registry
      .peek(serviceOf(mailbox), { tags })
      .some((one) => one.mailbox === mailbox && one.nodeId !== this.id);
  }

  /** By the mailbox: this node's own part of it where it serves the mailbox, else whoever has room. */
  async #ping(service: string, timeoutMs: number): Promise<void> {
    const own = this.actors.get(service) ?? this.actors.of(service)[0];
    if (own !== undefined) {
      // One that claims nothing would never hear of it, and never be found well again.
      if (own.dispatcher.paused !== undefined) await pingHere(own.dispatcher, this.#clock.now() + timeoutMs);
      else await sendPing(this.sending, pingLine(own.actor.contract), timeoutMs, this.id);
      return;
    }
    const instance = this.shared.registry.pick(service);
    // A keyed one takes what has no key only when it is for that node alone.
    const target = instance?.partitions === undefined ? undefined : instance.nodeId;
    await sendPing(this.sending, instance === null ? service : pingLine(instance), timeoutMs, target);
  }

  /** Of an actor served here: all of its lines. */
  #depth(mailbox: string): Promise<MailboxDepth> {
    return depthOf(this.#link.broker, this.actors.get(mailbox)?.actor.contract ?? { mailbox });
  }

  async #look(): Promise<number> {
    const { connected, memory } = await this.#link.health();
    this.#connected = connected;
    this.#backendMemory = memory;
    this.#participation.look();
    await this.#correspondence.look();
    this.actors.lookAtKeys();
    await this.actors.hint();
    return LOOK_MS;
  }

  #reconfigure(service: string): void {
    this.actors.applyPolicies(service);
    this.#participation.look();
    this.#tellChange();
  }

  /** The others shall know soon, not only with the next beat. Many changes at once are one announcement. */
  #tellChange(): void {
    if (this.#announcing || !this.member) return;
    this.#announcing = true;
    setImmediate(() => {
      this.#announcing = false;
      if (this.member) void this.#announce();
    });
  }

  /** Resolves when the others can see it, or cannot be told: the next beat does that anyway. */
  async #announce(): Promise<void> {
    await this.#link.membership.announce().catch(() => undefined);
  }
}
