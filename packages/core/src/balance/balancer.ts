/**
 * Picks instances for targeted sends: strategies by name, what they remember of each service, what is under way, and who
 * was picked how often. What it keeps is bounded by the number of services.
 */
import { ConfigError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Instance } from '../registry/instance.ts';
import type { BALANCE_NAMES } from '../policies/service-settings.ts';
import { adaptive } from './adaptive.ts';
import { consistentHash } from './consistent-hash.ts';
import { custom } from './custom.ts';
import { healthBased } from './health-based.ts';
import { InFlight, type InFlightGauge } from './in-flight.ts';
import { leastConnections } from './least-connections.ts';
import { powerOfTwo } from './power-of-two.ts';
import { random } from './random.ts';
import { roundRobin } from './round-robin.ts';
import type { MakeStrategy, SelectFunction } from './strategy.ts';
import { Turns, type Selection } from './turns.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';

/** Of requests that name none. */
const DEFAULT_STRATEGY = 'round_robin';
/** Services whose turns are remembered, per strategy. */
const DEFAULT_MAX_SERVICES = 1_000;
const STRATEGY_NAME = /^[a-z][a-z0-9_-]{0,63}$/;
/** Not a strategy: what is not targeted at all. */
const PULL = 'pull';

const BUILT_IN: Readonly<Record<(typeof BALANCE_NAMES)[number], MakeStrategy>> = {
  round_robin: roundRobin,
  weighted_round_robin: weightedRoundRobin,
  least_connections: leastConnections,
  random,
  health_based: healthBased,
  power_of_two: powerOfTwo,
  consistent_hash: consistentHash,
  adaptive,
};

export interface BalancerNeeds {
  /** From 0 up to, not including, 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Told when a strategy of the user's fails. */
  readonly log?: Log | undefined;
  /** Default 1,000. */
  readonly maxServices?: number | undefined;
}

export class Balancer {
  readonly #strategies = new Map<string, (service: string) => MakeStrategy>();
  readonly #turns = new Map<string, Map<string, Turns>>();
  readonly #inFlight = new InFlight();
  readonly #random: () => number;
  readonly #log: Log | undefined;
  readonly #maxServices: number;

  constructor({ random = Math.random, log, maxServices = DEFAULT_MAX_SERVICES }: BalancerNeeds = {}) {
    this.#random = random;
    this.#log = log;
    this.#maxServices = maxServices;
    for (const [name, make] of Object.entries(BUILT_IN)) this.#strategies.set(name, () => make);
  }

  /** @throws ConfigError when the name is none, or taken. */
  register(name: string, select: SelectFunction): void {
    if (!STRATEGY_NAME.test(name))
      throw new ConfigError(`balance: "${name}" is no name for a strategy: lower case letters, digits, _ and -`);
    if (name === PULL || this.#strategies.has(name)) throw new ConfigError(`balance: "${name}" is taken`);
    this.#strategies.set(name, (service) => custom(name, service, select, this.#log));
  }

  /** @throws ConfigError when no strategy has this name. */
  check(name: string): void {
    if (!this.#strategies.has(name))
      throw new ConfigError(`balance: there is no strategy "${name}"; there are ${this.names().join(', ')}`);
  }

  names(): readonly string[] {
    return [...this.#strategies.keys()];
  }

  /**
   * Picks one of the instances that may be picked; null when there is none. A list that was given once must not change:
   * what a strategy works out for it is kept with it. So a list that stays the same object is cheap, a fresh one dear.
   * @param key what the request is about, for strategies that keep equal keys together.
   * @param allowUnhealthy pick from all of them, whatever their status.
   * @throws ConfigError when no strategy has this name.
   */
  choose(
    service: string,
    instances: readonly Instance[],
    strategy: string = DEFAULT_STRATEGY,
    key?: string,
    allowUnhealthy = false,
  ): Instance | null {
    return this.#turnsOf(service, strategy).next(instances, key, allowUnhealthy);
  }

  /** This node has sent something there that is under way until `ended`. */
  started(service: string, nodeId: string): void {
    this.#inFlight.started(service, nodeId);
  }

  ended(service: string, nodeId: string): void {
    this.#inFlight.ended(service, nodeId);
  }

  /** What this node has under way there. */
  inFlight(service: string, nodeId: string): number {
    return this.#inFlight.of(service, nodeId);
  }

  gauges(): readonly InFlightGauge[] {
    return this.#inFlight.all();
  }

  /** How often each node was picked, by service and strategy. */
  selections(): readonly Selection[] {
    return [...this.#turns].flatMap(([strategy, services]) =>
      [...services].flatMap(([service, turns]) => turns.counts().map((count) => ({ service, strategy, ...count }))),
    );
  }

  #turnsOf(service: string, strategy: string): Turns {
    let services = this.#turns.get(strategy);
    if (services === undefined) {
      this.check(strategy);
      this.#turns.set(strategy, (services = new Map()));
    }
    return services.get(service) ?? this.#begin(service, strategy, services);
  }

  #begin(service: string, strategy: string, services: Map<string, Turns>): Turns {
    if (services.size >= this.#maxServices) {
      const oldest = services.keys().next();
      if (oldest.done !== true) services.delete(oldest.value);
    }
    const make = this.#strategies.get(strategy)?.(service) ?? roundRobin;
    const turns = new Turns(make({ random: this.#random, inFlight: (nodeId) => this.#inFlight.of(service, nodeId) }));
    services.set(service, turns);
    return turns;
  }
}
