/** What nodes tell each other of topics, as a shared record that soon ends: read strictly, anybody could have written it. */
import { z } from 'zod';
import type { DroppedGroup } from '../ports/topics.ts';
import { GROUP_NAME, isPattern, TOPIC_NAME } from './names.ts';

/** Family of the records. */
export const TOPICS = 'topics';
/** Whoever has not heard of it by then has found out by itself, ms. */
export const TOLD_MS = 60_000;

/** Why a group is no more: more waited for it than is retained and nobody served it, or somebody said so. */
export type DropReason = 'retention' | 'hand';

export type TopicNews =
  /** Somebody has published to a topic for the first time, and patterns have attached groups to it. */
  | { readonly what: 'new'; readonly topic: string }
  /** Somebody has ended what a pattern stands for. */
  | { readonly what: 'unpattern'; readonly pattern: string; readonly group: string }
  | ({ readonly what: 'dropped'; readonly reason: DropReason; readonly by: string } & DroppedGroup);

const whole = z.number().int().min(0);
const topic = z.string().regex(TOPIC_NAME);
const group = z.string().regex(GROUP_NAME);

const newsSchema: z.ZodType<TopicNews> = z.discriminatedUnion('what', [
  z.object({ what: z.literal('new'), topic }),
  z.object({ what: z.literal('unpattern'), pattern: z.string().refine(isPattern), group }),
  z.object({
    what: z.literal('dropped'),
    reason: z.enum(['retention', 'hand']),
    by: z.string().max(128),
    topic,
    group,
    messages: whole,
    bytes: whole,
    dead: whole,
  }),
]);

const recordSchema = z.object({ at: z.number(), body: newsSchema });

/** When it was told, backend time in ms, and what; undefined when it is no news of topics. */
export function parseNews(record: unknown): { readonly at: number; readonly news: TopicNews } | undefined {
  const parsed = recordSchema.safeParse(record);
  return parsed.success ? { at: parsed.data.at, news: parsed.data.body } : undefined;
}
