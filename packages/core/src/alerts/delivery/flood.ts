/**
 * What one subscription holds back beyond the flood limit. When there is room for one more message, all of it goes as
 * one digest. Nothing is claimed while it waits: each notice is claimed for the digest that brings it, so that the
 * group is told once, whoever lives.
 */
import type { Timers } from '../../ground/clock.ts';
import type { AlertDigest } from '../alert.ts';
import type { Attempts } from './attempts.ts';
import { noticeOf } from './due-notice.ts';
import { digestOf } from '../digest.ts';
import type { FloodLimit } from './flood-limit.ts';
import type { Group, GroupMember } from './group.ts';
import { first } from './queue.ts';
import type { Work } from './work.ts';

export interface FloodNeeds {
  readonly limit: FloodLimit;
  readonly group: Group;
  readonly member: GroupMember;
  readonly attempts: Attempts;
  readonly timers: Timers;
  /** Whether anything may be handed over. */
  open(): boolean;
  /** Runs it in the place of one notice; where there is none now, it does not run. */
  inRoom(run: () => Promise<void>): void;
  /** It waits for no digest any more. */
  settle(work: Work, end: 'over' | 'elsewhere'): void;
  /** It stays; look what has become of it meanwhile. */
  again(work: Work): void;
}

export class Flood {
  readonly #needs: FloodNeeds;
  readonly #held = new Set<Work>();
  /** A digest that could not be delivered: told again as it was, without another permit. */
  #failed: { readonly works: ReadonlySet<Work>; readonly failures: number } | undefined;
  #telling = false;
  #cancelRound: (() => void) | undefined;

  constructor(needs: FloodNeeds) {
    this.#needs = needs;
  }

  /** While something is held back, everything is: the digest that brings it brings the rest. */
  get holding(): boolean {
    return this.#held.size > 0;
  }

  /** Whether it may go alone, now. */
  async admits(work: Work): Promise<boolean> {
    work.admitted ||= !this.holding && (await this.#needs.limit.permits());
    return work.admitted;
  }

  hold(work: Work): void {
    const { limit } = this.#needs;
    work.stage = 'flooded';
    work.floodedAt = limit.now();
    this.#held.add(work);
    void limit.count(work);
    this.#arm();
  }

  drop(work: Work): void {
    this.#held.delete(work);
  }

  close(): void {
    this.#cancelRound?.();
  }

  #arm(): void {
    const { timers, limit, inRoom } = this.#needs;
    this.#cancelRound ??= timers.setTimer(limit.everyMs, () => {
      this.#cancelRound = undefined;
      if (!this.#telling) inRoom(() => this.#round());
      if (this.holding) this.#arm();
    });
  }

  async #round(): Promise<void> {
    this.#telling = true;
    const works = this.#next();
    for (const work of works) work.stage = 'asking';
    const mine = await this.#claim(works);
    if (mine.length > 0 && (await this.#mayTell())) await this.#tell(mine);
    else for (const work of mine) this.#needs.group.finish(work, 'released');
    this.#telling = false;
    for (const work of works) {
      if (!this.#held.has(work)) continue;
      work.stage = 'flooded';
      this.#needs.again(work);
    }
  }

  async #mayTell(): Promise<boolean> {
    const { limit, open } = this.#needs;
    return open() && (this.#failed !== undefined || (await limit.permits())) && open();
  }

  #next(): readonly Work[] {
    const again = [...(this.#failed?.works ?? [])].filter((work) => this.#held.has(work));
    if (again.length > 0) return again;
    this.#failed = undefined;
    return [...this.#held];
  }

  /** Those that are this node's to tell. */
  async #claim(works: readonly Work[]): Promise<readonly Work[]> {
    const { group, member } = this.#needs;
    const mine: Work[] = [];
    const claim = async (work: Work): Promise<void> => {
      if (!group.isFree(work.alertId, member)) return;
      const answer = await group.claim(work, member);
      if (answer === 'granted') mine.push(work);
      else this.#settle(work, answer === 'done' ? 'over' : 'elsewhere');
    };
    // Where the store is away, it stays held.
    await Promise.allSettled(works.map(claim));
    return mine;
  }

  async #tell(works: readonly Work[]): Promise<void> {
    const { limit, attempts } = this.#needs;
    const now = limit.now();
    const attempt = (this.#failed?.failures ?? 0) + 1;
    const worst = first(works, now);
    const told = worst?.record && { record: worst.record, notice: noticeOf(worst.record, worst.notice) };
    const outcome =
      told === undefined ? 'delivered' : await attempts.make({ ...told, attempt, digest: digestFor(works, now) });
    this.#failed = outcome === 'failed' ? { works: new Set(works), failures: attempt } : undefined;
    if (outcome !== 'failed') for (const work of works) this.#settle(work, 'over');
  }

  #settle(work: Work, end: 'over' | 'elsewhere'): void {
    this.#held.delete(work);
    this.#needs.settle(work, end);
  }
}

/** One alone comes as itself. */
function digestFor(works: readonly Work[], now: number): AlertDigest | undefined {
  const records = works.flatMap(({ record }) => record ?? []);
  if (records.length < 2) return undefined;
  return digestOf(records, Math.min(...works.map(({ floodedAt }) => floodedAt)), now);
}
