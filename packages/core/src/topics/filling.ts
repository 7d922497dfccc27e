/** Fills a group from the log, step by step, until it is live. */
import { fullJitter } from '../ground/backoff.ts';
import type { Timers } from '../ground/clock.ts';
import { messageOf, NodeClosed } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { pause } from '../ground/pause.ts';
import type { Filled, Topics } from '../ports/topics.ts';

/** Wait for room in the group, or for the backend, ms; grows, with jitter. */
const AGAIN_MS = 20;
const AGAIN_MAX_MS = 1_000;

export interface FillingNeeds {
  readonly topics: Topics;
  readonly timers: Timers;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export class Filling {
  readonly #needs: FillingNeeds;
  /** Group → resolves when this node fills it no more. Never rejects. */
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(needs: FillingNeeds) {
    this.#needs = needs;
  }

  /** Sees to it that the group is filled, unless this node does so already. */
  begin(topic: string, group: string): void {
    if (!this.#running.has(nameOf(topic, group))) void this.#run(topic, group);
  }

  /** Resolves when it is filled, or is no more. @throws NodeClosed */
  async fill(topic: string, group: string): Promise<void> {
    const name = nameOf(topic, group);
    // What runs already may have seen its end before the group was set back: so a step of its own follows.
    while (this.#running.has(name)) await this.#running.get(name);
    if (!(await this.#run(topic, group))) throw new NodeClosed(`filling ${name}`, 'unknown');
  }

  #run(topic: string, group: string): Promise<boolean> {
    const name = nameOf(topic, group);
    const running = this.#fill(topic, group).finally(() => this.#running.delete(name));
    this.#running.set(name, running);
    return running;
  }

  /** False: this node closes before it is filled. */
  async #fill(topic: string, group: string): Promise<boolean> {
    const { timers, signal } = this.#needs;
    for (let waits = 0; !signal.aborted;) {
      const filled = await this.#step(topic, group);
      if (filled === 'done' || filled === 'absent') return true;
      waits = filled === 'more' ? 0 : waits + 1;
      if (waits > 0) await pause(timers, 1 + fullJitter(waits, AGAIN_MS, AGAIN_MAX_MS), signal);
    }
    return false;
  }

  async #step(topic: string, group: string): Promise<Filled> {
    const { topics, log } = this.#needs;
    try {
      return await topics.fill(topic, group);
    } catch (thrown) {
      log.debug(
        { evt: 'topic_fill_failed', topic, group, reason: messageOf(thrown) },
        'a group could not be filled; it is tried again',
      );
      return 'full';
    }
  }
}

function nameOf(topic: string, group: string): string {
  return `${topic}@${group}`;
}
