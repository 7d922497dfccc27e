/** How the options of sinks are parsed at the door, and what they have in common. */
import { createHash } from 'node:crypto';
import { ConfigError } from '@homeostat/core';
import { z } from 'zod';

export const sinkName: z.ZodOptional<z.ZodString> = z.string().min(1).max(120).optional();
export const milliseconds: z.ZodNumber = z.number().int().min(1).max(600_000);
export const words: z.ZodRecord<z.ZodString, z.ZodString> = z.record(z.string(), z.string());

/** @throws ConfigError whose message names the path of every wrong option, and no value: it may be a secret. */
export function parseOptions<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  subject: string,
): z.output<Schema> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${[subject, ...path].join('.')}: ${message}`);
  throw new ConfigError(issues.join('; '));
}

/** Characters of a mark. */
const MARK_LENGTH = 8;

/** Tells sinks apart that look alike, the same on every node; what it is made of cannot be read from it. */
export function markOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, MARK_LENGTH);
}
