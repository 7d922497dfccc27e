/** Everything a node does with topics: publish, subscribe, broadcast, replay, and the care for what is left behind. */
import type { StandardSchema } from '../contract/standard-schema.ts';
import type { Topic } from '../contract/topic.ts';
import type { Timers } from '../ground/clock.ts';
import { ConfigError, NodeClosed, NotMember } from '../ground/errors.ts';
import type { DroppedGroup, TopicState } from '../ports/topics.ts';
import type { TopicHandler } from './context.ts';
import { EveryNode, type EveryNodeNeeds } from './every-node.ts';
import { Filling } from './filling.ts';
import { Groups } from './groups.ts';
import { isPattern, TOPIC_NAME } from './names.ts';
import {
  checkFrom,
  checkGroup,
  checkSubscribeOptions,
  mustBeTopic,
  type From,
  type PatternSchema,
  type PublishOptions,
  type TopicSubscribeOptions,
} from './options.ts';
import { Patterns } from './patterns.ts';
import { Publishing, type PublishingNeeds } from './publishing.ts';
import { Seats, type SeatsNeeds } from './seats.ts';
import { Ending, type Subscription } from './subscription.ts';
import { Telling, type TellingNeeds } from './telling.ts';
import { Upkeep } from './upkeep.ts';

export interface TopicRoomNeeds
  extends
    EveryNodeNeeds,
    SeatsNeeds,
    Omit<TellingNeeds, 'groups' | 'patterns'>,
    Omit<PublishingNeeds, 'attached' | 'dropped'> {
  readonly timers: Timers;
  isMember(): boolean;
}

/** What this node has done since it started. */
export interface TopicStats {
  /** Broadcast messages that listeners here have got. */
  readonly heard: number;
  /** Broadcast messages that came while too many were being handled. */
  readonly missed: number;
  /** Groups that this node has dropped because nobody served them and they were beyond the retention. */
  readonly droppedGroups: number;
  /** Messages that were lost with them. */
  readonly droppedMessages: number;
}

export class TopicRoom {
  readonly everyNode: EveryNode;
  readonly telling: Telling;
  readonly #needs: TopicRoomNeeds;
  readonly #publishing: Publishing;
  readonly #seats: Seats;
  readonly #groups: Groups;
  readonly #patterns: Patterns;
  readonly #filling: Filling;
  readonly #upkeep: Upkeep;
  readonly #closing = new AbortController();
  #droppedGroups = 0;
  #droppedMessages = 0;

