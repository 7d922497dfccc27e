/** Where this node serves groups: a mailbox each, opened and left. A seat that was left is free for the retention to see. */
import { messageOf } from '../ground/errors.ts';
import type { Actor } from '../contract/actor.ts';
import type { Log } from '../ground/log.ts';
import type { Topics } from '../ports/topics.ts';
import { groupActor, type GroupServing } from './group-actor.ts';
import { groupMailbox } from './names.ts';

export interface SeatsNeeds {
  readonly topics: Topics;
  readonly log: Log;
  /** Serves an actor, and no more. */
  serve(actor: Actor): Promise<void>;
  unserve(mailbox: string, drainMs: number | undefined): Promise<void>;
  serves(mailbox: string): boolean;
}

export class Seats {
  readonly #needs: SeatsNeeds;
  /** Served no more, but something of it was in this node's hands when it was last looked at. */
  readonly #leaving = new Map<string, { readonly topic: string; readonly group: string }>();

  constructor(needs: SeatsNeeds) {
    this.#needs = needs;
  }

  /** @throws ConfigError when this node serves the group already. */
  async take(serving: GroupServing): Promise<void> {
    await this.#needs.serve(groupActor(serving));
  }

  isTaken(topic: string, group: string): boolean {
    return this.#needs.serves(groupMailbox(topic, group));
  }

  async leave(topic: string, group: string, drainMs: number | undefined): Promise<void> {
    const mailbox = groupMailbox(topic, group);
    await this.#needs.unserve(mailbox, drainMs);
    this.#leaving.set(mailbox, { topic, group });
    await this.tick();
  }

  /** The node has joined again: its old id serves nothing. */
  rejoined(): void {
    this.#leaving.clear();
  }

  /** Says of each seat that it is free, once nothing of it is in hand. */
  async tick(): Promise<void> {
    for (const [mailbox, { topic, group }] of this.#leaving) {
      if (await this.#quit(topic, group)) this.#leaving.delete(mailbox);
    }
  }

  async #quit(topic: string, group: string): Promise<boolean> {
    if (this.isTaken(topic, group)) return true;
    try {
      return await this.#needs.topics.quit(topic, group);
    } catch (thrown) {
      this.#needs.log.debug(
        { evt: 'topic_quit_failed', topic, group, reason: messageOf(thrown) },
        'that a group is served here no more could not be said; it is tried again',
      );
      return false;
    }
  }
}
