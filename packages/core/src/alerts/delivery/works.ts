/** What one subscription still has to be told: a piece of work for each alert, and what becomes of it. */
import { exponential } from '../../ground/backoff.ts';
import type { Timers } from '../../ground/clock.ts';
import type { AlertRecord, Notice } from '../alert.ts';
import type { Flood } from './flood.ts';
import type { Group } from './group.ts';
import { isInHand, isLimited, newWork, renew, wakeUp, type Work } from './work.ts';

export interface WorksNeeds {
  readonly group: Group;
  readonly flood: Flood | undefined;
  readonly timers: Timers;
  /** The notice that this subscription is to be told of this alert. */
  due(record: AlertRecord): Notice | undefined;
  /** Whether anything may be handed over: otherwise nothing is kept claimed. */
  open(): boolean;
  /** There may be something to start. */
  look(): void;
}

/** How far it came: `over`, it was delivered, by this node or another. */
export type End = 'waiting' | 'elsewhere' | 'flooded' | 'failed' | 'over';

/** After a failure, before the handler is asked again, ms: doubles up to the second. */
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** What another member had in hand is asked for again after this, ms. */
const RECHECK_MS = 30_000;

export class Works {
  readonly #needs: WorksNeeds;
  /** By the id of the alert. */
  readonly #works = new Map<string, Work>();
  #cancelRecheck: (() => void) | undefined;

  constructor(needs: WorksNeeds) {
    this.#needs = needs;
  }

  all(): readonly Work[] {
    return [...this.#works.values()];
  }

  /** The alert is like this now. */
  offer(record: AlertRecord): void {
    const work = this.#works.get(record.id);
    if (work !== undefined) work.record = record;
    if (work !== undefined && isInHand(work)) return;
    const notice = this.#needs.due(record);
    if (notice !== undefined) this.#put(work, record, notice);
    else if (work !== undefined) this.#drop(work);
  }

  /** The alert is over and archived. */
  forget(alertId: string): void {
    const work = this.#works.get(alertId);
    if (work === undefined) return;
    work.record = undefined;
    if (!isInHand(work)) this.#drop(work);
  }

  /** Another subscription of the group on this node has had it in hand. */
  freed(alertId: string): void {
    const work = this.#works.get(alertId);
    if (work?.record !== undefined) this.offer(work.record);
  }

  /** What others had in hand is to be had. */
  recheck(): void {
    this.#cancelRecheck?.();
    this.#cancelRecheck = undefined;
    for (const work of this.all()) if (work.stage === 'elsewhere') work.stage = 'waiting';
    this.#needs.look();
  }

  /** Gives back what is claimed and not in hand. */
  release(): void {
    for (const work of this.all()) if (!isInHand(work)) this.#release(work);
  }

  /** What was in hand no longer is. */
  settle(work: Work, end: End): void {
    const { group, flood, open } = this.#needs;
    if (end === 'over') {
      group.finish(work, 'done');
      this.#works.delete(work.alertId);
    } else if (end === 'failed') this.#rest(work);
    else if (end === 'flooded') {
      group.finish(work, 'released');
      flood?.hold(work);
    } else work.stage = end;
    if (end === 'elsewhere') this.#recheckLater();
    if (!open()) this.#release(work);
    this.again(work);
  }

  /** Takes up what has become of the alert meanwhile. */
  again(work: Work): void {
    if (work.record === undefined) this.#drop(work);
    else this.offer(work.record);
  }

  clear(): void {
    this.#cancelRecheck?.();
    for (const work of this.all()) this.#drop(work);
  }

  #put(work: Work | undefined, record: AlertRecord, notice: Notice): void {
    if (work === undefined) this.#works.set(record.id, newWork(record, notice.n));
    else if (work.notice !== notice.n) this.#supersede(work, record, notice);
    this.#needs.look();
  }

  #supersede(work: Work, record: AlertRecord, notice: Notice): void {
    renew(work, notice.n);
    if (work.stage === 'resting') wakeUp(work);
    else if (work.stage === 'elsewhere') work.stage = 'waiting';
    else if (work.stage === 'flooded' && !isLimited(record, notice)) {
      this.#needs.flood?.drop(work);
      work.stage = 'waiting';
    }
  }

  #rest(work: Work): void {
    work.failures += 1;
    work.stage = 'resting';
    const ms = exponential(work.failures, RETRY_MS, MAX_RETRY_MS);
    work.wake = this.#needs.timers.setTimer(ms, () => {
      wakeUp(work);
      this.#needs.look();
    });
  }

  #recheckLater(): void {
    this.#cancelRecheck ??= this.#needs.timers.setTimer(RECHECK_MS, () => this.recheck());
  }

  #release(work: Work): void {
    if (work.stage === 'resting') wakeUp(work);
    this.#needs.group.finish(work, 'released');
  }

  #drop(work: Work): void {
    this.#needs.flood?.drop(work);
    this.#works.delete(work.alertId);
    this.#release(work);
  }
}
