import type { BreakerPolicy } from '../ports/breakers.ts';
import { ConfigError } from '../ground/errors.ts';
import {
  BREAKER_PROFILES,
  DEFAULT_BREAKER,
  DEFAULT_CACHE,
  DEFAULT_CLAIM_CHECK,
  DEFAULT_RETRY,
  DEFAULT_SCALE,
  RETRY_PROFILES,
  type BreakerFields,
  type BreakerSetting,
  type CachePolicy,
  type CacheSetting,
  type ClaimCheckPolicy,
  type ClaimCheckSetting,
  type RetryFields,
  type RetryPolicy,
  type RetrySetting,
  type ScalePolicy,
  type ServiceSettings,
} from './service-settings.ts';

/** Named sets of fields: the built-in ones and those of the node's own options. */
export class Profiles {
  readonly #retry: ReadonlyMap<string, Partial<RetryPolicy>>;
  readonly #breaker: ReadonlyMap<string, Partial<BreakerPolicy>>;

  constructor(
    own: {
      readonly retry?: Readonly<Record<string, RetryFields>> | undefined;
      readonly breaker?: Readonly<Record<string, BreakerFields>> | undefined;
    } = {},
  ) {
    this.#retry = new Map([...Object.entries(RETRY_PROFILES), ...entriesOf<RetryPolicy>(own.retry)]);
    this.#breaker = new Map([...Object.entries(BREAKER_PROFILES), ...entriesOf<BreakerPolicy>(own.breaker)]);
  }

  /** What `setting` makes of what the weaker sources had said. @throws ConfigError for a profile that nobody knows. */
  retry(before: RetryPolicy | false, setting: RetrySetting | undefined): RetryPolicy | false {
    return applied(before, setting, DEFAULT_RETRY, this.#retry, 'retry');
  }

  /** As `retry`. */
  breaker(before: BreakerPolicy | false, setting: BreakerSetting | undefined): BreakerPolicy | false {
    return applied(before, setting, DEFAULT_BREAKER, this.#breaker, 'breaker');
  }
}

export function cachePolicy(before: CachePolicy | false, setting: CacheSetting | undefined): CachePolicy | false {
  if (setting === undefined) return before;
  if (setting === false) return false;
  const base = before === false ? DEFAULT_CACHE : before;
  return setting === true ? base : { ...base, ...said(setting) };
}

export function claimCheckPolicy(
  before: ClaimCheckPolicy | false,
  setting: ClaimCheckSetting | undefined,
): ClaimCheckPolicy | false {
  if (setting === undefined) return before;
  if (setting === false) return false;
  const base = before === false ? DEFAULT_CLAIM_CHECK : before;
  return setting === true ? base : { ...base, ...said(setting) };
}

export function scalePolicy(before: ScalePolicy | false, setting: ServiceSettings['scale']): ScalePolicy | false {
  if (setting === undefined) return before;
  if (setting === false) return false;
  return { ...(before === false ? DEFAULT_SCALE : before), ...said(setting) };
}

/** A profile begins anew from the defaults; single fields change what stood before. */
function applied<Policy extends object>(
  before: Policy | false,
  setting: boolean | string | (Partial<Record<keyof Policy, unknown>> & { profile?: string | undefined }) | undefined,
  defaults: Policy,
  profiles: ReadonlyMap<string, Partial<Policy>>,
  what: string,
): Policy | false {
  if (setting === undefined) return before;
  if (setting === false) return false;
  if (setting === true) return before === false ? defaults : before;
  const { profile, ...fields } = typeof setting === 'string' ? { profile: setting } : setting;
  if (profile === undefined) return { ...(before === false ? defaults : before), ...(said(fields) as Partial<Policy>) };
  const named = profiles.get(profile);
  if (named === undefined)
    throw new ConfigError(`${what}: there is no profile "${profile}"; there are ${[...profiles.keys()].join(', ')}`);
  return { ...defaults, ...named, ...(said(fields) as Partial<Policy>) };
}

/** The fields that were really given. */
function said<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]?: Exclude<Fields[Name], undefined>;
  };
}

function entriesOf<Policy>(own: Readonly<Record<string, object>> = {}): [string, Partial<Policy>][] {
  return Object.entries(own).map(([name, fields]) => [name, said(fields) as Partial<Policy>]);
}
