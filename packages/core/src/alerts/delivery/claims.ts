/**
 * Claims of a whole node: what is wanted in one turn of the event loop is asked in one command, and what has ended is
 * told in one. An ending that could not be told is told again, until it has been.
 */
import { exponential } from '../../ground/backoff.ts';
import type { Timers } from '../../ground/clock.ts';
import { messageOf, TransportError } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import type { AlertStore, ClaimAnswer, NoticeRef } from '../../ports/alerts.ts';

export type Ending = 'done' | 'released';

/** Who hands out notices of a group. */
export interface Claiming {
  /** Rejects when the store is away. */
  claim(ref: NoticeRef): Promise<ClaimAnswer>;
  finish(ref: NoticeRef, ending: Ending): void;
}

export interface ClaimsNeeds {
  readonly store: AlertStore;
  readonly timers: Timers;
  readonly log: Log;
}

interface Ended {
  readonly ref: NoticeRef;
  readonly ending: Ending;
}

interface Asked {
  readonly ref: NoticeRef;
  readonly resolve: (answer: ClaimAnswer) => void;
  readonly reject: (thrown: unknown) => void;
}

/** Claims in one command. */
const MAX_BATCH = 256;
/** Before an ending is told again, ms: doubles up to the second. */
const RETELL_MS = 1_000;
const MAX_RETELL_MS = 10_000;

export class Claims implements Claiming {
  readonly #needs: ClaimsNeeds;
  #asked: Asked[] = [];
  /** Alert and group → how it ended, until that is told. */
  readonly #ended = new Map<string, Ended>();
  #telling: Promise<void> | undefined;
  #scheduled = false;
  #failures = 0;
  #cancelRetell: () => void = () => {};

  constructor(needs: ClaimsNeeds) {
    this.#needs = needs;
  }

  claim(ref: NoticeRef): Promise<ClaimAnswer> {
    const ended = this.#ended.get(keyOf(ref));
    if (ended?.ending === 'done' && ended.ref.notice >= ref.notice) return Promise.resolve('done');
    if (ended?.ending === 'released') this.#ended.delete(keyOf(ref));
    return new Promise((resolve, reject) => {
      this.#asked.push({ ref, resolve, reject });
      this.#schedule();
    });
  }

  finish(ref: NoticeRef, ending: Ending): void {
    this.#ended.set(keyOf(ref), { ref, ending });
    this.#schedule();
  }

  /** Tells what has ended, once; what cannot be told now is not told any more. */
  async close(): Promise<void> {
    await this.#telling;
    this.#cancelRetell();
    await this.#tell();
    this.#cancelRetell();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      // Endings first: what was given back may be asked for again in the same turn.
      if (this.#failures === 0) void this.#tell();
      void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    await Promise.all(batches(asked).map((batch) => this.#askFor(batch)));
  }

  async #askFor(batch: readonly Asked[]): Promise<void> {
    try {
      const answers = await this.#needs.store.claim(batch.map(({ ref }) => ref));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const answer = answers[index];
        if (answer === undefined) reject(new TransportError('a claim has got no answer'));
        else resolve(answer);
      }
      if (this.#failures > 0) void this.#tell();
    } catch (thrown) {
      for (const { reject } of batch) reject(thrown);
    }
  }

  #tell(): Promise<void> {
    if (this.#telling !== undefined || this.#ended.size === 0) return this.#telling ?? Promise.resolve();
    this.#telling = this.#tellAll().finally(() => {
      this.#telling = undefined;
      if (this.#ended.size > 0 && this.#failures === 0) this.#schedule();
    });
    return this.#telling;
  }

  async #tellAll(): Promise<void> {
    const { store, log } = this.#needs;
    const ended = [...this.#ended.values()];
    try {
      const tell = (ending: Ending): Promise<unknown>[] =>
        batches(ended.filter((one) => one.ending === ending)).map((batch) =>
          store.finish(
            batch.map(({ ref }) => ref),
            ending,
          ),
        );
      await Promise.all([...tell('done'), ...tell('released')]);
      this.#failures = 0;
      for (const one of ended) if (this.#ended.get(keyOf(one.ref)) === one) this.#ended.delete(keyOf(one.ref));
    } catch (thrown) {
      log.debug({ evt: 'alert_finish_failed', reason: messageOf(thrown) }, 'told again later');
      this.#retellLater();
    }
  }

  #retellLater(): void {
    this.#failures += 1;
    this.#cancelRetell();
    const ms = exponential(this.#failures, RETELL_MS, MAX_RETELL_MS);
    this.#cancelRetell = this.#needs.timers.setTimer(ms, () => void this.#tell());
  }
}

function keyOf({ alertId, group }: NoticeRef): string {
  return `${alertId} ${group}`;
}

function batches<Item>(items: readonly Item[]): readonly Item[][] {
  const all: Item[][] = [];
  for (let at = 0; at < items.length; at += MAX_BATCH) all.push(items.slice(at, at + MAX_BATCH));
  return all;
}
