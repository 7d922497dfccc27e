/**
 * What could not be told because the backend is away: kept here, in order, until it answers. The program hears of it at
 * once, by the log and by a hook.
 */
import { HomeostatError, messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { within } from '../ground/pause.ts';
import type { Timers } from '../ground/clock.ts';
import { ANSWER_MS } from '../resilience/answer-ms.ts';
import type { Alert, Raised } from './alert.ts';
import { merged } from './merge.ts';
import { isWorse } from './severity.ts';

/** Entries kept. */
const CAPACITY = 1_000;

/** Something that was to be told: a raise, with the id of the alert that it begins if it does; or that it is over. */
export type Untold =
  | { readonly kind: 'raise'; readonly raised: Raised; readonly id: string }
  | { readonly kind: 'clear'; readonly fingerprint: string };

interface Entry {
  untold: Untold;
  /** Stands for repeats of the entry before it. More of them are added, until it was sent: then its token may be known. */
  grows: boolean;
  telling: boolean;
}

export interface RingNeeds {
  readonly timers: Timers;
  readonly log: Log;
  /** Tells it now. What it rejects with decides: what may succeed later is kept. */
  tell(untold: Untold): Promise<unknown>;
  /** Told at once of what only this node knows. */
  onLocalAlert?: ((alert: Alert) => unknown) | undefined;
  /** Default 1,000. */
  readonly capacity?: number | undefined;
}

export class Ring {
  readonly #needs: RingNeeds;
  readonly #capacity: number;
  readonly #entries = new Set<Entry>();
  /** Fingerprint → the last entry of it. */
  readonly #last = new Map<string, Entry>();
  #dropped = 0;
  #flushing: Promise<void> | undefined;

  constructor(needs: RingNeeds) {
    this.#needs = needs;
    this.#capacity = needs.capacity ?? CAPACITY;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Given up, since there were more than it holds. */
  get dropped(): number {
    return this.#dropped;
  }

  has(fingerprint: string): boolean {
    return this.#last.has(fingerprint);
  }

  /**
   * @param alert what is raised, as far as this node can judge it.
   * @param sent it may have been carried out.
   */
  keepRaise(raised: Raised, alert: Alert, sent: boolean): void {
    const last = this.#last.get(raised.fingerprint);
    const before = last?.untold.kind === 'raise' ? last.untold.raised : undefined;
    if (before === undefined || isWorse(raised.severity, before.severity)) this.#say(alert);
    if (last !== undefined && before !== undefined && last.grows && !last.telling && !sent) {
      last.untold = { kind: 'raise', raised: merged(before, raised), id: alert.id };
      return;
    }
    this.#add({
      untold: { kind: 'raise', raised, id: alert.id },
      grows: before !== undefined && !sent,
      telling: false,
    });
  }

  keepClear(fingerprint: string): void {
    const last = this.#last.get(fingerprint);
    if (last?.untold.kind === 'clear' && !last.telling) return;
    this.#add({ untold: { kind: 'clear', fingerprint }, grows: false, telling: false });
  }

  /** It was told after all. */
  forget(token: string): void {
    for (const entry of this.#entries) {
      if (entry.untold.kind === 'raise' && entry.untold.raised.token === token) this.#remove(entry);
    }
  }

  /** Tells what there is, in order, until something of it fails. Never rejects. */
  flush(): Promise<void> {
    if (this.#entries.size === 0) return Promise.resolve();
    this.#flushing ??= this.#flush().finally(() => (this.#flushing = undefined));
    return this.#flushing;
  }

  /** Tries once more to tell what there is. What is lost then is in the log, whole. */
  async close(): Promise<void> {
    await within(this.#needs.timers, ANSWER_MS, this.flush());
    for (const { untold } of this.#entries) {
      this.#needs.log.fatal({ evt: 'alert_lost', untold }, 'this node ends, and nobody was told of this');
    }
    this.#entries.clear();
    this.#last.clear();
  }

  async #flush(): Promise<void> {
    for (const entry of this.#entries) {
      entry.telling = true;
      try {
        await this.#needs.tell(entry.untold);
      } catch (thrown) {
        entry.telling = false;
        entry.grows &&= !wasSent(thrown);
        if (mayPass(thrown)) return;
        const { untold } = entry;
        this.#needs.log.fatal({ evt: 'alert_lost', untold, reason: messageOf(thrown) }, 'this cannot be told');
      }
      this.#remove(entry);
    }
  }

  #add(entry: Entry): void {
    if (this.#entries.size >= this.#capacity) this.#giveUpOne();
    this.#entries.add(entry);
    this.#last.set(fingerprintOf(entry), entry);
  }

  /** The oldest that is not critical; the oldest where all are. */
  #giveUpOne(): void {
    let oldest: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.telling) continue;
      oldest ??= entry;
      if (isCritical(entry)) continue;
      oldest = entry;
      break;
    }
    if (oldest === undefined) return;
    this.#dropped += 1;
    this.#remove(oldest);
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry);
    const fingerprint = fingerprintOf(entry);
    if (this.#last.get(fingerprint) === entry) this.#last.delete(fingerprint);
  }

  #say(alert: Alert): void {
    const { log, onLocalAlert } = this.#needs;
    log.fatal({ evt: 'alert_local', alert }, alert.message);
    try {
      const answer = onLocalAlert?.(alert);
      if (answer instanceof Promise) answer.catch((thrown: unknown) => this.#hookFailed(thrown));
    } catch (thrown) {
      this.#hookFailed(thrown);
    }
  }

  #hookFailed(thrown: unknown): void {
    this.#needs.log.error({ evt: 'alert_hook_failed', reason: messageOf(thrown) }, 'onLocalAlert threw');
  }
}

/** Whether what failed so may succeed later. */
export function mayPass(thrown: unknown): boolean {
  return thrown instanceof HomeostatError && thrown.retryable;
}

/** Whether what failed so may have been carried out all the same. */
export function wasSent(thrown: unknown): boolean {
  return !(thrown instanceof HomeostatError && thrown.outcome === 'not-executed');
}

function fingerprintOf({ untold }: Entry): string {
  return untold.kind === 'raise' ? untold.raised.fingerprint : untold.fingerprint;
}

function isCritical({ untold }: Entry): boolean {
  return untold.kind === 'raise' && untold.raised.severity === 'critical';
}
