/** Fills a group from the log, step by step, until it is live. */
import { fullJitter } from '../ground/backoff.ts';
import type { Timers } from '../ground/clock.ts';
import { messageOf } from '../ground/errors.ts';
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
  readonly #running = new Set<string>();

  constructor(needs: FillingNeeds) {
    this.#needs = needs;
  }

  /** Resolves when it is filled, or is no more. A second one of the same group ends at once: the first goes on. */
  async fill(topic: string, group: string): Promise<void> {
    const name = `${topic}@${group}`;
    if (this.#running.has(name)) return;
    this.#running.add(name);
    try {
      await this.#fill(topic, group);
    } finally {
      this.#running.delete(name);
    }
  }

  async #fill(topic: string, group: string): Promise<void> {
    const { timers, signal } = this.#needs;
    for (let waits = 0; !signal.aborted;) {
      const filled = await this.#step(topic, group);
      if (filled === 'done' || filled === 'absent') return;
      waits = filled === 'more' ? 0 : waits + 1;
      if (waits > 0) await pause(timers, 1 + fullJitter(waits, AGAIN_MS, AGAIN_MAX_MS), signal);
    }
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
