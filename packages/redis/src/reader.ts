/**
 * One connection that blocks on many mailboxes. Its next read is on its way before what came is handed over. Whatever
 * ends a read (time, an interruption, a lost group, a lost connection), the loop finds out what is needed and reads on:
 *
 *   new epoch or new member id → open groups → sweep own pending entries → read new ones
 */
import type { Connection } from './connection.ts';
import { isMuch, parseEntries, type RawEntry } from './claims.ts';
import { sleep, TransportError, type Log } from './core.ts';
import { replyCode } from './errors.ts';
import type { Ground } from './ground.ts';
import { GROUP } from './keys.ts';
import type { LaneClaims } from './lane-claims.ts';
import type { Mailbox } from './mailbox.ts';
import { sweep } from './sweep.ts';
import { unblock } from './unblock.ts';

export type StreamsReply = readonly (readonly [key: Buffer, entries: readonly RawEntry[]])[] | null;

/** Most frames that one read may bring, so that its bytes are bounded. */
const MOST_FRAMES = 64;
/** A refused read is tried again after this, ms; doubles up to the second. */
const REFUSED_MS = 20;
const REFUSED_MOST_MS = 1_000;

interface Reading {
  readonly owner: string;
  readonly boxes: readonly Mailbox[];
  readonly count: number;
  readonly answer: Promise<StreamsReply>;
}

export class BlockingReader {
  /** Those for anybody; what is beside one for this node alone is read with it. */
  readonly boxes: Set<Mailbox> = new Set();
  readonly #ground: Ground;
  readonly #lane: LaneClaims;
  readonly #connection: Connection;
  readonly #log: Log;
  readonly #purpose: string;
  #clientId = '';
  #prepared = '';
  #mustOpen = false;
  #reading: Reading | undefined;
  #unwanted: Reading | undefined;
  #interrupting = false;
  #refusals = 0;
  #closed = false;
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  #resume: (() => void) | undefined;

  constructor(ground: Ground, lane: LaneClaims, purpose: string) {
    this.#ground = ground;
    this.#lane = lane;
    this.#purpose = purpose;
    this.#log = ground.log;
    this.#connection = ground.readerConnection(purpose, ground.blockMs);
  }

  /** A read is under way, which does not know of what changed since. */
  get blocked(): boolean {
    return this.#reading !== undefined;
  }

