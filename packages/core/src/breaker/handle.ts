/** A breaker in the user's own hands, for work that is no call. */
import { z } from 'zod';
import type { BreakerPolicy, BreakerState } from '../ports/breakers.ts';
import type { Clock } from '../ground/clock.ts';
import { milliseconds, parseOptions } from '../ground/parse-options.ts';
import type { Breaking } from './breaking.ts';
import type { Guard, Verdict } from './guard.ts';

/** What a probe by hand may take before somebody else may try, ms: nobody knows how long the work is. */
const RUN_MS = 30_000;

const name = z.string().min(1).max(256);
const reason = z.string().max(1_024);
const by = z.string().min(1).max(256).optional();
const openSchema = z.strictObject({ reason, ttlMs: milliseconds.min(1).optional(), by });
const closeSchema = z.strictObject({ reason, by });
const resetSchema = z.strictObject({ reason: reason.default('reset'), by });

export interface BreakerHandle {
  readonly name: string;
  /**
   * Runs `fn` here, unless the breaker is open. Whatever it throws counts as a failure, unless that has
   * `retryable: false`. @throws CircuitOpen, or what `fn` throws.
   */
  run<Value>(fn: () => Promise<Value> | Value): Promise<Value>;
  /** As this node sees it now. */
  state(): BreakerState['phase'];
  /** As all nodes see it, with what this node had yet to tell; while the backend is away, as this node sees it. */
  stats(): Promise<BreakerState>;
  /** Refuses everything on all nodes, for `ttlMs` or until `close` or `reset`. @throws ConfigError, TransportError */
  open(why: { readonly reason: string; readonly ttlMs?: number; readonly by?: string }): Promise<void>;
  /** @throws ConfigError, TransportError */
  close(why: { readonly reason: string; readonly by?: string }): Promise<void>;
  /** Closes it, and its counters begin at zero. @throws ConfigError, TransportError */
  reset(why?: { readonly reason?: string; readonly by?: string }): Promise<void>;
}

/** @throws ConfigError when the name is empty or longer than 256 characters. */
export function breakerHandle(
  breaking: Breaking,
  given: string,
  policy: BreakerPolicy | undefined,
  clock: Clock,
): BreakerHandle {
  const named = parseOptions(name, given, 'breaker');
  const guard = policy === undefined ? breaking.find(named) : breaking.of(named, policy);
  return {
    name: named,
    run: (fn) => run(guard, fn, clock),
    state: () => guard.state.phase,
    stats: async () => {
      await guard.telling.flush();
      return guard.state;
    },
    open: async (why) => {
      await breaking.force(named, { to: 'open', ...parseOptions(openSchema, why, `breaker ${named}: open`) });
    },
    close: async (why) => {
      await breaking.force(named, { to: 'closed', ...parseOptions(closeSchema, why, `breaker ${named}: close`) });
    },
    reset: async (why = {}) => {
      await breaking.force(named, { to: 'reset', ...parseOptions(resetSchema, why, `breaker ${named}: reset`) });
    },
  };
}

async function run<Value>(guard: Guard, fn: () => Promise<Value> | Value, clock: Clock): Promise<Value> {
  const work = async (): Promise<Value> => fn();
  const admission = guard.local.admit();
  if (admission === 'no') throw guard.refused();
  if (admission === 'ask') return guard.asked(clock.now() + RUN_MS, work, judge);
  return guard.run(work, judge);
}

function judge(thrown: unknown): Verdict {
  return (thrown as { retryable?: unknown } | null | undefined)?.retryable === false ? 'nothing' : 'failure';
}
