import type { Intake } from '../../ports/broker.ts';
import type { PartitionReader } from '../../ports/partitions.ts';
import type { Partition } from './partition.ts';

/** Most frames handed over before the event loop gets its turn. */
const FRAMES_PER_TURN = 256;

/** Hands the owner of a partition what its log holds, in order. */
export class LogReader implements PartitionReader {
  readonly #partition: Partition;
  readonly #tenure: number;
  readonly #intake: Intake;
  readonly #mayRead: () => boolean;
  #cursor = 0;
  #rung = false;
  #closed = false;

  constructor(partition: Partition, tenure: number, intake: Intake, mayRead: () => boolean) {
    this.#partition = partition;
    this.#tenure = tenure;
    this.#intake = intake;
    this.#mayRead = mayRead;
    partition.log.onArrival = () => this.wake();
  }

  get reading(): boolean {
    return !this.#closed && this.#mayRead();
  }

  wake(): void {
    if (this.#rung || this.#closed) return;
    this.#rung = true;
    setImmediate(() => {
      this.#rung = false;
      this.#deal();
    });
  }

  seek(after: string): void {
    this.#cursor = after === '' ? 0 : Number(after);
    this.wake();
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #deal(): void {
    if (!this.reading) return;
    const room = Math.min(Math.floor(this.#intake.room()), FRAMES_PER_TURN);
    if (room <= 0) return;
    const entries = this.#partition.log.after(this.#cursor, room);
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#cursor = last.order;
    this.#intake.take(entries.map((entry) => this.#partition.claim(entry, this.#tenure)));
    if (entries.length === room) this.wake();
  }
}