  add(box: Mailbox): void {
    this.boxes.add(box);
    for (const part of box.parts) part.reader = this;
    if (this.#running === undefined) {
      this.#connection.onReady = () => this.nudge();
      this.#connection.start();
      this.#running = this.#run();
    }
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
    const unwanted = (): Reading | undefined =>
      this.#unwanted === this.#reading && !this.#closed ? this.#unwanted : undefined;
    void unblock(this.#ground.command, () => this.#clientId, unwanted, this.#ending.signal).finally(() => {
      this.#interrupting = false;
    });
  }

  /** The groups may be gone, or a key is none of ours: open all mailboxes before the next read. */
  reopen(): void {
    this.#mustOpen = true;
    this.interrupt();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ending.abort();
    this.#connection.close();
    this.nudge();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
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
      if (!this.#connection.ready || this.#ground.registration.id === undefined) return this.#rest();
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
      for (const box of reading.boxes) box.armed = 0;
    }
    this.#handOver(reading, reply);
    if (this.#reading === undefined) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Waits for a nudge; a broken mailbox is looked at again in a second. */
  async #rest(): Promise<void> {
    const broken = this.#parts().some((box) => box.brokenUntil > performance.now());
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      if (broken) setTimeout(resolve, REFUSED_MOST_MS).unref();
    });
  }

  /** Sends the next read with every mailbox that has room. Synchronous: called before what came is handed over. */
  #arm(): Reading | undefined {
    const owner = this.#ground.registration.id;
    if (this.#closed || owner === undefined || !this.#connection.ready || this.#mustPrepare(owner)) return undefined;
    const now = performance.now();
    const boxes: Mailbox[] = [];
    let smallest = MOST_FRAMES;
    for (const { own, parts } of this.boxes) {
      if (own?.ahead === true && own.busy === undefined && own.brokenUntil <= now && own.room() > 0) {
        this.#lane.wake(own.shared ?? own);
        continue;
      }
      for (const box of parts) {
        if (box.armed > 0 || box.busy !== undefined || box.orphaned || box.brokenUntil > now) continue;
        const room = box.room();
        if (room === 0) continue;
        boxes.push(box);
        smallest = Math.min(smallest, Math.max(1, Math.floor(room / parts.length)));
      }
    }
    if (boxes.length === 0) return undefined;
    const count = Math.max(1, Math.min(smallest, Math.floor(MOST_FRAMES / boxes.length)));
    const args: (string | number)[] = ['GROUP', GROUP, owner, 'COUNT', count, 'BLOCK', this.#ground.blockMs, 'STREAMS'];
    for (const box of boxes) {
      box.armed = count;
      args.push(box.keys.stream);
    }
    for (let i = 0; i < boxes.length; i += 1) args.push('>');
    const answer = this.#connection.send<StreamsReply>('xreadgroup', args);
    answer.catch(() => undefined); // Awaited below in the next turn; until then a failure must not look unhandled.
    this.#reading = { owner, boxes, count, answer };
    return this.#reading;
  }

  #handOver(reading: Reading, reply: StreamsReply): void {
    const arrived: { box: Mailbox; entries: readonly RawEntry[] }[] = [];
    for (const [key, entries] of reply ?? []) {
      const name = key.toString();
      const box =
        reading.boxes.length === 1
          ? reading.boxes[0]
          : reading.boxes.find((candidate) => candidate.keys.stream === name);
      if (box === undefined) continue;
      box.handing = entries.length;
      box.ahead = box.shared !== undefined && entries.length >= reading.count;
      arrived.push({ box, entries });
    }
    // A little work: first the answers it may have, then the next read. Much: the next frame travels meanwhile.
    if (arrived.some(({ entries }) => isMuch(entries))) this.#arm();
    for (const { box, entries } of arrived) {
      box.handing = 0;
      this.#lane.accept(box, parseEntries(box.name, entries), reading.owner);
    }
    // Left out of the read on its way for what was still to be handed over: its intake does not know that it was left out,
    // and only an intake that was asked and had no room says when room returns.
    for (const { box } of arrived) if (box.armed === 0 && box.room() > 0) this.#lane.wake(box.shared ?? box);
    this.#lane.afterRead(
      this,
      reading.boxes,
      arrived.map(({ box }) => box),
    );
  }

  #mustPrepare(owner: string): boolean {
    if (this.#prepared !== `${this.#connection.epoch} ${owner}` || this.#mustOpen) return true;
    const now = performance.now();
    for (const { parts } of this.boxes)
      for (const box of parts) if (box.needsSweep || (box.brokenUntil > 0 && box.brokenUntil <= now)) return true;
    return false;
  }

  /** Everything that is read here. */
  #parts(): Mailbox[] {
    return [...this.boxes].flatMap(({ parts }) => parts);
  }

  async #prepare(): Promise<void> {
    const owner = this.#ground.registration.id;
    if (owner === undefined || !this.#mustPrepare(owner)) return;
    const state = `${this.#connection.epoch} ${owner}`;
    const fresh = this.#prepared !== state;
    if (fresh) this.#clientId = String(await this.#connection.sendText<number>('client', ['ID']));
    const now = performance.now();
    const mustOpen =
      fresh || this.#mustOpen || this.#parts().some((box) => box.brokenUntil > 0 && box.brokenUntil <= now);
    this.#mustOpen = false;
    if (mustOpen) await this.#lane.open(this.#parts(), this.#connection);
    const toSweep = this.#parts().filter((box) => (fresh || box.needsSweep) && box.brokenUntil <= now && !box.closed);
    if (toSweep.length > 0) {
      for (const box of toSweep) box.needsSweep = true;
      await sweep(this.#connection, this.#lane, owner, toSweep);
      for (const box of toSweep) if (box.orphaned) this.#lane.wake(box.shared ?? box);
    }
    if (this.#ground.registration.id === owner) this.#prepared = state;
  }

  async #recover(error: unknown): Promise<void> {
    if (this.#closed) return;
    const code = replyCode(error);
    if (
      code === 'NOGROUP' ||
      code === 'WRONGTYPE' ||
      (code === 'UNBLOCKED' && /no longer exists/.test((error as Error).message))
    )
      this.#mustOpen = true;
    else if (code !== '' && code !== 'UNBLOCKED')
      this.#log.warn({ reader: this.#purpose, code }, 'Redis refused a read; trying again');
    else if (code === '' && !(error instanceof TransportError) && this.#connection.ready)
      this.#log.warn({ reader: this.#purpose, err: error }, 'a reader failed; trying again');
    if (code === 'READONLY' || code === 'UNBLOCKED') this.#connection.reset();
    if (!this.#connection.ready) return;
    this.#refusals += 1;
    // The first repair is made at once: after FLUSHALL every moment counts.
    if (this.#refusals > 1)
      await sleep(Math.min(REFUSED_MOST_MS, REFUSED_MS * 2 ** Math.min(this.#refusals, 10)), this.#ending.signal);
  }
}

/** Sends one read that does not block, on the command connection. */
export function poll(ground: Ground, box: Mailbox, owner: string, count: number): Promise<StreamsReply> {
  return ground.command.send<StreamsReply>('xreadgroup', [
    'GROUP',
    GROUP,
    owner,
    'COUNT',
    Math.min(count, MOST_FRAMES),
    'STREAMS',
    box.keys.stream,
    '>',
  ]);
}
