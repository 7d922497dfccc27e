/** Subscriptions by pattern: a group in each topic that matches, opened as topics come. */
import { codeOf, ConfigError, messageOf } from '../ground/errors.ts';
import type { Timers } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import { pause } from '../ground/pause.ts';
import type { Topics } from '../ports/topics.ts';
import type { GroupServing } from './group-actor.ts';
import { matchesTopic, TOPIC_NAME } from './names.ts';
import type { Seats } from './seats.ts';

export type PatternServing = Omit<GroupServing, 'topic'>;

export interface PatternsNeeds {
  readonly topics: Topics;
  readonly timers: Timers;
  readonly log: Log;
  readonly seats: Seats;
  readonly signal: AbortSignal;
}

/** Until the node is a member again, ms. */
const AGAIN_MS = 50;

interface Open {
  readonly pattern: string;
  readonly serving: PatternServing;
  /** Backend time, ms. */
  readonly openedAt: number;
  /** Topic → opened, or being opened. */
  readonly topics: Map<string, Promise<void>>;
}

export class Patterns {
  readonly #needs: PatternsNeeds;
  readonly #open = new Map<string, Open>();

  constructor(needs: PatternsNeeds) {
    this.#needs = needs;
  }

  /** Whether this node has served it since before this moment (backend time, ms). */
  servedBefore(at: number, pattern: string, group: string): boolean {
    const open = this.#open.get(keyOf(pattern, group));
    return open !== undefined && open.openedAt < at;
  }

  /** @throws ConfigError when this node serves it already. */
  async open(pattern: string, serving: PatternServing): Promise<void> {
    const key = keyOf(pattern, serving.group);
    if (this.#open.has(key))
      throw new ConfigError(`subscribe ${pattern}: this node serves the group "${serving.group}" of it already`);
    const open: Open = { pattern, serving, openedAt: this.#needs.timers.clock.now(), topics: new Map() };
    this.#open.set(key, open);
    try {
      await this.#begin(open);
    } catch (thrown) {
      await this.close(pattern, serving.group, 0);
      throw thrown;
    }
  }

  /** Serves none of its topics any more; whether it did. */
  async close(pattern: string, group: string, drainMs: number | undefined): Promise<boolean> {
    const key = keyOf(pattern, group);
    const open = this.#open.get(key);
    if (open === undefined) return false;
    this.#open.delete(key);
    await Promise.all([...open.topics.keys()].map((topic) => this.#shut(open, topic, drainMs)));
    return true;
  }

  /** There is a topic that was not there. */
  came(topic: string): void {
    for (const open of this.#open.values()) if (matchesTopic(open.pattern, topic)) void this.#openSoon(open, topic);
  }

  /** A group is no more. */
  async gone(topic: string, group: string): Promise<void> {
    for (const open of this.#open.values()) {
      if (open.serving.group === group && open.topics.has(topic)) await this.#shut(open, topic, 0);
    }
  }

  /** Reads which topics there are, in case that nobody was told. */
  async tick(): Promise<void> {
    for (const open of [...this.#open.values()]) {
      try {
        await this.#refresh(open, open.openedAt);
      } catch (thrown) {
        this.#failed(open, thrown);
      }
    }
  }

  /** A node that has to join again first waits for that. */
  async #begin(open: Open): Promise<void> {
    const { timers, signal } = this.#needs;
    for (;;) {
      try {
        return await this.#refresh(open, undefined);
      } catch (thrown) {
        if (codeOf(thrown) !== 'NOT_MEMBER' || signal.aborted) throw thrown;
      }
      await pause(timers, AGAIN_MS, signal);
    }
  }

  /** @param servedSince undefined: it begins to be served. */
  async #refresh(open: Open, servedSince: number | undefined): Promise<void> {
    const { pattern, serving } = open;
    const topics = await this.#needs.topics.attachPattern(pattern, serving.group, servedSince);
    if (topics === 'crowded')
      throw new ConfigError(
        `subscribe ${pattern}: there are as many patterns as there can be. node.topics.list() names those that have topics; drop those that nobody needs.`,
      );
    if (topics === 'absent') {
      if (!this.#isOpen(open)) return;
      this.#needs.log.warn(
        { evt: 'topic_group_gone', pattern, group: serving.group },
        'a pattern was dropped, and nobody had told this node: it is served here no more',
      );
      await this.close(pattern, serving.group, 0);
      return;
    }
    let failed: { readonly thrown: unknown } | undefined;
    for (const topic of topics) {
      // Anybody could have written a name there.
      if (!TOPIC_NAME.test(topic)) continue;
      // One that cannot be opened keeps none of the others from it.
      await this.#openOne(open, topic).catch((thrown: unknown) => (failed ??= { thrown }));
    }
    if (failed !== undefined) throw failed.thrown;
  }

  async #openSoon(open: Open, topic: string): Promise<void> {
    try {
      await this.#openOne(open, topic);
    } catch (thrown) {
      this.#failed(open, thrown);
    }
  }

  #openOne(open: Open, topic: string): Promise<void> {
    const { group } = open.serving;
    const under = open.topics.get(topic);
    if (under !== undefined) return under;
    // By name, or by another pattern of this node: it is handled there.
    if (!this.#isOpen(open) || this.#needs.seats.isTaken(topic, group)) return Promise.resolve();
    const opening = this.#needs.seats.take({ ...open.serving, topic }).catch((thrown: unknown) => {
      open.topics.delete(topic);
      throw thrown;
    });
    open.topics.set(topic, opening);
    return opening;
  }

  async #shut(open: Open, topic: string, drainMs: number | undefined): Promise<void> {
    const opening = open.topics.get(topic);
    open.topics.delete(topic);
    const opened = await opening?.then(
      () => true,
      () => false,
    );
    if (opened === true) await this.#needs.seats.leave(topic, open.serving.group, drainMs);
  }

  /** Not ended, also if there is another one of the same name by now. */
  #isOpen(open: Open): boolean {
    return this.#open.get(keyOf(open.pattern, open.serving.group)) === open;
  }

  #failed({ pattern, serving: { group } }: Open, thrown: unknown): void {
    this.#needs.log.warn(
      { evt: 'topic_pattern_failed', pattern, group, code: codeOf(thrown), reason: messageOf(thrown) },
      'topics of a pattern could not be looked up or opened; it is tried again',
    );
  }
}

function keyOf(pattern: string, group: string): string {
  return `${pattern} ${group}`;
}
