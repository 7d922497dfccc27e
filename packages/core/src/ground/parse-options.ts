/** How options are parsed at the door: with zod, and a message that names the path of everything that is wrong. */
import { z } from 'zod';
import { ConfigError } from './errors.ts';

export const milliseconds: z.ZodNumber = z.number().int().min(0).max(2_147_483_647);
export const count: z.ZodNumber = z.number().int().min(1);

/**
 * Parses options with a schema.
 * @throws ConfigError whose message names the path of every wrong option.
 */
export function parseOptions<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  subject: string,
): z.output<Schema> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => `${[subject, ...issue.path].join('.')}: ${issue.message}`);
  throw new ConfigError(issues.join('; '), result.error);
}
