/** What is claimed of a mailbox: as much as there is room for. What cannot be read, or is done, ends here; the rest waits. */
import { Batch } from './batch.ts';
import type { DispatcherNeeds } from './dispatcher-needs.ts';
import type { Endings } from './endings.ts';
import { codeOf, FrameInvalid } from '../ground/errors.ts';
import type { LineIntake } from './line-intake.ts';
import { OVERSTAYED_MS, type Lines } from './lines.ts';
import type { Places } from './places.ts';
import type { Claim, Intake, MailboxReader } from '../ports/broker.ts';
import type { ServiceTimes } from './service-times.ts';
import type { WaitingLine } from './waiting-batches.ts';
import { MAX_ENVELOPES, readFrame } from '../wire/frame.ts';

/** Work in hand that drains sooner than this need not keep the next frame from travelling, ms. */
const PREFETCH_MS = 2;
/** Most frames asked for at once. */
const MAX_FRAMES = 64;
/** Node deaths with an entry in hand after which it is run one envelope at a time. */
const SUSPECT_AFTER = 2;

/** What decides how much is claimed, and where it goes. */
export interface MailboxIntakeParts {
  readonly places: Places;
  readonly times: ServiceTimes;
  readonly endings: Endings;
  readonly waiting: WaitingLine;
  /** Undefined: the mailbox has but one. */
  readonly lines: Lines | undefined;
}

export class MailboxIntake implements Intake {
  /** Envelopes a frame usually holds: the largest of late. */
  frameSize: number = MAX_ENVELOPES;
  readonly #needs: DispatcherNeeds;
  readonly #places: Places;
  readonly #times: ServiceTimes;
  readonly #endings: Endings;
  readonly #waiting: WaitingLine;
  readonly #lines: Lines | undefined;
  #reader: MailboxReader | undefined;
  #starved = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(needs: DispatcherNeeds, { places, times, endings, waiting, lines }: MailboxIntakeParts) {
    this.#needs = needs;
    this.#places = places;
    this.#times = times;
    this.#endings = endings;
    this.#waiting = waiting;
    this.#lines = lines;
  }

  get attached(): boolean {
    return this.#reader !== undefined;
  }

  attach(reader: MailboxReader): void {
    this.#reader = reader;
  }

  close(): Promise<void> | undefined {
    return this.#reader?.close();
  }

  /** So much has not ended that nothing more is claimed, whatever is free. */
  get full(): boolean {
    return this.#endings.inHand > this.#places.capacity.available + MAX_FRAMES;
  }

  room(): number {
    const frames = this.#places.open ? this.#roomInFrames() : 0;
    this.#starved = frames === 0;
    return frames;
  }

  /** Its reader was told that there is no room: tells it when there is. */
  wake(): void {
    if (!this.#starved || !this.#places.open || this.#roomInFrames() === 0) return;
    this.#starved = false;
    this.#reader?.wake();
  }

  take(claims: readonly Claim[], line?: LineIntake): void {
    for (const claim of claims) this.#unpack(claim, line);
  }

  /** Frames for the free room, and one more to travel meanwhile when all of it would drain before that could arrive. */
  #roomInFrames(): number {
    if (this.full) return 0;
    const capacity = this.#places.capacity.available;
    const taken = this.#places.taken + this.#waiting.envelopes;
    const fitting = taken < capacity ? Math.max(1, Math.floor((capacity - taken) / this.frameSize)) : 0;
    const drainMs = ((taken + fitting * this.frameSize) * this.#times.typical) / capacity;
    const ahead = drainMs < PREFETCH_MS && this.#waiting.envelopes <= MAX_ENVELOPES ? 1 : 0;
    return Math.min(MAX_FRAMES, fitting + ahead);
  }

  #unpack(claim: Claim, line: LineIntake | undefined): void {
    const { clock, maxBodyBytes } = this.#needs;
    let batch: Batch;
    try {
      const frame = readFrame(claim.frame, { maxBodyBytes });
      if (frame.envelopes.length !== claim.count) throw new FrameInvalid('the count beside the frame is wrong');
      batch = new Batch(claim, frame, clock.elapsed(), claim.count > 1 && claim.crashes >= SUSPECT_AFTER);
    } catch (thrown) {
      this.#endings.buryWhole(
        claim,
        thrown instanceof FrameInvalid ? `FRAME_INVALID: ${thrown.reason}` : codeOf(thrown),
      );
      return;
    }
    this.frameSize = Math.max(claim.count, Math.floor(this.frameSize * 0.75), 1);
    if (batch.remaining === 0) {
      this.#needs.settler().add({ kind: 'done', claim });
      return;
    }
    this.#endings.hold(batch);
    if (line !== undefined) this.#lineUp(batch, line);
    if (this.#places.open) this.#waiting.add(batch);
    else this.#endings.handBack();
  }

  #lineUp(batch: Batch, line: LineIntake): void {
    batch.line = line;
    if (this.#sweeper === undefined) this.#sweeper = setTimeout(this.#sweep, OVERSTAYED_MS / 2).unref();
  }

  /** What has long been in hand without a place may find one elsewhere. */
  readonly #sweep = (): void => {
    this.#sweeper = undefined;
    for (const batch of this.#lines?.overstayed(this.#needs.clock.elapsed()) ?? []) this.#endings.handBackOne(batch);
    if (this.#waiting.envelopes > 0) this.#sweeper = setTimeout(this.#sweep, OVERSTAYED_MS / 2).unref();
  };
}
