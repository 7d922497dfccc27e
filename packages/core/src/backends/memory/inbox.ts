/** A member's own stream: frames in order, handed over in batches on a later turn of the event loop. */
export class Inbox {
  readonly #sink: (frames: readonly Uint8Array[]) => void;
  #frames: Uint8Array[] = [];
  #scheduled = false;
  #closed = false;

  constructor(sink: (frames: readonly Uint8Array[]) => void) {
    this.#sink = sink;
  }

  push(frame: Uint8Array): void {
    if (this.#closed) return;
    this.#frames.push(frame);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#closed) return;
      const frames = this.#frames;
      this.#frames = [];
      this.#sink(frames);
    });
  }

  /** Nobody reads any more. What was not handed over is dropped. */
  close(): void {
    this.#closed = true;
    this.#frames = [];
  }
}
