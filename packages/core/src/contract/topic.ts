/** What publishers and subscribers share: a name, a schema, and how much is kept for whom. */
import { z } from 'zod';
import { ConfigError } from '../ground/errors.ts';
import { count, parseOptions } from '../ground/parse-options.ts';
import { TOPIC_NAME } from '../topics/names.ts';
import type { StandardSchema } from './standard-schema.ts';

/** Messages that may wait for a group while nobody serves it. */
export const DEFAULT_RETENTION_MESSAGES = 1_000_000;
/** Bytes that may wait for a group while nobody serves it: 256 MiB. */
export const DEFAULT_RETENTION_BYTES: number = 256 * 1024 * 1024;
/** How long the oldest message may wait for a group while nobody serves it, ms: a week. */
export const DEFAULT_RETENTION_MS = 604_800_000;

/** Beyond any of these, a group that no living node serves is dropped. */
export interface Retention {
  readonly messages: number;
  readonly bytes: number;
  /** Of the oldest message that waits, ms. */
  readonly ms: number;
}

/** How much of what was published is kept for replay, whoever has had it; what is beyond either bound goes. */
export interface Keep {
  readonly messages?: number | undefined;
  readonly ms?: number | undefined;
}

export interface TopicOptions {
  /** What may wait for a group that nobody serves. Default: a million messages, 256 MiB, a week. */
  readonly retention?: { readonly [Bound in keyof Retention]?: Retention[Bound] | undefined } | undefined;
  /** What is kept for replay: at least one bound. Default: nothing, `from` finds nothing then. */
  readonly keep?: Keep | undefined;
}

export interface Topic<Schema extends StandardSchema = StandardSchema> {
  readonly name: string;
  readonly schema: Schema;
  readonly retention: Retention;
  readonly keep: Keep | undefined;
}

const lifetime = z.number().int().min(1).max(8.64e15);

const topicOptionsSchema = z.strictObject({
  retention: z
    .strictObject({
      messages: count.default(DEFAULT_RETENTION_MESSAGES),
      bytes: count.default(DEFAULT_RETENTION_BYTES),
      ms: lifetime.default(DEFAULT_RETENTION_MS),
    })
    .prefault({}),
  keep: z
    .strictObject({ messages: count.optional(), ms: lifetime.optional() })
    .refine(({ messages, ms }) => messages !== undefined || ms !== undefined, 'needs messages, ms, or both')
    .optional(),
});

/**
 * Declares a topic.
 * @param name lower case letters, digits and dashes, in segments with dots between them: `orders.created`. At most 100.
 * @param schema any Standard Schema. Publishers check with it, subscribers parse with it.
 * @throws ConfigError naming the part that is wrong.
 */
export function topic<Schema extends StandardSchema>(
  name: string,
  schema: Schema,
  options: TopicOptions = {},
): Topic<Schema> {
  if (!TOPIC_NAME.test(name)) throw new ConfigError(`topic name "${name}" must match ${TOPIC_NAME.source}`);
  if (typeof schema?.['~standard']?.validate !== 'function')
    throw new ConfigError(`topic ${name}: schema must be a Standard Schema (zod, valibot, arktype, …)`);
  const { retention, keep } = parseOptions(topicOptionsSchema, options, `topic ${name}: options`);
  return Object.freeze({ name, schema, retention: Object.freeze(retention), keep });
}
