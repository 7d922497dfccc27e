/** Keeps a view up with the news: in order, each once; whatever was missed is made up for by reading everything again. */
import type { Clock } from '../ground/clock.ts';
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { NewsItem } from '../ports/membership.ts';
import { Sequence } from './sequence.ts';

export interface FollowNeeds {
  readonly clock: Clock;
  readonly log: Log;
  /** Brings one item into the view. */
  take(item: NewsItem): void;
  /** Reads everything; what it answers brings that into the view, and says which news it contains. */
  readAll(): Promise<() => number>;
}

/** News kept while everything is read again; of more, everything is read once more. */
const MAX_HELD = 10_000;

export class Follow {
  readonly #needs: FollowNeeds;
  readonly #sequence = new Sequence();
  /** What came while everything is read. */
  #held: NewsItem[] = [];
  #reading: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(needs: FollowNeeds) {
    this.#needs = needs;
  }

  apply(items: readonly NewsItem[]): void {
    if (this.#closed) return;
    if (this.#reading === undefined) this.#takeAll(items);
    else if (this.#held.length + items.length <= MAX_HELD) this.#held.push(...items);
    else this.#again = true;
  }

  beaten(seq: number): void {
    if (this.#closed) return;
    const behind = this.#sequence.beaten(seq, this.#needs.clock.elapsed());
    if (behind && this.#reading === undefined) this.resyncSoon();
  }

  /** How long ago the view was surely current, ms. */
  age(): number {
    return this.#sequence.age(this.#needs.clock.elapsed());
  }

  /** Reads everything; asked for while that is under way, once more. Rejects as the backend does. */
  resync(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#reading !== undefined) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
      const held = this.#held;
      this.#held = [];
      this.#takeAll(held);
    });
    return this.#reading;
  }

  /** Reads everything, whenever the backend lets it: what fails, a later beat comes back to. */
  resyncSoon(): void {
    this.resync().catch((thrown: unknown) => {
      this.#needs.log.debug({ evt: 'registry_resync_failed', reason: messageOf(thrown) }, 'the view is not current');
    });
  }

  close(): void {
    this.#closed = true;
    this.#held = [];
  }

  async #read(): Promise<void> {
    do {
      this.#again = false;
      this.#held = [];
      const at = this.#needs.clock.elapsed();
      const bringIn = await this.#needs.readAll();
      if (this.#closed) return;
      if (!this.#again) this.#sequence.start(bringIn(), at);
    } while (this.#again);
  }

  #takeAll(items: readonly NewsItem[]): void {
    for (const item of items) {
      if (this.#closed) return;
      const fate = this.#sequence.next(item.seq);
      if (fate === 'apply') this.#needs.take(item);
      else if (fate === 'gap') return this.resyncSoon();
    }
  }
}
