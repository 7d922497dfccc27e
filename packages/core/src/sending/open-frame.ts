/** A frame while it fills and travels: its bytes, and who is told how it ended. */
import { MAX_ENVELOPES, type FrameWriter } from '../wire/frame.ts';
import type { Receipt } from './outbox.ts';

/** A frame is full when the shares of its envelopes add up to this; a little more than 1 for rounding. */
const FULL = 1 + 1e-9;
/**
 * A frame of many small envelopes is full before it needs more than this, bytes: Redis' allocator rounds 20,480 up to
 * 24,576, which would cost each message a sixth more memory than it needs. Measured with Redis 7.0.15 and jemalloc.
 */
const CLASS_BYTES = 20_300;
const CLASS_ENVELOPES = 96;

export class OpenFrame {
  readonly writer: FrameWriter;
  receipts: Receipt[] = [];
  /** Those of its receipts that are still to be told that it was accepted. */
  accepted: Receipt[] = [];
  /** Not before this moment (backend time, ms); undefined: at once. */
  at: number | undefined;
  /** What the shares of its envelopes add up to. */
  filled = 0;
  /** Whether somebody waits for an answer, so that the frame says where it goes. */
  answered = false;
  /** Whether somebody in it waits for room where there is none. */
  patient = false;
  /** Set when the backend may have it already: from then on it is sent again unchanged, or not at all. */
  ambiguous = false;
  /** Travels alone from now on: in a group it was not accepted. */
  alone = false;
  /** The member it was last sent as. */
  sentBy = '';

  constructor(writer: FrameWriter) {
    this.writer = writer;
  }

  /** Whether an envelope of this share, due at this moment, may join. An empty frame takes any, and its moment. */
  hasRoom(share: number, at: number | undefined): boolean {
    const { length } = this.receipts;
    if (length === 0) {
      this.at = at;
      return true;
    }
    return this.at === at && length < MAX_ENVELOPES && this.filled + share <= FULL && !this.#fillsItsClass();
  }

  /** Empties it for reuse. */
  reset(): void {
    this.receipts = [];
    this.filled = 0;
    this.answered = false;
    this.patient = false;
    this.alone = false;
  }

  /** Whether one more envelope like its own would push it into the next size class of Redis' allocator. */
  #fillsItsClass(): boolean {
    const { length } = this.receipts;
    const { bytes } = this.writer;
    return length >= CLASS_ENVELOPES && bytes <= CLASS_BYTES && bytes + bytes / length > CLASS_BYTES;
  }
}
