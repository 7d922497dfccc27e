/** Named profiles and single fields, for what is retried or protected by hand. */
import type { BreakerPolicy } from '../ports/breakers.ts';
import { parseOptions } from '../ground/parse-options.ts';
import { Profiles } from '../policies/profiles.ts';
import {
  breakerSettingSchema,
  DEFAULT_BREAKER,
  DEFAULT_RETRY,
  retrySettingSchema,
  type BreakerSetting,
  type RetryPolicy,
  type RetrySetting,
} from '../policies/service-settings.ts';

const BUILT_IN = new Profiles();

/** `retryPolicy('aggressive')`, `retryPolicy({ attempts: 5 })`; what is not said is as by default. @throws ConfigError */
export function retryPolicy(setting: Exclude<RetrySetting, false>, profiles: Profiles = BUILT_IN): RetryPolicy {
  const parsed = parseOptions(retrySettingSchema, setting, 'retry');
  return profiles.retry(DEFAULT_RETRY, parsed) as RetryPolicy;
}

/** `breakerPolicy('vsm')`, `breakerPolicy({ openMs: 5_000 })`; what is not said is as by default. @throws ConfigError */
export function breakerPolicy(setting: Exclude<BreakerSetting, false>, profiles: Profiles = BUILT_IN): BreakerPolicy {
  const parsed = parseOptions(breakerSettingSchema, setting, 'breaker');
  return profiles.breaker(DEFAULT_BREAKER, parsed) as BreakerPolicy;
}
