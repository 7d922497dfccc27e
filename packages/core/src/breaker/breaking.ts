/** All breakers of a node: the copies of what is shared, kept by news, and what is told of the calls of this node. */
import type { BreakerForce, BreakerPolicy, BreakerState } from '../ports/breakers.ts';
import { systemTimers, type Timers } from '../ground/clock.ts';
import type { Emitter } from '../node/events.ts';
import type { NewsItem } from '../ports/membership.ts';
import { within } from '../ground/pause.ts';
import { ANSWER_MS } from '../resilience/answer-ms.ts';
import { DEFAULT_BREAKER } from '../policies/service-settings.ts';
import { TellingRounds, type RoundsNeeds } from './telling-rounds.ts';
import { Guard } from './guard.ts';
import { breakerHandle, type BreakerHandle } from './handle.ts';
import { parseBreakerState } from './news.ts';

/** Breakers that this node has only heard of; beyond, it takes no note of others that it does not use. */
const MAX_HEARD_OF = 10_000;

export interface BreakingNeeds extends Omit<RoundsNeeds, 'timers'> {
  /** `clock.now()` is backend time. Default: the system's. */
  readonly timers?: Timers | undefined;
  readonly events: Emitter;
}

export interface BreakingStats {
  /** Breakers this node knows of, and how many of them do not admit calls freely. */
  readonly known: number;
  readonly open: number;
  /** Calls of this node that were refused. */
  readonly refused: number;
  /** The backend does not answer: this node decides by itself. */
  readonly alone: boolean;
}

/** Its news are of kind `breaker`; it asks `resync` of whoever finds that some are missing. */
export class Breaking {
  readonly #rounds: TellingRounds;
  readonly #events: Emitter;
  readonly #guards = new Map<string, Guard>();

  constructor({ timers = systemTimers, events, ...needs }: BreakingNeeds) {
    this.#rounds = new TellingRounds({ ...needs, timers });
    this.#events = events;
  }

  get stats(): BreakingStats {
    const open = this.list().filter(({ phase }) => phase !== 'closed').length;
    return { known: this.#guards.size, open, refused: this.#rounds.refusals, alone: this.#rounds.away };
  }

  /** The breaker of this name. Its policy is the one that was last named. */
  of(name: string, policy: BreakerPolicy): Guard {
    const guard = this.#guards.get(name) ?? this.#add(name, policy);
    guard.local.policy = policy;
    return guard;
  }

  /**
   * A breaker by hand, shared under this name by all nodes; without a policy, with the one that it has. @throws ConfigError
   */
  handle(name: string, policy?: BreakerPolicy): BreakerHandle {
    return breakerHandle(this, name, policy, this.#rounds.clock);
  }

  /** The breaker of this name with the policy that it has; by default where nobody has named one. */
  find(name: string): Guard {
    return this.#guards.get(name) ?? this.#add(name, DEFAULT_BREAKER);
  }

  /** Takes one item of news. */
  apply(item: NewsItem): void {
    if (item.kind === 'breaker') this.#hear(item.id, item.body);
  }

  /** Reads every breaker anew; what the backend has lost and this node knows to be open is put back. Rejects when it is away. */
  async resync(): Promise<void> {
    const states = await this.#rounds.breakers.all();
    this.#rounds.found();
    const told = new Map(states.map((state) => [state.name, state]));
    for (const [name, guard] of this.#guards) {
      const state = told.get(name);
      const lost = state === undefined || state.changes < (guard.local.known?.changes ?? 0);
      if (lost && guard.state.phase !== 'closed') {
        told.delete(name);
        void guard.telling.tell();
      } else if (state === undefined) guard.local.forget();
    }
    for (const [name, state] of told) this.#hear(name, state);
  }

  /** Every breaker that was ever in use here or not closed anywhere, as this node sees it now. */
  list(): readonly BreakerState[] {
    return [...this.#guards.values()].map((guard) => guard.state);
  }

  /** By hand: opens, closes or resets for all nodes. @throws TransportError when the backend is away. */
  async force(
    name: string,
    force: Omit<BreakerForce, 'by'> & { readonly by?: string | undefined },
  ): Promise<BreakerState> {
    const guard = this.find(name);
    if (force.to === 'reset') guard.telling.drop();
    const by = force.by ?? this.#rounds.nodeId();
    guard.local.accept(await this.#rounds.breakers.force(name, { ...force, by }));
    return guard.state;
  }

  /** Tells what came of this node's calls, now. */
  flush(): Promise<void> {
    return this.#rounds.flush();
  }

  /** Tells what there is to tell, as far as the backend answers at once, and leaves no timer behind. */
  async close(): Promise<void> {
    await within(this.#rounds.timers, ANSWER_MS, this.flush());
    this.#rounds.close();
  }

  #hear(name: string, body: unknown): void {
    const state = parseBreakerState(body);
    if (state === undefined || state.name !== name) {
      this.#rounds.log.error({ evt: 'breaker_invalid', breaker: name.slice(0, 256) }, 'taken no note of');
      return;
    }
    const guard = this.#guards.get(name) ?? this.#heardOf(name);
    guard?.local.accept(state);
  }

  #heardOf(name: string): Guard | undefined {
    return this.#guards.size < MAX_HEARD_OF ? this.#add(name, DEFAULT_BREAKER) : undefined;
  }

  #add(name: string, policy: BreakerPolicy): Guard {
    const guard = new Guard(name, policy, this.#rounds, (from, state) => this.#turned(from, state));
    this.#guards.set(name, guard);
    return guard;
  }

  #turned(from: BreakerState['phase'], state: BreakerState): void {
    const { name: breaker, phase: to, reason, by, openUntil } = state;
    const { log } = this.#rounds;
    // Whoever saw it fail warns of it: two hundred others need not.
    const level = by === this.#rounds.nodeId() ? 'warn' : 'info';
    if (to === 'open') log[level]({ evt: 'circuit_opened', breaker, reason, by, openUntil }, 'a breaker has opened');
    else if (to === 'half_open') log.info({ evt: 'circuit_half_open', breaker, by }, 'a breaker is being tried');
    else log.info({ evt: 'circuit_closed', breaker, reason, by }, 'a breaker has closed');
    this.#events.emit('breaker', { from, to, state });
  }
}
