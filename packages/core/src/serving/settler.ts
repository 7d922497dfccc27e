/**
 * Carries endings out, in order, one batch in flight. A batch with an unknown outcome is sent again: settling is fenced
 * and repeatable. Nobody waits for it, so it adds nothing to a call's latency.
 */
import type { Broker, Settlement, SettleResult } from '../ports/broker.ts';
import { HomeostatError, messageOf } from '../ground/errors.ts';
import type { Flusher } from '../ground/flusher.ts';
import type { Log } from '../ground/log.ts';
import { sleep } from '../ground/loop.ts';

/** Most settlements of one batch. */
const MAX_BATCH = 256;
/** Batches leave at least this far apart, ms, unless one is half full: an ending that waits so long joins others, and costs less. */
const PACE_MS = 2;
const RESEND_MS = 20;
const RESEND_MAX_MS = 1_000;

export class Settler {
  readonly #broker: Pick<Broker, 'settle'>;
  readonly #flusher: Flusher;
  readonly #log: Log;
  readonly #failed: ((error: HomeostatError) => void) | undefined;
  readonly #closing = new AbortController();
  /** Who waits for the result of a settlement. */
  readonly #told = new Map<Settlement, (result: SettleResult) => void>();
  #waiting: Settlement[] = [];
  #scheduled = false;
  #inFlight = false;
  /** When the last batch left, on the monotonic clock, ms. */
  #sentAt = 0;
  #idle: (() => void)[] = [];
  /** Endings that the backend refused because the entry was no longer ours. */
  lost = 0;

  /** @param failed is told when the backend refuses a batch; must not throw. */
  constructor(broker: Pick<Broker, 'settle'>, flusher: Flusher, log: Log, failed?: (error: HomeostatError) => void) {
    this.#broker = broker;
    this.#flusher = flusher;
    this.#log = log;
    this.#failed = failed;
  }

  add(settlement: Settlement): void {
    this.#waiting.push(settlement);
    if (this.#scheduled || this.#inFlight) return;
    this.#scheduled = true;
    this.#flusher.schedule(this);
  }

  /** Resolves when it has been carried out or refused; `lost` also when the claims are gone or this is closed. */
  carryOut(settlement: Settlement): Promise<SettleResult> {
    return new Promise((resolve) => {
      if (this.#closing.signal.aborted) return resolve('lost');
      this.#told.set(settlement, resolve);
      this.add(settlement);
    });
  }

  flush(): void {
    this.#scheduled = false;
    if (!this.#inFlight) void this.#run();
  }

  /** The claims are gone: what waits to be settled is not ours any more. */
  forget(): void {
    this.#waiting = [];
    this.#loseAll();
  }

  /** Resolves when everything added so far has been carried out or refused. */
  settled(): Promise<void> {
    if (!this.#inFlight && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  close(): void {
    this.#closing.abort();
    this.#loseAll();
  }

  #loseAll(): void {
    for (const tell of this.#told.values()) tell('lost');
    this.#told.clear();
  }

  async #run(): Promise<void> {
    this.#inFlight = true;
    for (let failures = 0; this.#waiting.length > 0;) {
      await this.#pace();
      const batch = this.#waiting.splice(0, MAX_BATCH);
      if (batch.length === 0) break;
      this.#sentAt = performance.now();
      try {
        this.#count(await this.#broker.settle(batch), batch);
        failures = 0;
      } catch (thrown) {
        if (this.#closing.signal.aborted) break;
        failures += 1;
        if (thrown instanceof HomeostatError) this.#failed?.(thrown);
        this.#log.warn(
          { evt: 'settle_failed', failures, reason: messageOf(thrown) },
          'settling failed; it is tried again',
        );
        this.#waiting = [...batch, ...this.#waiting];
        await sleep(Math.min(RESEND_MAX_MS, RESEND_MS * 2 ** (failures - 1)), this.#closing.signal);
      }
    }
    this.#inFlight = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #pace(): Promise<void> {
    const early = PACE_MS - (performance.now() - this.#sentAt);
    if (early > 0 && this.#waiting.length < MAX_BATCH / 2) await sleep(early, this.#closing.signal);
  }

  #count(results: readonly SettleResult[], batch: readonly Settlement[]): void {
    results.forEach((result, index) => {
      if (this.#told.size > 0) this.#tell(batch[index]!, result);
      if (result !== 'lost') return;
      this.lost += 1;
      const { claim, kind } = batch[index]!;
      this.#log.warn(
        { evt: 'settle_lost', kind, mailbox: claim.mailbox, entry: claim.id },
        'the entry was no longer ours',
      );
    });
  }

  #tell(settlement: Settlement, result: SettleResult): void {
    this.#told.get(settlement)?.(result);
    this.#told.delete(settlement);
  }
}
