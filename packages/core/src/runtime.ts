/** What a node is made of, and its life: join, serve, rejoin after an eviction, drain. */
import { hostname } from 'node:os';
import type { Actor } from './actor.ts';
import type { Link } from './backend.ts';
import type { Batch } from './batch.ts';
import type { Clock } from './clock.ts';
import { fullJitter } from './backoff.ts';
import { Deadlines } from './deadlines.ts';
import { Dispatcher } from './dispatcher.ts';
import { codeOf, ConfigError, messageOf, NodeClosed } from './errors.ts';
import { Flusher } from './flusher.ts';
import type { Log } from './log.ts';
import { loop, sleep } from './loop.ts';
import type { NodeReport } from './membership.ts';
import type { NodeStats } from './node.ts';
import type { NodePolicy } from './options.ts';
import { createPool } from './create-pool.ts';
import type { Pool } from './pool.ts';
import { Replies } from './replies.ts';
import { Sending } from './sending.ts';
import type { Serving } from './serve.ts';
import { Settler } from './settler.ts';
import { newStats, type Stats } from './stats.ts';

/** Wait between two tries to join again, ms; grows, with jitter. */
const REJOIN_MS = 50;
const REJOIN_MAX_MS = 2_000;
/** How often hints for senders are looked at; they are written only when they change, ms. */
const HINT_MS = 1_000;
/** Time for the last answers and settlements to leave once nothing runs any more, ms. */
const FLUSH_MS = 5_000;

interface Served {
  readonly actor: Actor;
  readonly pool: Pool;
  readonly dispatcher: Dispatcher;
  hints: string;
}

export class Runtime {
  readonly policy: NodePolicy;
  readonly sending: Sending;
  id = '';
  member = false;
  readonly #link: Link;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #flusher = new Flusher();
  readonly #deadlines: Deadlines;
  readonly #replies: Replies;
  readonly #stats: Stats = newStats();
  readonly #served = new Map<string, Served>();
  readonly #closing = new AbortController();
  readonly #startedAt: number;
  #settler: Settler;
  #lostSettlements = 0;
  #rejoining: Promise<void> | undefined;
  #status: NodeReport['status'] = 'starting';

  constructor(link: Link, policy: NodePolicy, log: Log) {
    this.policy = policy;
    this.#link = link;
    this.#log = log.child({ node: policy.name });
    this.#clock = { now: () => link.now(), elapsed: () => performance.now() };
    this.#startedAt = Math.round(link.now());
    this.#deadlines = new Deadlines(this.#clock);
    this.#replies = new Replies(this.#clock, this.#deadlines, this.#log, policy.maxBodyBytes);
    this.#settler = new Settler(link.broker, this.#flusher, this.#log);
    this.sending = new Sending({
      broker: link.broker,
      clock: this.#clock,
      deadlines: this.#deadlines,
      flusher: this.#flusher,
      replies: this.#replies,
      timeoutMs: policy.timeoutMs,
      maxBodyBytes: policy.maxBodyBytes,
      memberId: () => this.id,
      ready: (signal) => link.ready(signal),
    });
  }

