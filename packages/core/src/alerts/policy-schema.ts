/** What may be said of the alert policy, in code or live; what is not said stays as it is. */
import { z } from 'zod';
import { count, milliseconds } from '../ground/parse-options.ts';
import type { AlertLevel, Severity } from './alert.ts';
import { MAX_WORD } from './bounds.ts';
import type { AlertPolicy, SeverityPolicy } from './policy.ts';

type Some<Settings> = { readonly [Key in keyof Settings]?: Settings[Key] | undefined };

/** Some of the policy. */
export interface AlertPolicyOverrides extends Some<Omit<AlertPolicy, 'severities' | 'storm'>> {
  readonly severities?: Some<Record<Severity, Some<SeverityPolicy>>> | undefined;
  readonly storm?: Some<AlertPolicy['storm']> | undefined;
}

/** A timer needs time to be carried out. */
const period = milliseconds.min(1);
const MAX_BYPASS_KINDS = 100;

const level: z.ZodType<AlertLevel> = z.enum(['s1', 's3', 's4', 's5']);

const severityPolicy = z
  .strictObject({
    first: z.array(level).max(4),
    autonomyMs: milliseconds,
    ackByMs: milliseconds,
    resolveByMs: milliseconds,
    repeatMs: milliseconds,
    maxRepeats: z.number().int().min(0).nullable(),
    perMinute: count.nullable(),
    ttlMs: milliseconds,
  })
  .partial();

/** What is critical is never held back: nobody can say how many of them a minute may bring. */
const criticalPolicy = severityPolicy
  .refine(({ perMinute }) => perMinute === undefined || perMinute === null, {
    path: ['perMinute'],
    message: 'what is critical is never limited',
  })
  .refine(({ first }) => first === undefined || first.includes('s5'), {
    path: ['first'],
    message: 'what is critical goes to s5 at once',
  });

export const alertPolicySchema: z.ZodType<AlertPolicyOverrides> = z
  .strictObject({
    severities: z
      .strictObject({ critical: criticalPolicy, high: severityPolicy, medium: severityPolicy, low: severityPolicy })
      .partial(),
    bypassKinds: z.array(z.string().min(1).max(MAX_WORD)).max(MAX_BYPASS_KINDS),
    burst: z.number().int().min(0),
    reopenMs: period,
    flapHoldMs: period,
    storm: z.strictObject({ enter: count, windowMs: period, calmMs: period, digestMs: period }).partial(),
    flood: count,
    floodWindowMs: period,
    retentionMs: period,
    maxLive: count,
  })
  .partial();

export function mergePolicy(base: AlertPolicy, overrides: AlertPolicyOverrides): AlertPolicy {
  const { severities = {}, storm = {}, ...rest } = overrides;
  return {
    ...withGiven(base, rest),
    severities: {
      critical: withGiven(base.severities.critical, severities.critical),
      high: withGiven(base.severities.high, severities.high),
      medium: withGiven(base.severities.medium, severities.medium),
      low: withGiven(base.severities.low, severities.low),
    },
    storm: withGiven(base.storm, storm),
  };
}

/** What is given as undefined is not given. */
function withGiven<Settings extends object>(base: Settings, given: Some<Settings> | undefined): Settings {
  const said = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return { ...base, ...Object.fromEntries(said) };
}
