import type { ClientOptions } from '../calling/client.ts';
import type { Contract, MethodSpec } from '../contract/contract.ts';
import type { HomeostatError } from '../ground/errors.ts';
import type { RequestOptions } from '../calling/request-options.ts';
import type { BreakerPolicy } from '../ports/breakers.ts';
import type { CachePolicy, ClaimCheckPolicy, RetryPolicy, WhenFull } from './service-settings.ts';
import type { RoutingPolicy } from '../calling/routing.ts';
import type { Policies } from './policies.ts';
import { cachePolicy, claimCheckPolicy } from './profiles.ts';

/** What holds for the calls of one method of one client. */
export interface CallPolicy extends RoutingPolicy {
  readonly timeoutMs: number | undefined;
  readonly retry: RetryPolicy | false;
  readonly breaker: BreakerPolicy | false;
  readonly cache: CachePolicy | false;
  readonly cacheMode: 'read' | 'refresh';
  readonly cacheKey: ((input: unknown) => string) | undefined;
  readonly maxPending: number;
  readonly hedgeAfterMs: number;
  readonly whenFull: WhenFull;
  readonly claimCheck: ClaimCheckPolicy | false;
  /** Codes that the contract declares: what a handler answers on purpose. */
  readonly declared: ReadonlySet<string>;
  readonly fallback: ((error: HomeostatError, input: unknown) => unknown) | undefined;
}

export type CallOverrides = Pick<RequestOptions, 'retry' | 'breaker' | 'cache' | 'fallback'>;

/** Settings < client < request. @throws ConfigError for a profile that nobody knows. */
export function callPolicy(
  policies: Policies,
  { name }: Contract,
  method: string,
  spec: MethodSpec,
  client: ClientOptions,
  own: CallOverrides = {},
): CallPolicy {
  const { timeoutMs, retry, breaker, cache, limits } = spec;
  const base = policies.method(name, method, { timeoutMs, retry, breaker, cache, limits });
  const { profiles } = policies;
  const caching = own.cache === 'refresh' ? true : own.cache;
  const fallback = own.fallback ?? (typeof client.fallback === 'function' ? client.fallback : undefined);
  return {
    timeoutMs: base.methodTimeoutMs ?? client.timeoutMs ?? base.timeoutMs,
    retry: profiles.retry(profiles.retry(base.retry, client.retry), own.retry),
    breaker: profiles.breaker(profiles.breaker(base.breaker, client.breaker), own.breaker),
    cache: cachePolicy(cachePolicy(base.cache, client.cache), caching),
    cacheMode: own.cache === 'refresh' ? 'refresh' : 'read',
    cacheKey: spec.cacheKey as ((input: unknown) => string) | undefined,
    maxPending: base.maxPending,
    hedgeAfterMs: spec.kind === 'query' ? base.hedgeAfterMs : 0,
    whenFull: client.whenFull ?? base.whenFull,
    claimCheck: claimCheckPolicy(base.claimCheck, client.claimCheck),
    declared: new Set(Object.keys(spec.errors ?? {})),
    fallback,
    balance: client.balance ?? base.balance,
    canary: base.canary,
    delivery: base.delivery === 'disabled' ? 'disabled' : (client.delivery ?? base.delivery),
    deliveryReason: base.deliveryReason,
    // Whoever names another version to turn to does not want to wait for this one.
    failFast: (client.failFast ?? base.failFast) || typeof client.fallback === 'object',
    localMaxLoad: base.localMaxLoad,
    limits: base.limits,
  };
}
