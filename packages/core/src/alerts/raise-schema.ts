/** What a program says when something hurts, read at the door. */
import { z } from 'zod';
import { ValidationError } from '../ground/errors.ts';
import { milliseconds } from '../ground/parse-options.ts';
import type { AlertType, Raised, RaiseOptions } from './alert.ts';
import {
  MAX_ACTIONS,
  MAX_IMPACT,
  MAX_MESSAGE,
  MAX_METRICS,
  MAX_SCOPE,
  MAX_TAG,
  MAX_TAGS,
  MAX_WORD,
  cut,
} from './bounds.ts';
import { fingerprintOf } from './fingerprint.ts';
import { isOneOf } from './pattern.ts';
import { parseSeverity } from './severity.ts';

/** Where and when it is raised. */
export interface RaisePlace {
  readonly nodeId: string;
  /** Backend time, ms. */
  readonly now: number;
  /** Unique: a raise that is told twice is counted once. */
  readonly token: string;
  /** Of the policy: kinds that pass everything that holds back; one that ends in `*` stands for all that begin so. */
  readonly bypassKinds: readonly string[];
}

/** Fingerprint and kind of the storm alert: nobody else's. */
export const STORM = 'storm';

type Metric = number | string | boolean;

const word = z.string().trim().min(1).max(MAX_WORD);

const raiseSchema = z.strictObject({
  kind: word,
  message: z
    .string()
    .trim()
    .min(1)
    .transform((text) => cut(text, MAX_MESSAGE)),
  severity: z
    .string()
    .default('medium')
    .transform((given, context) => {
      const severity = parseSeverity(given);
      if (severity !== undefined) return severity;
      context.addIssue({ code: 'custom', message: 'must be critical, high, medium or low' });
      return z.NEVER;
    }),
  service: word.optional(),
  method: word.optional(),
  scope: z.string().max(MAX_SCOPE).optional(),
  perNode: z.boolean().optional(),
  fingerprint: word.refine((given) => given !== STORM, { message: `"${STORM}" is taken` }).optional(),
  metrics: z
    .record(z.string(), z.union([z.number(), z.nan(), z.literal([Infinity, -Infinity]), z.string(), z.boolean()]))
    .refine((metrics) => Object.keys(metrics).length > 0, { message: 'must not be empty: leave it out' })
    .transform(boundedMetrics)
    .optional(),
  impact: z
    .string()
    .transform((text) => cut(text, MAX_IMPACT))
    .optional(),
  actions: z
    .array(z.string())
    .transform((actions) => actions.slice(0, MAX_ACTIONS).map((action) => cut(action, MAX_WORD)))
    .optional(),
  tags: z.array(z.string().min(1).max(MAX_TAG)).max(MAX_TAGS).optional(),
  causedBy: word.optional(),
  emergency: z.boolean().optional(),
  onDelayMs: milliseconds.optional(),
});

/**
 * A raise with its place and time. What is too long to keep is cut; a condition of a node (`scope: 'node:<id>'`) gets
 * that as a tag too, so that rules see it.
 * @throws ValidationError where it is none.
 */
export function parseRaise(type: AlertType, options: RaiseOptions, place: RaisePlace): Raised {
  const result = raiseSchema.safeParse(options);
  if (!result.success) throw refused(type, result.error);
  const { severity, kind, message, service, method, metrics, impact, actions, causedBy, emergency } = result.data;
  const { nodeId, now, token } = place;
  const bypass = severity === 'critical' || emergency === true || isOneOf(kind, place.bypassKinds);
  const tags = tagsOf(result.data);
  return {
    type,
    severity,
    kind,
    message,
    source: { nodeId, ...(service === undefined ? {} : { service }), ...(method === undefined ? {} : { method }) },
    fingerprint: fingerprintFor(type, result.data, nodeId),
    ...(metrics === undefined ? {} : { metrics }),
    ...(impact === undefined ? {} : { impact }),
    ...(actions === undefined ? {} : { actions }),
    ...(tags === undefined ? {} : { tags }),
    ...(causedBy === undefined ? {} : { causedBy }),
    // Nobody has to be woken because something goes well.
    bypass: type === 'pain' && bypass,
    at: now,
    count: 1,
    token,
    reporter: nodeId,
  };
}

function refused(type: AlertType, { issues }: z.ZodError): ValidationError {
  return new ValidationError(
    'input',
    type,
    issues.map(({ path, message }) => ({
      path: path.map((key) => (typeof key === 'symbol' ? String(key) : key)),
      message,
    })),
  );
}

type Parsed = z.output<typeof raiseSchema>;

/** Pleasure never shares a slot with pain, whatever the fingerprint that was given. */
function fingerprintFor(type: AlertType, parsed: Parsed, nodeId: string): string {
  const { fingerprint, kind, service, method, scope, perNode } = parsed;
  if (fingerprint === undefined) return fingerprintOf({ type, kind, service, method, scope, nodeId, perNode });
  return type === 'pain' ? fingerprint : `${type}:${fingerprint}`;
}

const NODE_SCOPE = 'node:';

function tagsOf({ tags, scope }: Parsed): readonly string[] | undefined {
  if (scope === undefined || !scope.startsWith(NODE_SCOPE) || scope.length > MAX_TAG) return tags;
  return [...new Set([scope, ...(tags ?? [])])];
}

/** What no JSON carries becomes text. */
function boundedMetrics(metrics: Readonly<Record<string, Metric>>): Readonly<Record<string, Metric>> {
  const kept = Object.entries(metrics).slice(0, MAX_METRICS);
  return Object.fromEntries(kept.map(([name, value]) => [cut(name, MAX_TAG), boundedMetric(value)]));
}

function boundedMetric(value: Metric): Metric {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  return typeof value === 'string' ? cut(value, MAX_WORD) : value;
}
