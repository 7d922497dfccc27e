/** What a topic keeps for replay: frames in order, each with the total it brought the topic to. */
import type { LogBounds } from '../../ports/topics.ts';

export interface KeptFrame {
  readonly at: number;
  readonly total: number;
  readonly frame: Uint8Array;
  readonly count: number;
}

export class TopicLog {
  readonly #frames: KeptFrame[] = [];

  get size(): number {
    return this.#frames.length;
  }

  add(frame: KeptFrame): void {
    this.#frames.push(frame);
  }

  /** The total that was reached before the first frame from this moment on; undefined when there is none. */
  before(at: number): number | undefined {
    const first = this.#frames.find((frame) => frame.at >= at);
    return first === undefined ? undefined : first.total - first.count;
  }

  /** The first frame beyond a total. */
  after(total: number): KeptFrame | undefined {
    return this.#frames.find((frame) => frame.total > total);
  }

  /** Lets go of what is beyond the bounds, except of what is beyond `needed`: a group is filled from there on. */
  trim({ messages, ms }: LogBounds, total: number, now: number, needed: number): void {
    const lowest = messages === undefined ? 0 : total - messages;
    const oldest = ms === undefined ? -Infinity : now - ms;
    const first = this.#frames.findIndex(
      (frame) => (frame.total > lowest && frame.at >= oldest) || frame.total > needed,
    );
    this.#frames.splice(0, first === -1 ? this.#frames.length : first);
  }

  clear(): void {
    this.#frames.length = 0;
  }
}
