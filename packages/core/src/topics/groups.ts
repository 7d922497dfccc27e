/** The groups that this node serves by name: each has a mailbox that is served like an actor's, and stays attached. */
import { ConfigError, messageOf, NodeClosed } from '../ground/errors.ts';
import type { Timers } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import { pause } from '../ground/pause.ts';
import type { Since, Topics } from '../ports/topics.ts';
import type { Filling } from './filling.ts';
import type { GroupServing } from './group-actor.ts';
import { groupMailbox } from './names.ts';
import type { Seats } from './seats.ts';

/** Until the node is a member again, ms. */
const AGAIN_MS = 50;

export interface GroupsNeeds {
  readonly topics: Topics;
  readonly filling: Filling;
  readonly seats: Seats;
  readonly timers: Timers;
  readonly log: Log;
  readonly signal: AbortSignal;
}

interface OwnGroup {
  readonly topic: string;
  readonly group: string;
  /** Backend time, ms. */
  readonly openedAt: number;
}

export class Groups {
  readonly #needs: GroupsNeeds;
  /** By mailbox; the one that was looked after last stands last. */
  readonly #own = new Map<string, OwnGroup>();

  constructor(needs: GroupsNeeds) {
    this.#needs = needs;
  }

  /** Whether this node has served the group since before this moment (backend time, ms). */
  servedBefore(at: number, topic: string, group: string): boolean {
    const own = this.#own.get(groupMailbox(topic, group));
    return own !== undefined && own.openedAt < at;
  }

  /** @throws ConfigError when this node serves the group already, or the topic has too many. */
  async open(serving: GroupServing, since: Since | undefined): Promise<void> {
    const { topic, group } = serving;
    const mailbox = groupMailbox(topic, group);
    const openedAt = this.#needs.timers.clock.now();
    // First it is served, then attached: what nobody serves may be dropped.
    await this.#needs.seats.take(serving);
    this.#own.set(mailbox, { topic, group, openedAt });
    try {
      await this.#attach(topic, group, since);
    } catch (thrown) {
      this.#own.delete(mailbox);
      await this.#needs.seats.leave(topic, group, 0);
      throw thrown;
    }
  }

  /** Serves it no more; whether it did. */
  async close(topic: string, group: string, drainMs: number | undefined): Promise<boolean> {
    if (!this.#own.delete(groupMailbox(topic, group))) return false;
    await this.#needs.seats.leave(topic, group, drainMs);
    return true;
  }

  /** The node has joined again, maybe to a backend that has lost everything. */
  async rejoined(): Promise<void> {
    for (const own of this.#own.values()) await this.#look(own);
  }

  /** Looks after the one that was not looked after for the longest: a failover may have lost that it was attached. */
  async tick(): Promise<void> {
    const [first] = this.#own;
    if (first === undefined) return;
    const [mailbox, own] = first;
    this.#own.delete(mailbox);
    this.#own.set(mailbox, own);
    await this.#look(own);
  }

  async #look({ topic, group, openedAt }: OwnGroup): Promise<void> {
    const { topics } = this.#needs;
    try {
      const attached = await topics.attach(topic, group, undefined, openedAt);
      if (attached === 'filling') this.#fill(topic, group);
      if (attached !== 'absent') return;
      this.#needs.log.warn(
        { evt: 'topic_group_gone', topic, group },
        'a group was dropped, and nobody had told this node: it is served here no more',
      );
      await this.close(topic, group, 0);
      await topics.tidy(topic, group);
    } catch (thrown) {
      this.#needs.log.debug(
        { evt: 'topic_attach_failed', topic, group, reason: messageOf(thrown) },
        'whether a group is attached could not be seen; it is looked at again',
      );
    }
  }

  async #attach(topic: string, group: string, since: Since | undefined): Promise<void> {
    const { topics, timers, signal } = this.#needs;
    for (;;) {
      if (signal.aborted) throw new NodeClosed(`subscribe ${topic}`);
      const attached = await topics.attach(topic, group, since);
      if (attached === 'live') return;
      if (attached === 'filling') return this.#fill(topic, group);
      if (attached === 'crowded')
        throw new ConfigError(
          `subscribe ${topic}: it has as many groups as it can. node.topics.list() names them; drop those that nobody needs.`,
        );
      await pause(timers, AGAIN_MS, signal);
    }
  }

  #fill(topic: string, group: string): void {
    this.#needs.filling.begin(topic, group);
  }
}
