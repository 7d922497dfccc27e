/** The places of one actor: how many there are, whether any are given, and who has them, by rank where work has ranks. */
import type { Batch } from './batch.ts';
import { Capacity } from './capacity.ts';
import { RANK, type Line } from '../contract/lines.ts';
import type { Pool } from './pool.ts';
import { Ranks } from './ranks.ts';

export class Places {
  /** False while the actor is paused, and once it is stopped: none are given. */
  open = true;
  /** By deliveries, and by calls in this process. */
  taken = 0;
  readonly capacity: Capacity;
  /** Undefined: all work is alike. */
  readonly ranks: Ranks | undefined;

  /** @param concurrency the actor's own. @param lines of its mailbox; undefined: there is but one. */
  constructor(pool: Pool, concurrency: number, lines: readonly Line[] | undefined) {
    this.capacity = new Capacity(pool, concurrency);
    this.ranks = lines && new Ranks(lines.some(({ rank }) => rank === RANK.high));
  }

  start(batch: Batch): void {
    this.taken += 1;
    this.ranks?.started(batch.line!.rank);
  }

  end(batch: Batch): void {
    this.taken -= 1;
    this.ranks?.ended(batch.line!.rank);
  }

  /** Whether a call in this process, which has no line, may have one of those that are free. */
  get hasRoomHere(): boolean {
    return this.ranks === undefined || this.ranks.free(RANK.normal, this.capacity.atOnce) > 0;
  }

  startHere(): void {
    this.taken += 1;
    this.ranks?.started(RANK.normal);
  }

  endHere(): void {
    this.taken -= 1;
    this.ranks?.ended(RANK.normal);
  }
}
