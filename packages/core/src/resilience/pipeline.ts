/**
 * The powers that protect a call, in their one order:
 * cache → fallback → retry → hedge → breaker → bulkhead → send. What a policy leaves out is not in the chain.
 */
import type { Breaking } from '../breaker/breaking.ts';
import { breaking } from '../breaker/layer.ts';
import type { Link } from '../backend.ts';
import type { BreakerPolicy } from '../ports/breakers.ts';
import type { Timers } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { CachePolicy, RetryPolicy } from '../policies/service-settings.ts';
import { bulkheading, Bulkheads } from './bulkhead.ts';
import { Caching } from './cache.ts';
import { fallingBack, type Fallback } from './fallback.ts';
import { hedging } from './hedge.ts';
import type { Layer, Request, Send } from './request.ts';
import { retrying } from './retry.ts';
import { RetryBudgets } from './retry-budget.ts';
import { RetryCounters } from './retry-counters.ts';

/** What holds for the calls of one method. */
export interface PipelinePolicy {
  readonly retry: RetryPolicy | false;
  readonly breaker: BreakerPolicy | false;
  readonly cache: CachePolicy | false;
  /** Calls of the service that this node may have under way. */
  readonly maxPending: number;
  /** 0: no hedge. */
  readonly hedgeAfterMs: number;
  readonly fallback?: Fallback | undefined;
  readonly cacheMode?: 'read' | 'refresh' | undefined;
  /** The caller's own key for the cache. */
  readonly cacheKey?: ((input: unknown) => string) | undefined;
  /** Default: the request's subject. */
  readonly breakerName?: string | undefined;
  /** Codes that the contract declares: the breaker never takes them for failures. */
  readonly declared?: ReadonlySet<string> | undefined;
}

/** What all chains of a node share. */
export interface PipelineNeeds {
  /** `clock.now()` is the time that deadlines are written in; a timer keeps the process alive for the caller's sake. */
  readonly timers: Timers;
  readonly log: Log;
  readonly breaking: Breaking;
  readonly bulkheads: Bulkheads;
  readonly budgets: RetryBudgets;
  readonly counters: RetryCounters;
  readonly caching: Caching;
  readonly random?: (() => number) | undefined;
}

/** @param parts `timers.clock` shows backend time. */
export function pipelineNeeds(
  parts: Pick<PipelineNeeds, 'timers' | 'log' | 'breaking' | 'random'> & {
    readonly link: Pick<Link, 'cache' | 'permits'>;
    /** Larger answers are not kept, bytes. */
    readonly maxBodyBytes: number;
    /** A call of the service was not tried again because the retry budget is spent. Must not throw. */
    readonly budgetSpent?: ((service: string) => void) | undefined;
  },
): PipelineNeeds {
  const { link, maxBodyBytes, budgetSpent: spent, ...needs } = parts;
  const { timers, log } = needs;
  return {
    ...needs,
    bulkheads: new Bulkheads(),
    budgets: new RetryBudgets({ permits: link.permits, timers, log, spent }),
    counters: new RetryCounters(),
    caching: new Caching({ cache: link.cache, timers, log, maxBodyBytes }),
  };
}

/** The chain of one method, made when its first request comes: that names service and method. */
export function pipeline(policy: PipelinePolicy, needs: PipelineNeeds, send: Send): Send {
  let chain: Send | undefined;
  return (request) => (chain ??= chainOf(policy, needs, send, request))(request);
}

function chainOf(policy: PipelinePolicy, needs: PipelineNeeds, send: Send, request: Request): Send {
  return layersOf(policy, needs, request).reduceRight((next, layer) => layer(next), settled(send));
}

/** Outermost first. */
function layersOf(policy: PipelinePolicy, needs: PipelineNeeds, { service, subject }: Request): Layer[] {
  const { timers, log, random } = needs;
  const { cache, cacheMode: mode, cacheKey: key, fallback, retry, hedgeAfterMs, breaker } = policy;
  const layers: Layer[] = [];
  if (cache !== false) layers.push(needs.caching.layer({ ...cache, mode, key }));
  if (fallback !== undefined) layers.push(fallingBack(fallback));
  if (retry === false) layers.push(once);
  else {
    const budget = needs.budgets.of(service, retry);
    layers.push(retrying({ timers, log, random, budget, tally: needs.counters.of(service) }, retry));
  }
  if (hedgeAfterMs > 0) layers.push(hedging(timers, hedgeAfterMs));
  if (breaker !== false)
    layers.push(breaking(needs.breaking.of(policy.breakerName ?? subject, breaker), policy.declared));
  layers.push(bulkheading(needs.bulkheads.of(service), policy.maxPending));
  return layers;
}

/** In place of `retrying`: the one try is counted all the same. */
function once(next: Send): Send {
  return (request) => {
    request.attempts += 1;
    return next(request);
  };
}

/** A send that throws would leave the counts of the layers above it open. */
function settled(send: Send): Send {
  return (request) => {
    try {
      return send(request);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  };
}
