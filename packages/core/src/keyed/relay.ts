/**
 * Sends on the casts that were committed with state: in order, each under its number in the partition, so that whoever
 * goes on with it after a crash sends none of them twice.
 */
import { messageOf } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { sleep } from '../ground/loop.ts';
import type { Broker } from '../ports/broker.ts';
import { partitionName, type Partitions, type RelayedFrame } from '../ports/partitions.ts';
import { keyOfCast } from '../calling/held-casts.ts';
import { readFrame } from '../wire/frame.ts';
import { partitionOf } from './partition-of.ts';

/** Casts of one partition that may wait while its handlers go on. */
const MAX_BACKLOG = 1_024;
/** Casts read at once. */
const PAGE = 64;
/** Wait before a cast that was not taken is sent again, ms; doubles each time. */
const AGAIN_MS = 20;
const AGAIN_MAX_MS = 1_000;

export interface RelayNeeds {
  readonly mailbox: string;
  readonly number: number;
  readonly partitions: Pick<Partitions, 'outgoing' | 'relayed'>;
  readonly broker: Pick<Broker, 'append'>;
  readonly log: Log;
}

export class Relay {
  readonly #needs: RelayNeeds;
  readonly #closing = new AbortController();
  /** What cannot leave at once shall not be waited for. */
  readonly #hurrying = new AbortController();
  #awake = false;
  /** Casts that were committed here and have not been sent on. */
  #backlog = 0;
  #running: Promise<void> | undefined;

  constructor(needs: RelayNeeds) {
    this.#needs = needs;
  }

  /** So much waits to be sent on that nothing should be added. */
  get full(): boolean {
    return this.#backlog >= MAX_BACKLOG;
  }

  /** There may be something to send on: so many more, as far as is known. */
  wake(more = 0): void {
    this.#awake = true;
    this.#backlog += more;
    if (this.#closing.signal.aborted) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#awake) this.wake();
    });
  }

  /** Sends on what can leave now. Resolves when that is done; what is left is for the next owner. */
  async finish(): Promise<void> {
    this.#hurrying.abort();
    this.wake();
    // One run ends where another begins.
    while (this.#running !== undefined) await this.#running;
    await this.close();
  }

  /** Resolves when nothing is on its way; what is left is for the next owner. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#hurrying.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { mailbox, number, partitions, log } = this.#needs;
    const { signal: closing } = this.#closing;
    const { signal: hurrying } = this.#hurrying;
    for (let failures = 0; !closing.aborted;) {
      this.#awake = false;
      try {
        const casts = await this.#page();
        const sent = await this.#send(casts);
        const last = casts[sent - 1];
        if (last !== undefined) await partitions.relayed(mailbox, number, last.number);
        this.#backlog -= sent;
        failures = sent === 0 && casts.length > 0 ? failures + 1 : 0;
        if (casts.length === 0) return;
      } catch (thrown) {
        failures += 1;
        log.warn(
          { evt: 'relay_failed', mailbox, partition: number, failures, reason: messageOf(thrown) },
          'casts of keyed messages wait to be sent on; it is tried again',
        );
      }
      if (failures === 0) continue;
      if (hurrying.aborted) return;
      await sleep(Math.min(AGAIN_MAX_MS, AGAIN_MS * 2 ** (failures - 1)), hurrying);
    }
  }

  /** What waits longest. Where that is less than was asked for it is all there is, but for what has come meanwhile. */
  async #page(): Promise<readonly RelayedFrame[]> {
    const { mailbox, number, partitions } = this.#needs;
    const before = this.#backlog;
    const casts = await partitions.outgoing(mailbox, number, PAGE);
    if (casts.length < PAGE) this.#backlog = casts.length + this.#backlog - before;
    else this.#backlog = Math.max(this.#backlog, casts.length);
    return casts;
  }

  /** Answers how many were sent. */
  async #send(casts: readonly RelayedFrame[]): Promise<number> {
    let sent = 0;
    for (const cast of casts) {
      if (this.#closing.signal.aborted || !(await this.#sent(cast, cast.mailbox))) break;
      sent += 1;
    }
    return sent;
  }

  async #sent(cast: RelayedFrame, mailbox: string): Promise<boolean> {
    const { frame, count, number } = cast;
    const producer = partitionName(this.#needs.mailbox, this.#needs.number);
    const result = await this.#needs.broker.append({ mailbox, number, frame, count, producer });
    if (result.kind === 'accepted') return true;
    if (result.kind !== 'partitioned') return false;
    const key = keyOf(cast);
    if (key !== undefined) return this.#sent(cast, partitionName(mailbox, partitionOf(key, result.partitions)));
    this.#needs.log.error(
      { evt: 'relay_refused', mailbox, reason: 'KEY_REQUIRED' },
      'a cast without a key cannot be sent on: its mailbox has become keyed; it is dropped',
    );
    return true;
  }
}

function keyOf({ frame }: RelayedFrame): string | undefined {
  try {
    return keyOfCast(readFrame(frame, { maxBodyBytes: Infinity }).envelopes);
  } catch {
    return undefined;
  }
}
