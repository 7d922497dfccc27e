/** All that a node serves, by mailbox. */
import type { ServerMiddleware } from '../../calling/middleware.ts';
import type { Actor } from '../../contract/actor.ts';
import { ConfigError, NodeClosed } from '../../ground/errors.ts';
import type { KeyedServing } from '../../keyed/keyed-serving.ts';
import { createPool } from '../../serving/create-pool.ts';
import type { Dispatcher } from '../../serving/dispatcher.ts';
import type { Serving } from '../../serving/serve.ts';
import { refuseThreads } from '../../streaming/streaming.ts';
import { consume } from './consume.ts';
import { refreshHints } from './hints.ts';
import { applySettings } from './live-settings.ts';
import { labelsOf, makeServed, type ServedNeeds } from './make-served.ts';
import type { Served } from './served.ts';

/** How soon senders are told of a method that was measured for the first time, ms: so far they have packed it by guess. */
const FIRST_HINT_MS = 50;

export interface ServedActorsNeeds extends ServedNeeds {
  readonly middleware: readonly ServerMiddleware[];
}

export class ServedActors {
  readonly #needs: ServedActorsNeeds;
  readonly #served = new Map<string, Served>();
  #closed = false;
  #hinting = false;

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

  /** What a call by this node may be handed to without the backend. */
  local(mailbox: string): Dispatcher | undefined {
    const served = this.#served.get(mailbox);
    const isHere = served !== undefined && served.leaving === undefined && served.keyed === undefined;
    return isHere ? served.dispatcher : undefined;
  }

  get inFlight(): number {
    let inFlight = 0;
    for (const { dispatcher } of this.#served.values()) inFlight += dispatcher.inFlight;
    return inFlight;
  }

  /** Endings that the backend refused to keyed actors, which settle for themselves, since the node has joined. */
  get lostByKey(): number {
    return this.#keyed().reduce((sum, { lost }) => sum + lost, 0);
  }

  /** Makes what it is served with; nothing is claimed yet. @throws ConfigError, NodeClosed */
  async add(actor: Actor, serving: Serving): Promise<Served> {
    const { parts, middleware, defaults, policies } = this.#needs;
    const { mailbox } = actor.contract;
    this.#refuse(mailbox);
    refuseThreads(actor, serving);
    refuseStateInThreads(actor, serving);
    const labels = labelsOf(defaults, serving);
    const pool = await createPool(actor, serving, parts.maxBodyBytes, parts.log, middleware, (reason) =>
      parts.calling.events.emit('thread', { mailbox, reason }),
    );
    try {
      // Again: making a pool takes its time.
      this.#refuse(mailbox);
    } catch (thrown) {
      await pool.close(0);
      throw thrown;
    }
    const served = makeServed(this.#needs, actor, serving, labels, pool);
    this.#served.set(mailbox, served);
    served.dispatcher.times.onFirst = () => this.#hintSoon();
    applySettings(served, policies, 'first');
    return served;
  }

  async consume(served: Served): Promise<void> {
    await consume(this.#needs.broker, served);
  }

  async remove(served: Served): Promise<void> {
    this.#served.delete(served.actor.contract.mailbox);
    await served.dispatcher.stop();
    served.limits.close();
    served.deadBound?.close();
    await served.keyed?.close();
    await served.pool.close(0);
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
    await refreshHints(this.#needs.broker, this.all, this.#needs.parts.log);
  }

  #hintSoon(): void {
    if (this.#hinting) return;
    this.#hinting = true;
    this.#needs.parts.limiting.timers.setTimer(FIRST_HINT_MS, () => {
      this.#hinting = false;
      if (!this.#closed) void this.hint();
    });
  }

  /** Live settings of a service have changed. */
  applyPolicies(service: string): void {
    for (const served of this.of(service)) applySettings(served, this.#needs.policies, 'again');
  }

  /** Nothing more is served. */
  close(): void {
    this.#closed = true;
  }

  #keyed(): KeyedServing[] {
    return this.all.flatMap(({ keyed }) => keyed ?? []);
  }

  #refuse(mailbox: string): void {
    if (this.#closed) throw new NodeClosed('serve');
    if (this.#served.has(mailbox)) throw new ConfigError(`serve: this node serves ${mailbox} already`);
  }
}

function refuseStateInThreads({ contract }: Actor, { pool }: Serving): void {
  if (contract.state !== undefined && pool === 'threads')
    throw new ConfigError(
      `serve: ${contract.mailbox} keeps state by key, which handlers in threads cannot reach: use pool 'async'`,
    );
}
