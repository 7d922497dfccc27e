/**
 * One connection that blocks on all logs of a lane that have been read to their end and have room. On each new connection
 * every log is paged again from its cursor first, which is compared with the log's end.
 */
import { isMuch, type RawEntry } from './claims.ts';
import type { Connection } from './connection.ts';
import { sleep } from './core.ts';
import { replyCode } from './errors.ts';
import type { Ground } from './ground.ts';
import type { LaneLogs } from './lane-logs.ts';
import type { PartitionLog } from './partition-log.ts';
import type { StreamsReply } from './reader.ts';
import { unblock } from './unblock.ts';

/** Most frames that one read may bring, so that its bytes are bounded. */
const MOST_FRAMES = 64;
/** A refused read is tried again after this, ms; doubles up to the second. */
const REFUSED_MS = 20;
const REFUSED_MOST_MS = 1_000;
const NO_RECORDS: Parameters<LaneLogs['accept']>[2] = new Map();

interface Reading {
  readonly logs: readonly PartitionLog[];
  readonly answer: Promise<StreamsReply>;
}

export class LogReader {
  readonly #ground: Ground;
  readonly #lane: LaneLogs;
  readonly #connection: Connection;
  readonly #purpose: string;
  readonly #ending = new AbortController();
  #clientId = '';
  #checkedEpoch = 0;
  #reading: Reading | undefined;
  #unwanted: Reading | undefined;
  #interrupting = false;
  #refusals = 0;
  #running: Promise<void> | undefined;
  #resume: (() => void) | undefined;

  constructor(ground: Ground, lane: LaneLogs, purpose: string) {
    this.#ground = ground;
    this.#lane = lane;
    this.#purpose = purpose;
    this.#connection = ground.readerConnection(purpose, ground.blockMs);
  }

  /** A read is under way, which does not know of what changed since. */
  get blocked(): boolean {
    return this.#reading !== undefined;
  }

  start(): void {
    if (this.#running !== undefined) return;
    this.#connection.onReady = () => this.nudge();
    this.#connection.start();
    this.#running = this.#run();
  }

  /** Something changed: look again, unless a read is under way. */
  nudge(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** Something changed that a running read must not outlast. */
  interrupt(): void {
    this.nudge();
    if (this.#reading === undefined) return;
    this.#unwanted = this.#reading;
    if (this.#interrupting) return;
    this.#interrupting = true;
    const { signal } = this.#ending;
    const unwanted = (): Reading | undefined =>
      this.#unwanted === this.#reading && !signal.aborted ? this.#unwanted : undefined;
    void unblock(this.#ground.command, () => this.#clientId, unwanted, signal).finally(() => {
      this.#interrupting = false;
    });
  }

  async close(): Promise<void> {
    this.#ending.abort();
    this.#connection.close();
    this.nudge();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      try {
        await this.#turn();
        this.#refusals = 0;
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  async #turn(): Promise<void> {
    if (this.#reading === undefined) {
      if (!this.#connection.ready) return this.#rest();
      await this.#prepare();
      if (this.#arm() === undefined) return this.#rest();
    }
    const reading = this.#reading;
    if (reading === undefined) return;
    let reply: StreamsReply;
    try {
      reply = await reading.answer;
    } finally {
      this.#reading = undefined;
    }
    this.#handOver(reading, reply);
    if (this.#reading === undefined) await new Promise((resolve) => setImmediate(resolve));
  }

  #rest(): Promise<void> {
    return new Promise<void>((resolve) => (this.#resume = resolve));
  }

  /** Sends the next read with every log that has room. */
  #arm(): Reading | undefined {
    if (this.#ending.signal.aborted || !this.#connection.ready || this.#checkedEpoch !== this.#connection.epoch)
      return undefined;
    const logs: PartitionLog[] = [];
    let smallest = MOST_FRAMES;
    for (const log of this.#lane.logs.values()) {
      if (!log.caughtUp || log.paging || log.reading !== undefined) continue;
      const room = log.room();
      if (room === 0) continue;
      logs.push(log);
      smallest = Math.min(smallest, room);
    }
    if (logs.length === 0) return undefined;
    const count = Math.max(1, Math.min(smallest, Math.floor(MOST_FRAMES / logs.length)));
    const answer = this.#connection.send<StreamsReply>('xread', [
      'COUNT',
      count,
      'BLOCK',
      this.#ground.blockMs,
      'STREAMS',
      ...logs.map(({ tenure }) => tenure.keys.stream),
      ...logs.map(({ cursor }) => (cursor === '' ? '0-0' : cursor)),
    ]);
    answer.catch(() => undefined); // Awaited in the next turn; until then a failure must not look unhandled.
    const reading = { logs, answer };
    for (const log of logs) log.reading = reading;
    this.#reading = reading;
    return reading;
  }

  #handOver(reading: Reading, reply: StreamsReply): void {
    const arrived: { log: PartitionLog; turns: number; entries: readonly RawEntry[] }[] = [];
    for (const [key, entries] of reply ?? []) {
      const log = this.#lane.logs.get(key.toString());
      const last = entries.at(-1);
      // It was sent back meanwhile, or is another by now.
      if (log?.reading !== reading || last === undefined) continue;
      log.cursor = last[0].toString('latin1');
      log.handing = entries.length;
      arrived.push({ log, turns: log.turns, entries });
    }
    for (const log of reading.logs) if (log.reading === reading) log.reading = undefined;
    // A little work: first the answers it may have, then the next read. Much: the next frames travel meanwhile.
    if (arrived.some(({ entries }) => isMuch(entries))) this.#arm();
    for (const { log, turns, entries } of arrived) {
      log.handing = 0;
      // Who takes for one may send another back.
      if (log.turns === turns) this.#lane.accept(log, entries, NO_RECORDS);
    }
    // Left out of the read on its way for what was still to be handed over.
    if (this.#reading !== undefined)
      for (const { log } of arrived) if (log.reading === undefined && log.room() > 0) this.#lane.wake(log);
  }

  async #prepare(): Promise<void> {
    const { epoch } = this.#connection;
    if (this.#checkedEpoch === epoch) return;
    this.#clientId = String(await this.#connection.sendText<number>('client', ['ID']));
    this.#checkedEpoch = epoch;
    this.#pageAll();
  }

  /** What each log holds behind its cursor is found out for each by itself. */
  #pageAll(): void {
    for (const log of this.#lane.logs.values()) {
      log.recheck();
      void this.#lane.page(log);
    }
  }

  async #recover(error: unknown): Promise<void> {
    if (this.#ending.signal.aborted) return;
    for (const log of this.#lane.logs.values()) log.reading = undefined;
    const code = replyCode(error);
    // The key of one of them is no stream any more, or gone: who reads them one by one finds out which.
    if (code === 'WRONGTYPE' || (code === 'UNBLOCKED' && /no longer exists/.test((error as Error).message)))
      this.#pageAll();
    else if (code !== '' && code !== 'UNBLOCKED')
      this.#ground.log.warn({ reader: this.#purpose, code }, 'Redis refused a read; trying again');
    if (code === 'READONLY' || code === 'UNBLOCKED') this.#connection.reset();
    if (!this.#connection.ready) return;
    this.#refusals += 1;
    if (this.#refusals > 1)
      await sleep(Math.min(REFUSED_MOST_MS, REFUSED_MS * 2 ** Math.min(this.#refusals, 10)), this.#ending.signal);
  }
}