  constructor(needs: TopicRoomNeeds) {
    const { topics, timers, log, isMember } = needs;
    const { signal } = this.#closing;
    this.#needs = needs;
    this.#filling = new Filling({ topics, timers, log, signal });
    this.#seats = new Seats(needs);
    const shared = { topics, timers, log, seats: this.#seats, filling: this.#filling };
    this.#groups = new Groups({ ...shared, signal });
    this.#patterns = new Patterns({ ...shared, signal });
    this.telling = new Telling({ ...needs, groups: this.#groups, patterns: this.#patterns });
    this.everyNode = new EveryNode(needs);
    const dropped = (groups: readonly DroppedGroup[]): void => this.#lapsed(groups);
    this.#publishing = new Publishing({ ...needs, attached: (topic) => void this.telling.came(topic), dropped });
    this.#upkeep = new Upkeep({ ...shared, isMember, groups: this.#groups, patterns: this.#patterns, dropped });
  }

  publish(topic: Topic, payload: unknown, options?: PublishOptions): Promise<void> {
    this.#upkeep.begin();
    return this.#publishing.publish(topic, payload, options);
  }

  broadcast(topic: Topic, payload: unknown, options?: PublishOptions): Promise<void> {
    // Not before: what runs while the node closes may have something to say at its end.
    if (this.#needs.sending.stopped) return Promise.reject(new NodeClosed(`broadcast ${topic?.name}`));
    return this.everyNode.broadcast(topic, payload, options);
  }

  async subscribe(
    to: Topic | string,
    handler: TopicHandler<never>,
    options: TopicSubscribeOptions & PatternSchema = {},
  ): Promise<Subscription> {
    if (typeof to !== 'string') mustBeTopic(to, 'subscribe');
    const subject = typeof to === 'string' ? to : to.name;
    const where = `subscribe ${subject}`;
    if (this.#closing.signal.aborted) throw new NodeClosed(where);
    this.#upkeep.begin();
    if (typeof handler !== 'function')
      throw new ConfigError(`${where}: the second argument must be a function (payload, ctx)`);
    if (typeof to === 'string') return this.#subscribePattern(to, where, handler, options);
    const parsed = checkSubscribeOptions(options, where, this.#needs.nodeName);
    if (parsed.schema !== undefined) throw new ConfigError(`${where}: options.schema: a topic has its own`);
    const { schema } = to;
    if (parsed.everyNode) return this.#listen(subject, schema, handler);
    const { group, since, policy } = parsed;
    if (since !== undefined) refuseWithoutLog(to, where);
    await this.#groups.open({ topic: subject, group, schema, handler, policy }, since);
    return new Ending(subject, group, async (drainMs) => void (await this.#groups.close(subject, group, drainMs)));
  }

  /**
   * Gives a group once more what is kept from a point on, beside what waits for it; resolves when it is all there. What is
   * published meanwhile comes after it.
   * @throws ConfigError when there is no such group, or nothing of the topic is kept; NodeClosed when this node closes
   * before all is there: then others go on with it.
   */
  async replay(topic: Topic, group: string, from: From): Promise<void> {
    mustBeTopic(topic, 'replay');
    const subject = `replay ${topic.name}`;
    checkGroup(group, subject);
    refuseWithoutLog(topic, subject);
    const attached = await this.#needs.topics.rewind(topic.name, group, checkFrom(from, subject));
    if (attached === 'not-member') throw new NotMember(this.#needs.memberId(), 'not-executed');
    if (attached === 'absent')
      throw new ConfigError(`${subject}: there is no group "${group}". node.topics.list() names those there are.`);
    if (attached === 'filling') await this.#filling.fill(topic.name, group);
  }

  /**
   * Ends a group for good, on every node, with all that waits in it and its dead letters; of a pattern: in every topic
   * that it was attached to by that. Answers what was lost with it.
   * @throws ConfigError when it is no name.
   */
  async drop(to: Topic | string, group: string): Promise<readonly DroppedGroup[]> {
    const subject = typeof to === 'string' ? to : to.name;
    const where = `drop ${subject}`;
    checkGroup(group, where);
    if (TOPIC_NAME.test(subject)) return this.#dropGroup(subject, group);
    if (!isPattern(subject)) throw new ConfigError(`${where}: it is neither a topic nor a pattern`);
    await this.#patterns.close(subject, group, undefined);
    // First: who serves it looks for its topics now and then, and would attach them again.
    await this.telling.unpattern(subject, group);
    const lost = await this.#needs.topics.dropPattern(subject, group);
    await this.telling.dropped(lost, 'hand');
    return lost;
  }

  /** Every topic that was published to or has a group, read from the backend now. */
  list(): Promise<readonly TopicState[]> {
    return this.#needs.topics.list();
  }

  stats(): TopicStats {
    return {
      heard: this.everyNode.received,
      missed: this.everyNode.missed,
      droppedGroups: this.#droppedGroups,
      droppedMessages: this.#droppedMessages,
    };
  }

  /** The node has joined again, under another id and maybe to a backend that has lost everything. */
  async rejoined(): Promise<void> {
    this.#seats.rejoined();
    await this.#groups.rejoined();
    await this.#patterns.tick();
  }

  close(): void {
    this.#closing.abort();
    this.#upkeep.close();
    this.everyNode.close();
  }

  #listen(subject: string, schema: StandardSchema | undefined, handler: TopicHandler<never>): Subscription {
    const stop = this.everyNode.listen({ subject, schema, handler });
    return new Ending(subject, undefined, async () => stop());
  }

  async #subscribePattern(
    pattern: string,
    where: string,
    handler: TopicHandler<never>,
    options: TopicSubscribeOptions & PatternSchema,
  ): Promise<Subscription> {
    if (!isPattern(pattern))
      throw new ConfigError(
        `${where}: a pattern is segments with dots between them, "*" for any one, ">" at the end for the rest`,
      );
    const parsed = checkSubscribeOptions(options, where, this.#needs.nodeName);
    const { schema } = parsed;
    if (parsed.everyNode) return this.#listen(pattern, schema, handler);
    const { group, since, policy } = parsed;
    if (since !== undefined)
      throw new ConfigError(`${where}: options.from: a pattern has no log; replay its topics by name`);
    await this.#patterns.open(pattern, { group, schema, handler, policy });
    return new Ending(pattern, group, async (drainMs) => void (await this.#patterns.close(pattern, group, drainMs)));
  }

  async #dropGroup(topic: string, group: string): Promise<readonly DroppedGroup[]> {
    await this.#groups.close(topic, group, undefined);
    await this.#patterns.gone(topic, group);
    const lost = await this.#needs.topics.drop(topic, group);
    if (lost === undefined) return [];
    await this.telling.dropped([lost], 'hand');
    return [lost];
  }

  #lapsed(groups: readonly DroppedGroup[]): void {
    for (const { topic, group, messages } of groups) {
      this.#droppedGroups += 1;
      this.#droppedMessages += messages;
      this.#needs.log.warn(
        { evt: 'topic_group_dropped', topic, group, messages },
        'more waited for a group than is retained, and nobody served it: it was dropped',
      );
    }
    void this.#tell(groups);
  }

  /** Where it cannot be written down that this was told, another node tells it again. */
  async #tell(groups: readonly DroppedGroup[]): Promise<void> {
    await this.telling.dropped(groups, 'retention');
    await this.#needs.topics.told(groups).catch(() => undefined);
  }
}

function refuseWithoutLog({ name, keep }: Topic, subject: string): void {
  if (keep === undefined)
    throw new ConfigError(
      `${subject}: nothing of it is kept. topic('${name}', schema, { keep: { messages: 100_000 } }) keeps a log to replay from.`,
    );
}
