import { Delivery } from './delivery.ts';

/** A call that is answered with a stream: the deadline of its envelope is for its beginning alone. */
export class StreamDelivery extends Delivery {
  /** When its first item left, on the clock's `elapsed()`, ms; 0: none has. */
  beganAt = 0;

  override get deadline(): number {
    return this.envelope.extras?.until ?? 0;
  }

  /** How long the rest takes is the reader's business. */
  override answerMs(now: number): number {
    return (this.beganAt === 0 ? now : this.beganAt) - this.startedAt;
  }
}
