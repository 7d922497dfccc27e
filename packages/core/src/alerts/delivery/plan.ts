/** What a subscription is, as it was asked for: parsed once, every default a named constant. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ConfigError } from '../../ground/errors.ts';
import { count, milliseconds, parseOptions } from '../../ground/parse-options.ts';
import type { AlertLevel, AlertType, Severity } from '../alert.ts';
import { MAX_WORD } from '../bounds.ts';
import { LEVELS } from '../levels.ts';
import { SEVERITIES } from '../severity.ts';
import type { AlertFilter, AlertHandler, AlertSink, SubscribeOptions } from '../subscriber.ts';

/** A handler may take this long, ms; then it is tried again. */
export const DEFAULT_HANDLER_TIMEOUT_MS = 30_000;
/** Notices handled at once. */
const DEFAULT_CONCURRENCY = 1;
/** Pleasure comes to those who name it. */
const DEFAULT_TYPES: readonly AlertType[] = ['pain'];
/** Characters; a name made of a longer filter is cut, and ends with its hash. */
const MAX_NAME = 120;
const HASH_LENGTH = 16;

/** A filter as it was parsed. */
export interface Wanted {
  /** Undefined: notices for every level. */
  readonly level?: AlertLevel | undefined;
  readonly minSeverity?: Severity | undefined;
  readonly types: readonly AlertType[];
  readonly services?: readonly string[] | undefined;
  readonly kinds?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
}

export interface Plan {
  readonly wanted: Wanted;
  readonly handle: AlertHandler;
  readonly mode: 'group' | 'broadcast';
  readonly name: string;
  readonly concurrency: number;
  readonly human: boolean;
  readonly onlooker: boolean;
  readonly timeoutMs: number;
}

const words = z.array(z.string().min(1).max(MAX_WORD)).min(1).optional();

const filterSchema = z.strictObject({
  level: z.enum(LEVELS).optional(),
  minSeverity: z.enum(SEVERITIES).optional(),
  types: z
    .array(z.enum(['pain', 'pleasure']))
    .min(1)
    .optional(),
  services: words,
  kinds: words,
  tags: words,
});

const optionsSchema = z.strictObject({
  mode: z.enum(['group', 'broadcast']).default('group'),
  name: z.string().min(1).max(MAX_NAME).optional(),
  concurrency: count.max(1_000).default(DEFAULT_CONCURRENCY),
  human: z.boolean().optional(),
  onlooker: z.boolean().default(false),
  timeoutMs: milliseconds.min(1).default(DEFAULT_HANDLER_TIMEOUT_MS),
});

const sinkSchema = z.looseObject({
  name: z.string().min(1).max(MAX_NAME),
  human: z.boolean(),
  handle: z.custom<AlertHandler>((value) => typeof value === 'function', 'must be a function (alert, ctx)'),
});

/** @throws ConfigError naming the path of every wrong option. */
export function planOf(filter: AlertFilter, target: AlertHandler | AlertSink, options: SubscribeOptions): Plan {
  const asked = parseOptions(filterSchema, filter, 'alerts.subscribe: filter');
  const { name, human, ...rest } = parseOptions(optionsSchema, options, 'alerts.subscribe: options');
  const sink = sinkOf(target);
  return {
    ...rest,
    wanted: { ...asked, types: asked.types ?? DEFAULT_TYPES },
    handle: sink.handle,
    name: name ?? sink.name ?? nameOf(asked),
    human: human ?? sink.human,
  };
}

function sinkOf(target: AlertHandler | AlertSink): Pick<Plan, 'handle' | 'human'> & { readonly name?: string } {
  if (typeof target === 'function') return { handle: target, human: false };
  if (typeof target !== 'object' || target === null) {
    throw new ConfigError('alerts.subscribe: give a function (alert, ctx) or a sink');
  }
  const { name, human } = parseOptions(sinkSchema, target, 'alerts.subscribe: sink');
  return { name, human, handle: (alert, ctx) => target.handle(alert, ctx) };
}

/** The same filter makes the same name on every node. */
function nameOf({ level, minSeverity, ...lists }: AlertFilter): string {
  const parts = Object.entries(lists)
    .flatMap(([field, list]) => (list === undefined ? [] : `${field}=${[...list].toSorted().join(',')}`))
    .toSorted();
  const name = [level ?? 'any', ...(minSeverity === undefined ? [] : [`${minSeverity}+`]), ...parts].join(' ');
  if (name.length <= MAX_NAME) return name;
  const hash = createHash('sha256').update(name).digest('base64url').slice(0, HASH_LENGTH);
  return `${name.slice(0, MAX_NAME - HASH_LENGTH - 1)}#${hash}`;
}
