/** One partition that this node reads: how far it has come, and what is under way. */
import type { Intake } from './core.ts';
import type { Tenure } from './tenures.ts';

export class PartitionLog {
  readonly tenure: Tenure;
  readonly intake: Intake;
  /** The last entry that was handed over; `''`: none. */
  cursor = '';
  /** All that was in it has been read: what comes now has no record yet, and is waited for. */
  caughtUp = false;
  /** Its end may lie before the cursor: after a lost tail one would wait for an id that comes in a year. */
  unchecked = false;
  /** Pages of it are being read. */
  paging = false;
  /** Room has returned meanwhile. */
  woken = false;
  /** The blocking read that it is part of. */
  reading: object | undefined;
  /** Read, but not yet handed over: counts against the room. */
  handing = 0;
  /** How often it was sent back, or is to be compared with the log anew: what was asked before that is of no use. */
  turns = 0;
  /** Its key is no stream. */
  broken = false;
  closed = false;

  constructor(tenure: Tenure, intake: Intake) {
    this.tenure = tenure;
    this.intake = intake;
  }

  /** How many more frames may be read. */
  room(): number {
    return this.closed ? 0 : Math.max(0, Math.floor(this.intake.room()) - this.handing);
  }

  sendBack(after: string): void {
    this.cursor = after;
    this.reading = undefined;
    this.recheck();
  }

  /** Its cursor is compared with the log's end by the next page, whatever is under way. */
  recheck(): void {
    this.turns += 1;
    this.caughtUp = false;
    this.unchecked = true;
  }
}
