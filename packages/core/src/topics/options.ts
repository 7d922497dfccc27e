/** What publishing and subscribing take, parsed at the door. */
import { z } from 'zod';
import type { StandardSchema } from '../contract/standard-schema.ts';
import type { Topic } from '../contract/topic.ts';
import { ConfigError } from '../ground/errors.ts';
import { milliseconds, parseOptions } from '../ground/parse-options.ts';
import { actorOptionsSchema, type ActorOptions, type ActorPolicy } from '../node/options.ts';
import type { Since } from '../ports/topics.ts';
import { GROUP_NAME } from './names.ts';

export interface PublishOptions {
  /** How long to wait until the backend has accepted it, ms. Default: the node's (30 s). */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
  /** Travels with the message; handlers read it as `ctx.key`. */
  readonly key?: string | undefined;
  /** Travel with the message; handlers read them as `ctx.headers`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Where a replay begins: with the first message that is kept, or with the first from this moment on (ms in backend time). */
export type From = 'oldest' | Date | number;

/** How a group is served on this node. The group itself is the same on all nodes that name it so. */
export interface GroupOptions extends Omit<ActorOptions, 'keyed' | 'onPain'> {
  /** Each group has a copy of every message; of the nodes of a group one handles it. Default: the node's name. */
  readonly group?: string | undefined;
  /** Of a new group: what it begins with. Default `new`: what is published from now on. A group that is there goes on. */
  readonly from?: From | 'new' | undefined;
  readonly everyNode?: false | undefined;
}

/** How every message that is broadcast is heard on this node; it has no group, and nothing is kept for it. */
export interface EveryNodeOptions {
  readonly everyNode: true;
}

export type TopicSubscribeOptions = GroupOptions | EveryNodeOptions;

/** Of a pattern: its topics may have schemas of their own; what does not fit this one fails. Default: anything fits. */
export interface PatternSchema<Schema extends StandardSchema = StandardSchema> {
  readonly schema?: Schema | undefined;
}

const publishSchema: z.ZodType<PublishOptions> = z.strictObject({
  timeoutMs: milliseconds.min(1).optional(),
  signal: z.instanceof(AbortSignal).optional(),
  key: z.string().min(1).max(512).optional(),
  headers: z.record(z.string().max(256), z.string().max(8_192)).optional(),
});

const moment = z.union([z.number().min(0).max(8.64e15), z.date()]);

const ownSchema = z.object({
  group: z.string().regex(GROUP_NAME, 'lower case letters, digits and dashes, at most 64').optional(),
  from: z.union([z.enum(['new', 'oldest']), moment], "must be 'new', 'oldest', a Date or milliseconds").optional(),
  everyNode: z.boolean().optional(),
  schema: z
    .custom<StandardSchema>(
      (value) => typeof (value as StandardSchema | undefined)?.['~standard']?.validate === 'function',
      'must be a Standard Schema (zod, valibot, arktype, …)',
    )
    .optional(),
});

const everyNodeSchema = z.strictObject({ everyNode: z.literal(true), schema: z.unknown().optional() });

/** What an actor takes and a group does not, and what to do instead. */
const NOT_OF_GROUPS: Readonly<Record<string, string>> = {
  keyed: 'a group has no order by key: cast to a keyed actor in its handler, with { key, id: ctx.messageId }',
  onPain: "what hurts a group is told to the node's: createNode({ alerts: { onPain } })",
};

export type Subscribing =
  | { readonly everyNode: true; readonly schema: StandardSchema | undefined }
  | {
      readonly everyNode: false;
      readonly group: string;
      readonly since: Since | undefined;
      readonly policy: ActorPolicy;
      readonly schema: StandardSchema | undefined;
    };

/** @throws ConfigError naming the option that is wrong or unknown. */
export function checkPublishOptions(options: PublishOptions, subject: string): PublishOptions {
  return parseOptions(publishSchema, options, `${subject}: options`);
}

/** @throws ConfigError naming the option that is wrong or unknown. */
export function checkSubscribeOptions(
  options: TopicSubscribeOptions & PatternSchema,
  subject: string,
  defaultGroup: string,
): Subscribing {
  const where = `${subject}: options`;
  const { group = defaultGroup, from, everyNode = false, schema } = parseOptions(ownSchema, options, where);
  if (everyNode) {
    parseOptions(everyNodeSchema, options, where);
    return { everyNode, schema };
  }
  const {
    group: _group,
    from: _from,
    everyNode: _everyNode,
    schema: _schema,
    ...rest
  } = options as GroupOptions & PatternSchema;
  for (const [name, instead] of Object.entries(NOT_OF_GROUPS))
    if (Object.hasOwn(rest, name)) throw new ConfigError(`${where}.${name}: ${instead}`);
  const policy = parseOptions(actorOptionsSchema, rest, where);
  return { everyNode, group, since: from === 'new' || from === undefined ? undefined : since(from), policy, schema };
}

/** A program without types may have given a name, a contract, or nothing. @throws ConfigError */
export function mustBeTopic(given: unknown, where: string): void {
  const { name, schema } = (given ?? {}) as Partial<Topic>;
  if (typeof name !== 'string' || schema === undefined)
    throw new ConfigError(`${where}: it takes what topic('orders.created', schema) makes`);
}

/** @throws ConfigError when it is no group's name. */
export function checkGroup(group: string, subject: string): void {
  if (!GROUP_NAME.test(group)) throw new ConfigError(`${subject}: group "${group}" must match ${GROUP_NAME.source}`);
}

/** @throws ConfigError when it is no point to begin at. */
export function checkFrom(from: From, subject: string): Since {
  return since(parseOptions(z.union([z.literal('oldest'), moment]), from, `${subject}: from`));
}

function since(from: From): Since {
  return from instanceof Date ? from.getTime() : from;
}
