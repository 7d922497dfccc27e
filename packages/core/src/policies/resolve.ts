/** From what all sources say of a service to what holds. Pure. */
import { DEFAULT_SERVICE, type MethodSettings, type ServicePolicy, type ServiceSettings } from './service-settings.ts';
import { limitsPolicy } from '../limits/settings.ts';
import { cachePolicy, claimCheckPolicy, scalePolicy, type Profiles } from './profiles.ts';

/** What holds for one method. */
export interface MethodPolicy extends ServicePolicy {
  /** Of this method alone, from whichever source; stronger than a client's. */
  readonly methodTimeoutMs: number | undefined;
}

/** @param sources weakest first. @throws ConfigError for an unknown profile. */
export function servicePolicy(sources: readonly ServiceSettings[], profiles: Profiles): ServicePolicy {
  return sources.reduce<ServicePolicy>((before, said) => withService(before, said, profiles), DEFAULT_SERVICE);
}

/**
 * @param declared what the contract says of the method; weaker than what a source says of its service.
 * @param defaults what the node says of every service; weaker than the contract.
 */
export function methodPolicy(
  method: string,
  defaults: ServiceSettings,
  declared: MethodSettings,
  sources: readonly ServiceSettings[],
  profiles: Profiles,
): MethodPolicy {
  let policy = withMethod(withService(DEFAULT_SERVICE, defaults, profiles), declared, profiles);
  let methodTimeoutMs = declared.timeoutMs;
  for (const said of sources) {
    policy = withService(policy, said, profiles);
    const own = said.methods?.[method];
    if (own === undefined) continue;
    policy = withMethod(policy, own, profiles);
    methodTimeoutMs = own.timeoutMs ?? methodTimeoutMs;
  }
  return Object.freeze({ ...policy, methodTimeoutMs });
}

function withService(before: ServicePolicy, said: ServiceSettings, profiles: Profiles): ServicePolicy {
  return {
    ...withMethod(before, said, profiles),
    timeoutMs: said.timeoutMs ?? before.timeoutMs,
    maxPending: said.maxPending ?? before.maxPending,
    delivery: said.delivery ?? before.delivery,
    deliveryReason: said.deliveryReason ?? before.deliveryReason,
    localMaxLoad: said.localMaxLoad ?? before.localMaxLoad,
    failFast: said.failFast ?? before.failFast,
    balance: said.balance ?? before.balance,
    canary: said.canary ?? before.canary,
    whenFull: said.whenFull ?? before.whenFull,
    claimCheck: claimCheckPolicy(before.claimCheck, said.claimCheck),
    concurrency: said.concurrency ?? before.concurrency,
    scale: scalePolicy(before.scale, said.scale),
    weight: said.weight ?? before.weight,
  };
}

function withMethod(before: ServicePolicy, said: MethodSettings, profiles: Profiles): ServicePolicy {
  return {
    ...before,
    retry: profiles.retry(before.retry, said.retry),
    breaker: profiles.breaker(before.breaker, said.breaker),
    cache: cachePolicy(before.cache, said.cache),
    hedgeAfterMs: said.hedgeAfterMs ?? before.hedgeAfterMs,
    limits: limitsPolicy(before.limits, said.limits),
  };
}
