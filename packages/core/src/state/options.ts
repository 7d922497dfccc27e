/** What shared state may be asked for, parsed at the door. */
import { z } from 'zod';
import type { StandardSchema } from '../contract/standard-schema.ts';
import { parseOptions } from '../ground/parse-options.ts';

/** Longest time to live, ms: a hundred years of 365 days. Longer is for ever. */
export const MAX_TTL_MS: number = 100 * 365 * 24 * 60 * 60 * 1_000;
/** Longest key, UTF-16 units. */
export const MAX_KEY_LENGTH = 512;
/** Most operations of one pipeline or transaction, and most keys of one `getMany`. */
export const MAX_OPERATIONS = 1_000;

export interface StateOptions {
  /** How long what is set lives, ms; `set` may say otherwise. Default: for ever. */
  readonly ttlMs?: number | undefined;
  /** Whoever reads a value makes its time to live begin anew, as for sessions. Needs `ttlMs`. Default false. */
  readonly sliding?: boolean | undefined;
  /** Any Standard Schema: what is set must fit, and what was read, which is what comes out of it. Default: anything. */
  readonly schema?: StandardSchema | undefined;
}

export interface StateLifetime {
  /** How long it lives from now on, ms; Infinity: for ever. Default: that of the namespace. */
  readonly ttlMs?: number | undefined;
}

export interface StateSetOptions extends StateLifetime {
  /** Only where nothing stands yet. */
  readonly nx?: boolean | undefined;
  /** Only where something stands already. */
  readonly xx?: boolean | undefined;
}

const lifetime = z.number().int().min(1).max(MAX_TTL_MS);
const ttlMs = z.union([lifetime, z.literal(Infinity)], 'must be whole ms from 1 to a hundred years, or Infinity');
const isSchema = (value: unknown): boolean =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as Partial<StandardSchema>)['~standard']?.validate === 'function';

const namespaceSchema = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/, 'letters, digits, dots, underscores and dashes, at most 64');
const optionsSchema: z.ZodType<StateOptions> = z
  .strictObject({
    ttlMs: lifetime.optional(),
    sliding: z.boolean().optional(),
    schema: z.custom<StandardSchema>(isSchema, 'must be a Standard Schema').optional(),
  })
  .refine((options) => options.sliding !== true || options.ttlMs !== undefined, {
    path: ['sliding'],
    message: 'needs ttlMs',
  });
/** A lone surrogate has no bytes of its own: two keys would be one. */
const keySchema = z
  .string()
  .min(1)
  .max(MAX_KEY_LENGTH)
  .refine((key) => !/\p{Surrogate}/u.test(key), 'must be well-formed Unicode');
const revisionSchema = z.number().int().min(0);
const lifetimeSchema: z.ZodType<StateLifetime> = z.strictObject({ ttlMs: ttlMs.optional() });
const setOptionsSchema: z.ZodType<StateSetOptions> = z
  .strictObject({ ttlMs: ttlMs.optional(), nx: z.boolean().optional(), xx: z.boolean().optional() })
  .refine((options) => options.nx !== true || options.xx !== true, { path: ['xx'], message: 'give either nx or xx' });

// Each throws ConfigError naming what is wrong.

export function parseNamespace(given: unknown): string {
  return parseOptions(namespaceSchema, given, 'state: namespace');
}

export function parseStateOptions(space: string, given: unknown): StateOptions {
  return parseOptions(optionsSchema, given, `state ${space}`);
}

export function parseKey(space: string, given: unknown): string {
  return parseOptions(keySchema, given, `state ${space}: key`);
}

export function parseRevision(space: string, given: unknown): number {
  return parseOptions(revisionSchema, given, `state ${space}: revision`);
}

export function parseLifetime(space: string, given: unknown): StateLifetime {
  return parseOptions(lifetimeSchema, given, `state ${space}`);
}

export function parseSetOptions(space: string, given: unknown): StateSetOptions {
  return parseOptions(setOptionsSchema, given, `state ${space}.set`);
}

export function parseTouch(space: string, given: unknown): number | undefined {
  return parseOptions(lifetime.optional(), given, `state ${space}.touch: ttlMs`);
}
