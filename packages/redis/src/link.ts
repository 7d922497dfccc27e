/** One node's hold on Redis: the command connection with its pulse, and the ports on it. */
import { RedisAlerts } from './alerts.ts';
import { RedisBreakers } from './breakers.ts';
import { RedisBroker } from './broker.ts';
import { RedisCache } from './cache.ts';
import { guarded } from './connection.ts';
import type {
  AlertStore,
  BackendHealth,
  Breakers,
  Broker,
  Cache,
  Limits,
  Link,
  Membership,
  NodeIdentity,
  Once,
  Partitions,
  Permits,
  Records,
  StateStore,
  Topics,
} from './core.ts';
import { Ground } from './ground.ts';
import { ensureLayout } from './layout.ts';
import { RedisLimits } from './limits.ts';
import { RedisMembership } from './membership.ts';
import type { ParsedOptions } from './options.ts';
import { RedisOnce } from './once.ts';
import { RedisPartitions } from './partitions.ts';
import { RedisPermits } from './permits.ts';
import { RedisRecords } from './records.ts';
import { checkServer } from './server.ts';
import { RedisState } from './state.ts';
import { RedisTopics } from './topics.ts';

/** An idle command connection is asked for a sign of life this often, and when a beat fails, ms: a dead one is found before it is needed. */
const PULSE_MS = 5_000;

export class RedisLink implements Link {
  readonly #ground: Ground;
  readonly #broker: RedisBroker;
  readonly #membership: RedisMembership;
  readonly #partitions: RedisPartitions;
  readonly records: Records;
  readonly breakers: Breakers;
  readonly cache: Cache;
  readonly permits: Permits;
  readonly limits: Limits;
  readonly state: StateStore;
  readonly once: Once;
  readonly topics: Topics;
  readonly alerts: AlertStore;
  readonly #pulse: NodeJS.Timeout;
  #pingMs: number | undefined;

  private constructor(ground: Ground) {
    this.#ground = ground;
    this.#broker = new RedisBroker(ground);
    this.#partitions = new RedisPartitions(ground);
    this.#membership = new RedisMembership(ground, this.#broker, this.#partitions);
    this.records = new RedisRecords(ground);
    this.breakers = new RedisBreakers(ground);
    this.cache = new RedisCache(ground);
    this.permits = new RedisPermits(ground);
    this.limits = new RedisLimits(ground);
    this.state = new RedisState(ground);
    this.once = new RedisOnce(ground);
    this.topics = new RedisTopics(ground);
    this.alerts = new RedisAlerts(ground);
    this.#pulse = setInterval(() => {
      if (performance.now() - ground.command.lastUsed > PULSE_MS / 2) this.#feel();
    }, PULSE_MS);
    this.#pulse.unref();
    this.#membership.onBeatFailed = () => {
      this.#feel();
      // Idle, it would find out only when it is needed.
      if (ground.alerts.ready) ground.alerts.sendText('ping', []).catch(() => undefined);
    };
    // Another server, another clock: after each return the time is taken anew.
    ground.command.onReady = () => void ground.time.measure(ground.command).catch(() => undefined);
  }

  static async open(options: ParsedOptions, identity: NodeIdentity): Promise<RedisLink> {
    const ground = new Ground(options, identity);
    try {
      await ground.command.connect();
      await checkServer(ground.command, options.strictEviction, ground.log);
      await ensureLayout(ground.command, identity.namespace, options.lanes);
      await ground.time.measure(ground.command);
      await ground.alerts.connect();
      const link = new RedisLink(ground);
      // So that its health names a round trip from the first moment on.
      await link.ping().catch(() => undefined);
      return link;
    } catch (error) {
      ground.command.close();
      ground.alerts.close();
      throw error;
    }
  }

  get broker(): Broker {
    return this.#broker;
  }

  get membership(): Membership {
    return this.#membership;
  }

  get partitions(): Partitions {
    return this.#partitions;
  }

  now(): number {
    return this.#ground.time.now();
  }

  health(): Promise<BackendHealth> {
    const { command, connections } = this.#ground;
    const { memory } = this.#membership;
    return Promise.resolve({
      connected: command.ready,
      ...(this.#pingMs === undefined ? undefined : { pingMs: this.#pingMs }),
      ...(memory === undefined ? undefined : { memory }),
      connections: connections.filter((connection) => connection.open).length + (this.#membership.threaded ? 1 : 0),
    });
  }

  async ping(): Promise<number> {
    const { command } = this.#ground;
    const sent = performance.now();
    await guarded('PING', command.sendText('ping', []));
    this.#pingMs = performance.now() - sent;
    return this.#pingMs;
  }

  ready(signal?: AbortSignal): Promise<void> {
    return this.#ground.command.whenReady(signal);
  }

  async close(): Promise<void> {
    clearInterval(this.#pulse);
    this.#ground.registration.drop();
    await Promise.all([this.#broker.close(), this.#partitions.close(), this.#membership.close()]);
    for (const connection of this.#ground.connections) connection.close();
  }

  /** A dead connection says so itself, and comes back. */
  #feel(): void {
    if (this.#ground.command.ready) void this.ping().catch(() => undefined);
  }
}
