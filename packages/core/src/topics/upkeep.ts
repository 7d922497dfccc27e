/** What somebody has to look at from time to time: groups that lapse, fillings that nobody goes on with, lost news. */
import type { Timers } from '../ground/clock.ts';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { DroppedGroup, Topics } from '../ports/topics.ts';
import type { Filling } from './filling.ts';
import type { Groups } from './groups.ts';
import type { Patterns } from './patterns.ts';
import type { Seats } from './seats.ts';

/** Between two looks, ms. A topic that its publisher could not tell of is opened after two. */
const LOOK_MS = 1_000;
/** Looks between two at which topics there are, at whether an own group is attached, and at what has lapsed. */
const PATTERNS_EACH = 2;
const OWN_EACH = 5;
const LAPSE_EACH = 10;

export interface UpkeepNeeds {
  readonly topics: Topics;
  readonly timers: Timers;
  readonly log: Log;
  readonly groups: Groups;
  readonly patterns: Patterns;
  readonly filling: Filling;
  readonly seats: Seats;
  isMember(): boolean;
  /** Must not throw. */
  dropped(groups: readonly DroppedGroup[]): void;
}

export class Upkeep {
  readonly #needs: UpkeepNeeds;
  #cancel: (() => void) | undefined;
  #begun = false;
  #closed = false;
  #looks = 0;

  constructor(needs: UpkeepNeeds) {
    this.#needs = needs;
  }

  /** This node has to do with topics: from now on it looks after them. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#again();
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #again(): void {
    if (this.#closed) return;
    this.#cancel = this.#needs.timers.setTimer(LOOK_MS, () => void this.#look().finally(() => this.#again()));
  }

  async #look(): Promise<void> {
    const { groups, patterns, seats, isMember, log } = this.#needs;
    this.#looks += 1;
    if (!isMember()) return;
    try {
      await seats.tick();
      if (this.#looks % PATTERNS_EACH === 0) await patterns.tick();
      if (this.#looks % OWN_EACH === 0) await groups.tick();
      if (this.#looks % LAPSE_EACH === 0) await this.#lapse();
    } catch (thrown) {
      log.debug(
        { evt: 'topic_upkeep_failed', reason: messageOf(thrown) },
        'topics could not be looked after; it is tried again',
      );
    }
  }

  async #lapse(): Promise<void> {
    const { topics, filling, dropped } = this.#needs;
    const lapsed = await topics.lapse();
    if (lapsed.dropped.length > 0) dropped(lapsed.dropped);
    for (const { topic, group } of lapsed.filling) filling.begin(topic, group);
  }
}
