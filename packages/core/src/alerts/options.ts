/** What `createNode` takes about alerts. */
import { z } from 'zod';
import type { AlertHooks } from './channel.ts';
import { alertPolicySchema, type AlertPolicyOverrides } from './policy-schema.ts';
import { sourcesSchema, type SourcesOptions, type SourcesPolicy } from './sources/options.ts';
import type { AlertHandler } from './subscriber.ts';

export interface AlertsOptions extends AlertHooks {
  /** Told first of what hurts this node, and services of it whose actors have no `onPain`. It may `ctx.resolve()`. */
  readonly onPain?: AlertHandler | undefined;
  /** How alerts are told, escalated and held back, unless it is set live; every field has a default. */
  readonly policy?: AlertPolicyOverrides | undefined;
  /** What the runtime itself feels, and from when on; `false` switches a source, or all of them, off. */
  readonly sources?: SourcesOptions | false | undefined;
}

export interface AlertsSettings extends AlertHooks {
  readonly onPain?: AlertHandler | undefined;
  readonly policy: AlertPolicyOverrides;
  readonly sources: SourcesPolicy | false;
}

const hook = z.custom<(...given: never[]) => unknown>((value) => typeof value === 'function', 'must be a function');

export const alertsSchema: z.ZodType<AlertsSettings> = z
  .strictObject({
    onPain: hook.optional(),
    onLocalAlert: hook.optional(),
    fallback: hook.optional(),
    policy: alertPolicySchema.default({}),
    sources: z.union([z.literal(false), sourcesSchema]).prefault({}),
  })
  .prefault({}) as unknown as z.ZodType<AlertsSettings>;
