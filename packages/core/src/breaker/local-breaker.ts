/**
 * A breaker as one node sees it: decides at once, from the copy of what all nodes share; and by itself, with the same
 * arithmetic, for as long as the backend is away.
 */
import {
  admittedShare,
  newBreaker,
  probed,
  recorded,
  released,
  restored,
  toState,
  type Breaker,
} from './breaker-state.ts';
import type { BreakerPolicy, BreakerState, BreakerTally } from '../ports/breakers.ts';
import type { Clock } from '../ground/clock.ts';
import { CircuitOpen } from '../ground/errors.ts';

/** `ask`: the backend knows, and this caller asks it. */
export type Admission = 'yes' | 'no' | 'ask';

/** A node asks for the probe at most this often, ms: whoever tries may have ended long before its lease does. */
const ASK_EVERY_MS = 1_000;
/** Token of a probe that this node grants to itself; none of the backend's is empty. */
export const OWN_PROBE = '';

export type PhaseListener = (from: BreakerState['phase'], state: BreakerState) => void;

export class LocalBreaker {
  readonly name: string;
  policy: BreakerPolicy;
  readonly #clock: Clock;
  readonly #turned: PhaseListener;
  /** By which this node decides. */
  #state: BreakerState;
  /** What the backend last said. */
  #shared: BreakerState;
  /** This node's own breaker; undefined: the shared one holds. */
  #alone: Breaker | undefined;
  /** Nothing speaks against a call: the only thing looked at on the hot path. */
  #free = true;
  /** Failures are on their way to the backend that may open it. */
  #suspected = false;
  #asking = false;
  /** Backend time before which the backend is not asked for the probe, ms. */
  #askAt = 0;
  /** Shares of calls that the ramp has admitted and nobody has used. */
  #credit = 0;

  constructor(name: string, policy: BreakerPolicy, clock: Clock, turned: PhaseListener) {
    this.name = name;
    this.policy = policy;
    this.#clock = clock;
    this.#turned = turned;
    // Older than anything the backend may tell of it.
    this.#state = toState(newBreaker(name, 0), 0);
    this.#shared = this.#state;
  }

  /** As of this moment: what ends by itself has ended. */
  get state(): BreakerState {
    const now = this.#clock.now();
    const { manual, openUntil } = this.#state;
    if (manual && openUntil <= now) this.#set(toState(restored(this.#state, now), now));
    return this.#state;
  }

  /** What a backend that has lost the breaker can put back; undefined: nothing worth it. */
  get known(): BreakerState | undefined {
    return this.#shared.changes > 0 ? this.#shared : undefined;
  }

  get alone(): boolean {
    return this.#alone !== undefined;
  }

  /** Whether the next success is news: it ends a run of failures. */
  get failing(): boolean {
    return this.#state.failuresInRow > 0;
  }

  admit(): Admission {
    return this.#free ? 'yes' : this.#decide();
  }

  refusal(): CircuitOpen {
    const now = this.#clock.now();
    const { name, policy } = this;
    const { phase, openUntil, reason } = this.#state;
    if (phase === 'closed') return new CircuitOpen(name, 'closing step by step', Math.max(1, policy.rampMs / 10));
    const until = phase === 'open' && openUntil > now ? openUntil : Math.max(this.#askAt, now + 1);
    return new CircuitOpen(name, reason, Math.min(Math.max(1, until - now), Math.max(policy.maxOpenMs, policy.openMs)));
  }

  /** Takes what the backend says, unless something newer is known. Answers whether it was taken. */
  accept(state: BreakerState): boolean {
    const { changes, changedAt } = this.#shared;
    // Fewer changes and no later: it was overtaken. A backend that has lost the breaker counts anew, but later.
    if (state.changes < changes && state.changedAt <= changedAt) return false;
    this.#alone = undefined;
    this.#shared = state;
    this.#set(state);
    return true;
  }

  /** The backend has forgotten it, and nothing speaks against that. */
  forget(): void {
    if (this.#state.phase !== 'closed') return;
    this.#shared = toState(newBreaker(this.name, 0), 0);
    this.#set(this.#shared);
  }

  /** `pending` is being told: if it might open the breaker, calls wait for the answer. */
  suspect(pending: BreakerTally): void {
    const { failuresInRow, windowFailures, windowSuccesses } = this.#state;
    const { failureThreshold, failureRate, minCalls } = this.policy;
    const row = pending.successes > 0 ? pending.trailingFailures : failuresInRow + pending.failures;
    const failures = windowFailures + pending.failures;
    const calls = failures + windowSuccesses + pending.successes;
    const mayOpen = row >= failureThreshold || (calls >= minCalls && failures / calls >= failureRate);
    this.#suspected = pending.failures > 0 && (mayOpen || this.#state.rampUntil > 0);
    this.#refresh();
  }

  /** This node goes on by itself: `pending` is what the backend has not confirmed. */
  takeOver(pending: BreakerTally, by: string): void {
    this.#alone ??= restored(this.#state, this.#clock.now());
    this.#suspected = false;
    this.recordAlone(pending, by);
  }

  recordAlone(tally: BreakerTally, by: string): void {
    if (this.#alone === undefined) return;
    const now = this.#clock.now();
    // Nobody else can be asked whether they saw failures too.
    this.#alone = recorded(this.#alone, tally, { ...this.policy, quorum: 1 }, now, by);
    this.#set(toState(this.#alone, now));
  }

  /** Claims the right to ask; `answered` ends it. */
  ask(): void {
    this.#asking = true;
  }

  /** @param askAt backend time from which on asking again is worth while, ms; 0: at once. */
  answered(askAt: number): void {
    this.#asking = false;
    this.#askAt = askAt === 0 ? 0 : Math.min(askAt, this.#clock.now() + ASK_EVERY_MS);
  }

  /** Grants the probe to this node, by itself. */
  probeAlone(leaseMs: number, by: string): boolean {
    const now = this.#clock.now();
    const result = probed(this.#alone ?? restored(this.#state, now), leaseMs, now, by, OWN_PROBE);
    this.#alone = result.breaker;
    this.#set(result.answer.state);
    return result.answer.kind === 'granted';
  }

  releaseAlone(): void {
    if (this.#alone !== undefined) this.#alone = released(this.#alone, OWN_PROBE);
  }

  #decide(): Admission {
    const now = this.#clock.now();
    const state = this.state;
    if (state.phase === 'closed') {
      if (this.#suspected) return 'ask';
      return this.#ramp(admittedShare(state, this.policy, now));
    }
    if (state.phase === 'open' && state.openUntil > now) return 'no';
    return this.#asking || this.#askAt > now ? 'no' : 'ask';
  }

  /** Not by chance: of ten calls at 30 % the same three pass, so that a quiet service is tried as well. */
  #ramp(share: number): Admission {
    if (share >= 1) {
      this.#free = true;
      return 'yes';
    }
    this.#credit += share;
    if (this.#credit < 1) return 'no';
    this.#credit -= 1;
    return 'yes';
  }

  #set(state: BreakerState): void {
    const { phase, changes } = this.#state;
    this.#state = state;
    this.#suspected = false;
    if (state.changes !== changes) {
      // The first call after closing passes.
      this.#credit = 1;
      this.#askAt = 0;
    }
    this.#refresh();
    if (state.phase !== phase) this.#turned(phase, state);
  }

  #refresh(): void {
    this.#free = this.#state.phase === 'closed' && this.#state.rampUntil === 0 && !this.#suspected;
  }
}
