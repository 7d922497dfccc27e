import type { Line, Rank } from '../contract/lines.ts';
import type { Claim, Intake, MailboxReader } from '../ports/broker.ts';
import { MAX_ENVELOPES } from '../wire/frame.ts';

/** Where lines ask for room, and bring what they have claimed. */
export interface LineDesk {
  roomOf(intake: LineIntake): number;
  take(claims: readonly Claim[], intake: LineIntake): void;
}

/** One line of the mailbox, as its reader sees it. */
export class LineIntake implements Intake {
  readonly mailbox: string;
  readonly rank: Rank;
  readonly spread: boolean;
  /** Envelopes in hand that have not started. */
  waiting = 0;
  /** Envelopes that a frame of it usually holds. */
  frameSize: number = MAX_ENVELOPES;
  readonly #desk: LineDesk;
  #reader: MailboxReader | undefined;
  #starved = false;

  constructor({ mailbox, rank, spread }: Line, desk: LineDesk) {
    this.mailbox = mailbox;
    this.rank = rank;
    this.spread = spread;
    this.#desk = desk;
  }

  get attached(): boolean {
    return this.#reader !== undefined;
  }

  attach(reader: MailboxReader): void {
    this.#reader = reader;
  }

  room(): number {
    const frames = this.#desk.roomOf(this);
    this.#starved = frames === 0;
    return frames;
  }

  take(claims: readonly Claim[]): void {
    for (const { count } of claims) this.frameSize = Math.max(count, Math.floor(this.frameSize * 0.75), 1);
    this.#desk.take(claims, this);
  }

  /** Its reader was told that there is no room: tells it when there is. */
  wake(): void {
    if (!this.#starved || this.#desk.roomOf(this) === 0) return;
    this.#starved = false;
    this.#reader?.wake();
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }
}
