/** Alerts as they come from the backend: read strictly, because anybody who can write there could have made them. */
import { z } from 'zod';
import type { Alert, AlertDigest, AlertLevel, AlertRecord, HeldBy, HistoryEntry, Notice } from './alert.ts';
import {
  MAX_ACTIONS,
  MAX_ACTIVE,
  MAX_GROUPS,
  MAX_GROUP_IDS,
  MAX_HISTORY,
  MAX_IMPACT,
  MAX_MESSAGE,
  MAX_METRICS,
  MAX_NOTE,
  MAX_NOTICES,
  MAX_REPORTERS,
  MAX_TAG,
  MAX_TAGS,
  MAX_TOKENS,
  MAX_WORD,
} from './bounds.ts';
import { SEVERITIES } from './severity.ts';

const word = z.string().min(1).max(MAX_WORD);
const name = z.string().max(MAX_WORD);
const moment = z.number().min(0);
const amount = z.number().int().min(0);
const ordinal = z.number().int().min(1);
const severity = z.enum(SEVERITIES);
const level: z.ZodType<AlertLevel> = z.enum(['s1', 's3', 's4', 's5']);
const heldBy: z.ZodType<HeldBy> = z.enum(['inhibition', 'silence', 'limit', 'storm']);
const resolution = z.enum(['resolved', 'false_alarm', 'cleared', 'expired']);

const digestSchema: z.ZodType<AlertDigest> = z.object({
  from: moment,
  to: moment,
  total: amount,
  groups: z
    .array(
      z.object({
        service: name,
        kind: word,
        alerts: amount,
        count: amount,
        severity,
        ids: z.array(word).max(MAX_GROUP_IDS),
      }),
    )
    .max(MAX_GROUPS),
});

const noticeSchema: z.ZodType<Notice> = z.object({
  n: ordinal,
  at: moment,
  to: z.array(level).max(4),
  why: z.enum(['raised', 'escalated', 'repeated', 'reopened', 'worse', 'released', 'hollow', 'digest']),
  digest: digestSchema.optional(),
});

const historySchema: z.ZodType<HistoryEntry> = z.object({
  at: moment,
  event: z.enum([
    'raised',
    'repeated',
    'worse',
    'reopened',
    'escalated',
    'renotified',
    'released',
    'held',
    'acked',
    'cleared',
    'resolved',
    'digested',
    'changed',
    'archived',
  ]),
  by: name,
  note: z.string().max(MAX_NOTE).optional(),
});

const alertShape = z.object({
  id: word,
  type: z.enum(['pain', 'pleasure']),
  severity,
  source: z.object({ service: word.optional(), method: word.optional(), nodeId: word }),
  kind: word,
  message: z.string().min(1).max(MAX_MESSAGE),
  metrics: z
    .record(z.string().max(MAX_TAG), z.union([z.number(), z.string().max(MAX_WORD), z.boolean()]))
    .refine((metrics) => isWithin(Object.keys(metrics).length, MAX_METRICS), {
      message: `must have 1 to ${MAX_METRICS} entries: leave it out where there are none`,
    })
    .optional(),
  impact: z.string().max(MAX_IMPACT).optional(),
  actions: z.array(z.string().max(MAX_WORD)).max(MAX_ACTIONS).optional(),
  // A condition of a node has one more than a program may give.
  tags: z
    .array(z.string().min(1).max(MAX_TAG))
    .max(MAX_TAGS + 1)
    .optional(),
  fingerprint: word.max(MAX_WORD + 'pleasure:'.length),
  causedBy: name.optional(),
  rootOf: amount.optional(),
  state: z.enum(['open', 'acked', 'cleared-unacked', 'resolved']),
  level,
  count: ordinal,
  flaps: amount,
  firstAt: moment,
  lastAt: moment,
  reporters: z.array(word).max(MAX_REPORTERS),
  ackedBy: name.optional(),
  ackedAt: moment.optional(),
  ackType: z.enum(['received', 'investigating', 'responding']).optional(),
  ackNote: z.string().max(MAX_NOTE).optional(),
  eta: moment.optional(),
  resolvedBy: name.optional(),
  resolvedAt: moment.optional(),
  resolution: resolution.optional(),
  hollow: z.boolean().optional(),
  held: z.object({ by: heldBy, until: moment.optional() }).optional(),
  attenuated: z.partialRecord(
    z.enum(['inhibition', 'silence', 'limit', 'storm', 'duplicate', 'flap', 'flood']),
    amount,
  ),
  unrouted: z.boolean().optional(),
  notices: z.array(noticeSchema).max(MAX_NOTICES),
  history: z.array(historySchema).max(MAX_HISTORY),
});

/** An alert, as it is listed and handed to subscribers. */
export const alertSchema: z.ZodType<Alert> = alertShape;

const recordSchema: z.ZodType<AlertRecord> = alertShape.extend({
  timer: z.enum(['autonomy', 'ack', 'resolve', 'hold', 'flap', 'expire', 'digest']).optional(),
  dueAt: moment.optional(),
  reached: z.partialRecord(z.enum(['s1', 's3', 's4', 's5']), ordinal),
  noticed: amount,
  repeats: amount,
  active: z.array(word).max(MAX_ACTIVE),
  tokens: z.array(word).max(MAX_TOKENS),
  bypass: z.boolean(),
  endAfterHold: z.object({ by: name, resolution }).optional(),
});

/** The record that this is; undefined: it is none. */
export function parseRecord(body: unknown): AlertRecord | undefined {
  const result = recordSchema.safeParse(body);
  return result.success ? result.data : undefined;
}

function isWithin(size: number, max: number): boolean {
  return size >= 1 && size <= max;
}
