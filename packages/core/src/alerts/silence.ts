/** A silence: somebody says, with name and reason, that for a while nothing need be told of something that is known. */
import { z } from 'zod';
import type { Alert, Severity } from './alert.ts';
import { MAX_NOTE, MAX_TAG, MAX_WORD } from './bounds.ts';
import { isOneOf } from './pattern.ts';
import { SEVERITIES } from './severity.ts';

/** Which alerts; every field that is given must fit, and at least one must be given. */
export interface SilenceMatcher {
  readonly services?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  /** One that ends in `*` stands for all that begin so. */
  readonly kinds?: readonly string[] | undefined;
  readonly severities?: readonly Severity[] | undefined;
  /** Ids of the nodes that raised it first. */
  readonly nodes?: readonly string[] | undefined;
  /** Alerts that have all of these. */
  readonly tags?: readonly string[] | undefined;
  readonly fingerprints?: readonly string[] | undefined;
}

export interface Silence {
  readonly id: string;
  readonly matcher: SilenceMatcher;
  readonly author: string;
  readonly reason: string;
  /** Backend time, ms. */
  readonly since: number;
  /** Every silence has an end. */
  readonly until: number;
  /** Covers also what is critical, or passes everything else. */
  readonly force: boolean;
}

const MAX_WORDS = 64;

const words = z.array(z.string().min(1).max(MAX_WORD)).min(1).max(MAX_WORDS).optional();

export const silenceMatcherSchema: z.ZodType<SilenceMatcher> = z
  .strictObject({
    services: words,
    methods: words,
    kinds: words,
    severities: z.array(z.enum(SEVERITIES)).min(1).optional(),
    nodes: words,
    tags: z.array(z.string().min(1).max(MAX_TAG)).min(1).max(MAX_WORDS).optional(),
    fingerprints: words,
  })
  .refine((matcher) => Object.values(matcher).some((given) => given !== undefined), {
    message: 'must say which alerts: services, methods, kinds, severities, nodes, tags or fingerprints',
  });

export const silenceSchema: z.ZodType<Silence> = z
  .object({
    id: z.string().min(1).max(MAX_WORD),
    matcher: silenceMatcherSchema,
    author: z.string().min(1).max(MAX_WORD),
    reason: z.string().min(1).max(MAX_NOTE),
    since: z.number().min(0),
    until: z.number().min(0),
    force: z.boolean(),
  })
  .refine(({ since, until }) => until > since, { path: ['until'], message: 'must be later than it begins' })
  .refine(({ force, matcher }) => force || matcher.severities?.includes('critical') !== true, {
    path: ['force'],
    message: 'what is critical is silenced only by force',
  });

/** What a silence is asked about. */
export type Silenceable = Pick<Alert, 'severity' | 'kind' | 'source' | 'tags' | 'fingerprint'> & {
  /** Passes everything that holds back, but a silence with force. */
  readonly bypass: boolean;
};

/** The silence that covers it and lasts longest. */
export function silenceOf(silences: Iterable<Silence>, alert: Silenceable, now: number): Silence | undefined {
  let longest: Silence | undefined;
  for (const silence of silences) {
    if (silence.since > now || silence.until <= now || (alert.bypass && !silence.force)) continue;
    if (!fits(silence.matcher, alert)) continue;
    if (longest === undefined || silence.until > longest.until) longest = silence;
  }
  return longest;
}

function fits(matcher: SilenceMatcher, { severity, kind, source, tags = [], fingerprint }: Silenceable): boolean {
  return (
    isAmong(source.service, matcher.services) &&
    isAmong(source.method, matcher.methods) &&
    (matcher.kinds === undefined || isOneOf(kind, matcher.kinds)) &&
    isAmong(severity, matcher.severities) &&
    isAmong(source.nodeId, matcher.nodes) &&
    (matcher.tags === undefined || matcher.tags.every((tag) => tags.includes(tag))) &&
    isAmong(fingerprint, matcher.fingerprints)
  );
}

function isAmong(word: string | undefined, wanted: readonly string[] | undefined): boolean {
  return wanted === undefined || (word !== undefined && wanted.includes(word));
}
