/**
 * One subscription on this node. It takes what it has room for, the most urgent first, claims it for its group, hands
 * it over, and says that it is done: until then the notice is nobody else's, unless this node dies.
 */
import type { Timers } from '../../ground/clock.ts';
import { messageOf } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import type { ClaimAnswer } from '../../ports/alerts.ts';
import type { AlertLevel, AlertRecord, Notice } from '../alert.ts';
import type { AlertSubscription } from '../subscriber.ts';
import type { Attempts } from './attempts.ts';
import { dueNotice } from './due-notice.ts';
import { Flood } from './flood.ts';
import type { FloodLimit } from './flood-limit.ts';
import type { Group, GroupMember } from './group.ts';
import { first, startable } from './queue.ts';
import { isLimited, isUrgent, type Work } from './work.ts';
import { Works, type End } from './works.ts';

export interface SubscriptionNeeds {
  readonly group: Group;
  readonly level: AlertLevel | undefined;
  readonly concurrency: number;
  /** Of somebody who reads; undefined: there is none. */
  readonly floodLimit: FloodLimit | undefined;
  readonly attempts: Attempts;
  readonly timers: Timers;
  readonly log: Log;
  /** Whether the alert is for this subscription. */
  concerns(record: AlertRecord): boolean;
  /** It takes nothing more. */
  closing(): void;
  /** Nothing of it runs any more. */
  closed(): void;
}

/** After the store did not answer, ms. */
const AWAY_MS = 1_000;

export class Subscription implements AlertSubscription, GroupMember {
  readonly name: string;
  readonly #needs: SubscriptionNeeds;
  readonly #flood: Flood | undefined;
  readonly #works: Works;
  readonly #tasks = new Set<Promise<void>>();
  /** Taken of the room there is. */
  #busy = 0;
  #looking = false;
  #paused = false;
  #ended = false;
  /** Set while the store does not answer. */
  #cancelAway: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(needs: SubscriptionNeeds) {
    const { group, timers } = needs;
    this.#needs = needs;
    this.name = group.name;
    this.#flood = this.#newFlood();
    this.#works = new Works({
      group,
      timers,
      flood: this.#flood,
      due: (record) => this.#due(record),
      open: () => this.#open,
      look: () => this.#look(),
    });
    group.join(this);
  }

  /** It takes nothing more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The alert is like this now. */
  offer(record: AlertRecord): void {
    if (!this.#ended) this.#works.offer(record);
  }

  /** The alert is over and archived. */
  forget(alertId: string): void {
    this.#needs.group.forget(alertId);
    this.#works.forget(alertId);
  }

  /** A member has gone: what it had in hand is to be had. */
  recheck(): void {
    this.#works.recheck();
  }

  freed(alertId: string): void {
    if (!this.#ended) this.#works.freed(alertId);
  }

  pause(): void {
    this.#paused = true;
    this.#works.release();
  }

  resume(): void {
    this.#paused = false;
    this.#look();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { group, attempts, closing, closed } = this.#needs;
    this.#ended = true;
    closing();
    this.#cancelAway?.();
    this.#works.release();
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    this.#flood?.close();
    this.#works.clear();
    group.leave(this);
    attempts.close();
    closed();
  }

  get #open(): boolean {
    return !this.#paused && !this.#ended;
  }

  #newFlood(): Flood | undefined {
    const { floodLimit: limit, group, attempts, timers, concurrency } = this.#needs;
    if (limit === undefined) return undefined;
    return new Flood({
      limit,
      group,
      member: this,
      attempts,
      timers,
      open: () => this.#open,
      inRoom: (run) => {
        if (this.#open && this.#cancelAway === undefined && this.#busy < concurrency) this.#run(1, run);
      },
      settle: (work, end) => this.#works.settle(work, end),
      again: (work) => this.#works.again(work),
    });
  }

  #due(record: AlertRecord): Notice | undefined {
    const { group, level, concerns } = this.#needs;
    return concerns(record) ? dueNotice(record, level, group.doneOf(record.id)) : undefined;
  }

  /** Once a turn: of many that come together the most urgent goes first. */
  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    process.nextTick(() => {
      this.#looking = false;
      for (let next = this.#next(); next !== undefined; next = this.#next()) this.#start(next);
    });
  }

  #next(): Work | undefined {
    if (!this.#open || this.#cancelAway !== undefined) return undefined;
    const { group, concurrency, timers } = this.#needs;
    const works = this.#works.all().filter(({ alertId }) => group.isFree(alertId, this));
    return first(startable(works, this.#busy < concurrency), timers.clock.now());
  }

  #start(work: Work): void {
    work.stage = 'asking';
    const room = work.record !== undefined && isUrgent(work.record) ? 0 : 1;
    this.#run(room, async () => this.#works.settle(work, await this.#carry(work)));
  }

  #run(room: number, run: () => Promise<void>): void {
    this.#busy += room;
    const task = run().finally(() => {
      this.#busy -= room;
      this.#tasks.delete(task);
      this.#look();
    });
    this.#tasks.add(task);
  }

  /** Brings one notice on its way, as far as it comes. */
  async #carry(work: Work): Promise<End> {
    if (this.#flood?.holding === true && this.#isHeldBack(work)) return 'flooded';
    const answer = await this.#claim(work);
    if (answer === 'held') return 'elsewhere';
    if (answer === 'done') return 'over';
    if (answer === 'away') return 'waiting';
    if (this.#ready(work) !== undefined && this.#isHeldBack(work) && !(await this.#flood?.admits(work)))
      return 'flooded';
    const notice = this.#ready(work);
    if (work.record === undefined || notice === undefined) return 'waiting';
    work.stage = 'running';
    const { record, failures } = work;
    const outcome = await this.#needs.attempts.make({ record, notice, attempt: failures + 1, digest: notice.digest });
    return outcome === 'failed' ? 'failed' : 'over';
  }

  async #claim(work: Work): Promise<ClaimAnswer | 'away'> {
    const { group, log, timers } = this.#needs;
    try {
      return await group.claim(work, this);
    } catch (thrown) {
      log.debug({ evt: 'alert_claim_failed', reason: messageOf(thrown) }, 'asked again soon');
      this.#cancelAway ??= timers.setTimer(AWAY_MS, () => {
        this.#cancelAway = undefined;
        this.#look();
      });
      return 'away';
    }
  }

  /** The very notice that was claimed, if it is still to be told. */
  #ready({ record, notice }: Work): Notice | undefined {
    const due = this.#open && record !== undefined ? this.#due(record) : undefined;
    return due?.n === notice ? due : undefined;
  }

  #isHeldBack({ record }: Work): boolean {
    if (this.#flood === undefined || record === undefined) return false;
    const notice = this.#due(record);
    return notice !== undefined && isLimited(record, notice);
  }
}
