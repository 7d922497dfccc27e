/** What nodes tell each other of topics: which are new, and what was ended. */
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Emitter } from '../node/events.ts';
import type { NewsItem } from '../ports/membership.ts';
import type { Records } from '../ports/records.ts';
import type { DroppedGroup, Topics } from '../ports/topics.ts';
import type { NewsReader } from '../registry/registry.ts';
import type { Groups } from './groups.ts';
import { parseNews, TOLD_MS, TOPICS, type DropReason, type TopicNews } from './news.ts';
import type { Patterns } from './patterns.ts';

export interface TellingNeeds {
  readonly topics: Topics;
  readonly records: Records;
  readonly events: Emitter;
  readonly log: Log;
  readonly nodeName: string;
  readonly groups: Groups;
  readonly patterns: Patterns;
  memberId(): string;
}

/** News of groups that are no more are remembered, so many. */
const MOST_HEARD = 1_000;

export class Telling implements NewsReader {
  readonly #needs: TellingNeeds;
  /** What was heard of groups that are no more, so that it is told once. */
  readonly #heard = new Set<string>();

  constructor(needs: TellingNeeds) {
    this.#needs = needs;
  }

  /** The first message to a topic waits for groups that patterns attached: their nodes are told. */
  async came(topic: string): Promise<void> {
    this.#needs.patterns.came(topic);
    await this.#tell(topic, { what: 'new', topic });
  }

  async dropped(groups: readonly DroppedGroup[], reason: DropReason): Promise<void> {
    const by = this.#needs.memberId();
    for (const group of groups) {
      this.#needs.events.emit('groupDropped', { ...group, reason, by });
      const at = await this.#tell(`${group.topic}@${group.group}`, { what: 'dropped', reason, by, ...group });
      // It is written down for a while, and this node may be another member when it reads that.
      if (at !== undefined) this.#isNews(heardAs(at, group));
    }
  }

  async unpattern(pattern: string, group: string): Promise<void> {
    await this.#tell(`${pattern} ${group}`, { what: 'unpattern', pattern, group });
  }

  apply({ kind, body }: NewsItem): void {
    if (kind === TOPICS) this.#hear(body);
  }

  /** What was told lately is still written down. */
  async resync(): Promise<void> {
    for (const record of await this.#needs.records.all(TOPICS)) this.#hear(record);
  }

  #hear(record: unknown): void {
    const { at, news } = parseNews(record) ?? { at: 0 };
    if (news?.what === 'new') this.#needs.patterns.came(news.topic);
    else if (news?.what === 'unpattern') void this.#unpatterned(at, news.pattern, news.group);
    else if (news?.what === 'dropped') void this.#gone(at, news);
  }

  async #unpatterned(at: number, pattern: string, group: string): Promise<void> {
    const { patterns } = this.#needs;
    if (!patterns.servedBefore(at, pattern, group)) return;
    await patterns.close(pattern, group, 0).catch((thrown: unknown) => this.#notClosed(pattern, group, thrown));
  }

  async #gone(at: number, { what: _what, ...dropped }: Extract<TopicNews, { what: 'dropped' }>): Promise<void> {
    const { topic, group, reason, by } = dropped;
    const { events, memberId, topics, groups, patterns } = this.#needs;
    if (by === memberId() || !this.#isNews(heardAs(at, dropped))) return;
    events.emit('groupDropped', dropped);
    if (reason !== 'hand') return;
    try {
      const served = groups.servedBefore(at, topic, group) && (await groups.close(topic, group, 0));
      await patterns.gone(topic, group);
      // A reader that found its group gone has made it again.
      if (served) await topics.tidy(topic, group);
    } catch (thrown) {
      this.#notClosed(topic, group, thrown);
    }
  }

  /** Whoever reads all anew is told again what is still written down. */
  #isNews(name: string): boolean {
    if (this.#heard.has(name)) return false;
    this.#heard.add(name);
    const [oldest] = this.#heard;
    if (this.#heard.size > MOST_HEARD) this.#heard.delete(oldest!);
    return true;
  }

  #notClosed(subject: string, group: string, thrown: unknown): void {
    this.#needs.log.warn(
      { evt: 'topic_unserve_failed', subject, group, reason: messageOf(thrown) },
      'a group that was dropped could not be closed here',
    );
  }

  /** When that was, backend time in ms; undefined: they are not told. */
  async #tell(name: string, news: TopicNews): Promise<number | undefined> {
    const { records, nodeName, log } = this.#needs;
    try {
      const result = await records.change({ family: TOPICS, name, body: news, ttlMs: TOLD_MS, by: nodeName });
      return result.kind === 'changed' ? result.record.at : undefined;
    } catch (thrown) {
      log.debug(
        { evt: 'topic_news_failed', name, reason: messageOf(thrown) },
        'the others were not told; they find out by themselves',
      );
      return undefined;
    }
  }
}

function heardAs(at: number, { topic, group }: DroppedGroup): string {
  return `${at} ${topic}@${group}`;
}