  async join(): Promise<void> {
    await this.#enter();
    this.#status = 'healthy';
    void loop(this.#closing.signal, () => this.#hint());
  }

  /** @throws ConfigError when the mailbox is served already or the module does not load in a thread. */
  async serve(actor: Actor, serving: Serving): Promise<void> {
    const { mailbox } = actor.contract;
    this.#refuseServing(mailbox);
    const pool = await createPool(actor, serving, this.policy.maxBodyBytes, this.#log);
    try {
      // Again: making a pool takes its time.
      this.#refuseServing(mailbox);
    } catch (thrown) {
      await pool.close(0);
      throw thrown;
    }
    const dispatcher = new Dispatcher({
      mailbox,
      methods: new Set(Object.keys(actor.contract.methods)),
      pool,
      policy: actor.policy,
      sending: this.sending,
      deadlines: this.#deadlines,
      clock: this.#clock,
      log: this.#log.child({ actor: actor.contract.name }),
      stats: this.#stats,
      maxBodyBytes: this.policy.maxBodyBytes,
      settler: () => this.#settler,
      memberId: () => this.id,
      mark: (batch, index) => this.#mark(batch, index),
      announcedElsewhere: (name, method) => this.#announcedElsewhere(name, method),
    });
    const served: Served = { actor, pool, dispatcher, hints: dispatcher.hints() };
    this.#served.set(mailbox, served);
    try {
      await this.#consume(served);
      await this.#link.membership.announce();
    } catch (thrown) {
      // Evicted meanwhile: joining again serves it.
      if (codeOf(thrown) === 'NOT_MEMBER' && !this.#closing.signal.aborted) return await this.#rejoining;
      this.#served.delete(mailbox);
      await dispatcher.stop();
      await pool.close(0);
      throw thrown;
    }
  }

  stats(): NodeStats {
    return {
      ...this.#stats,
      inFlight: this.#inFlight(),
      pendingCalls: this.#replies.size,
      lateReplies: this.#replies.late,
      lostSettlements: this.#lostSettlements + this.#settler.lost,
    };
  }

  /**
   * The drain, in this order: claim nothing more, hand back what has not started; let what runs finish while the beat
   * goes on, so that nobody takes it over; let the last answers and settlements leave; say goodbye.
   */
  async close(drainMs: number): Promise<void> {
    this.#status = 'draining';
    this.#closing.abort();
    const served = [...this.#served.values()];
    await Promise.allSettled(served.map(({ dispatcher }) => dispatcher.stop()));
    await within(drainMs, Promise.all(served.map(({ dispatcher }) => dispatcher.drained())));
    for (const { dispatcher } of served) dispatcher.giveUp(new NodeClosed('handler', 'unknown'));
    this.sending.stop();
    await within(FLUSH_MS, this.#flushed());
    await Promise.all(served.map(({ pool }) => pool.close(0)));
    this.#replies.close();
    this.sending.close();
    this.#settler.close();
    if (this.#rejoining !== undefined) await within(REJOIN_MAX_MS, this.#rejoining);
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

  async #flushed(): Promise<void> {
    while (!this.sending.idle) await sleep(5);
    await this.#settler.settled();
  }

  async #enter(): Promise<void> {
    this.id = await this.#link.membership.join(() => this.#report(), {
      evicted: (reason) => this.#evicted(reason),
      inbox: (frames) => this.#replies.receive(frames),
    });
    this.member = true;
  }

  /** @throws NodeClosed, ConfigError */
  #refuseServing(mailbox: string): void {
    if (this.#closing.signal.aborted) throw new NodeClosed('serve');
    if (this.#served.has(mailbox)) throw new ConfigError(`serve: this node serves ${mailbox} already`);
  }

  async #consume({ actor, dispatcher, hints }: Served): Promise<void> {
    const { mailbox } = actor.contract;
    const { maxLength, maxBytes } = actor.policy;
    if (!dispatcher.reading)
      dispatcher.attach(await this.#link.broker.consume(mailbox, { maxLength, maxBytes }, dispatcher));
    await this.#link.broker.hint(mailbox, hints);
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
    for (const { dispatcher } of this.#served.values()) dispatcher.drop();
    this.#settler.forget();
    this.#settler.close();
    this.#lostSettlements += this.#settler.lost;
    this.#settler = new Settler(this.#link.broker, this.#flusher, this.#log);
    this.#replies.lose(this.id);
  }

  async #rejoin(): Promise<void> {
    // It may be evicted again while it joins.
    for (let attempt = 1; !this.member && !this.#closing.signal.aborted; attempt += 1) {
      try {
        await this.#enter();
        this.sending.rejoined();
        for (const served of this.#served.values()) await this.#consume(served);
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

  async #mark(batch: Batch, index: number): Promise<void> {
    const [result] = await this.#link.broker.settle([{ kind: 'mark', claim: batch.claim, todo: batch.todo(), index }]);
    if (result !== 'settled') throw new ConfigError(`the entry is no longer ours: ${String(result)}`);
  }

  async #announcedElsewhere(mailbox: string, method: string): Promise<boolean> {
    const members = await this.#link.membership.members();
    return members.some(({ id, report }) => id !== this.id && report?.serves[mailbox]?.includes(method) === true);
  }

  async #hint(): Promise<number> {
    for (const served of this.#served.values()) {
      const hints = served.dispatcher.hints();
      if (hints === served.hints) continue;
      try {
        await this.#link.broker.hint(served.actor.contract.mailbox, hints);
        served.hints = hints;
      } catch (thrown) {
        this.#log.debug({ evt: 'hint_failed', reason: messageOf(thrown) }, 'hints for senders could not be written');
      }
    }
    return HINT_MS;
  }

  #inFlight(): number {
    let inFlight = 0;
    for (const { dispatcher } of this.#served.values()) inFlight += dispatcher.inFlight;
    return inFlight;
  }

  #report(): NodeReport {
    const serviceMs: Record<string, number> = {};
    const serves: Record<string, string[]> = {};
    for (const [mailbox, { actor, dispatcher }] of this.#served) {
      serves[mailbox] = Object.keys(actor.contract.methods);
      for (const [method, ms] of dispatcher.times.entries())
        serviceMs[`${mailbox}/${method}`] = Number(ms.toPrecision(1));
    }
    const { name } = this.policy;
    return {
      name,
      pid: process.pid,
      host: hostname(),
      startedAt: this.#startedAt,
      status: this.#status,
      serves,
      inFlight: this.#inFlight(),
      serviceMs,
    };
  }
}

/** Resolves when the promise does, or after `ms`, whichever is first. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const timeUp = new AbortController();
  await Promise.race([promise, sleep(ms, timeUp.signal)]);
  timeUp.abort();
}
