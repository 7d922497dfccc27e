/**
 * Everything this node reads of partitions in one lane. What is in a log when its reading begins is paged with its
 * records, by scripts; once that is read, one blocking XREAD waits for what comes to any of them.
 */
import { parseEntries, type OwnedClaim, type RawEntry } from './claims.ts';
import { TransportError, type Intake, type Log, type PartitionReader } from './core.ts';
import { replyCode } from './errors.ts';
import type { Ground } from './ground.ts';
import type { LaneKeys } from './keys.ts';
import { LogReader } from './log-reader.ts';
import { PartitionLog } from './partition-log.ts';
import { run } from './script.ts';
import { isBefore } from './stream-ids.ts';
import type { Tenure } from './tenures.ts';

/** Most frames of one page, so that its bytes are bounded. */
const PAGE = 64;
/** What could not be read is asked for again after this, ms. */
const AGAIN_MS = 200;
/** A log whose key is no stream is looked at again after this, ms. */
const BROKEN_MS = 1_000;

/** An entry with its record, and what is kept of it as name, value, name, … */
type PagedEntry = readonly [id: Buffer, fields: readonly Buffer[], record: Buffer, ...kept: Buffer[]];
type Page = readonly [anew: Buffer, entries: readonly PagedEntry[]];

export class LaneLogs {
  /** By the key of their stream. */
  readonly logs: Map<string, PartitionLog> = new Map();
  readonly #ground: Ground;
  readonly #keys: LaneKeys;
  readonly #lane: number;
  readonly #log: Log;
  #reader: LogReader | undefined;
  #closed = false;

  constructor(ground: Ground, lane: number) {
    this.#ground = ground;
    this.#keys = ground.lane(lane);
    this.#lane = lane;
    this.#log = ground.log;
  }

  read(tenure: Tenure, intake: Intake): PartitionReader {
    const before = this.logs.get(tenure.keys.stream);
    if (before !== undefined)
      throw new TransportError(`${tenure.name} is read by this node already`, {
        outcome: 'not-executed',
        retryable: false,
      });
    const log = new PartitionLog(tenure, intake);
    this.logs.set(tenure.keys.stream, log);
    this.#reader ??= new LogReader(this.#ground, this, `log reader ${this.#lane}`);
    this.#reader.start();
    void this.page(log);
    return {
      wake: () => this.wake(log),
      seek: (after) => this.#sendBack(log, after),
      close: () => {
        this.#drop(log);
        return Promise.resolve();
      },
    };
  }

  /** The tenure of what is read is over. */
  ended({ keys, number }: Tenure): void {
    const log = this.logs.get(keys.stream);
    if (log?.tenure.number === number) this.#drop(log);
  }

  /** Room has returned. */
  wake(log: PartitionLog): void {
    if (log.closed || log.reading !== undefined) return;
    if (log.paging) log.woken = true;
    else if (log.caughtUp && this.#reader?.blocked !== true) this.#reader?.nudge();
    else void this.page(log);
  }

  /** Reads pages until there is no room, or nothing more; then it waits with the others. */
  async page(log: PartitionLog): Promise<void> {
    if (log.paging || log.closed || this.#closed) return;
    log.paging = true;
    try {
      do log.woken = false;
      while ((await this.#pageOnce(log)) || log.woken);
    } catch (error) {
      this.#pageFailed(log, error);
    } finally {
      log.paging = false;
    }
    if (log.caughtUp && log.room() > 0) this.#reader?.interrupt();
  }

  /** Hands over what was read. What is in hand since before the log began anew is left out. */
  accept(log: PartitionLog, entries: readonly RawEntry[], paged: ReadonlyMap<string, PagedEntry>): void {
    const { tenure } = log;
    if (log.closed || entries.length === 0) return;
    const records = new Map([...paged].map(([id, [, , record]]) => [id, record.toString('latin1')]));
    const { claims, foreign } = parseEntries(tenure.name, entries, records, tenure.number);
    for (const id of foreign) this.#buryForeign(tenure, id);
    const fresh: OwnedClaim[] = [];
    for (const claim of claims) {
      if (tenure.inHand.has(claim.id)) continue;
      tenure.inHand.add(claim.id);
      fresh.push(withKept(claim, paged.get(claim.id)));
    }
    if (fresh.length === 0) return;
    try {
      log.intake.take(fresh);
    } catch (error) {
      this.#log.error({ mailbox: tenure.name, err: error }, 'the intake of a partition threw; its claims stay to do');
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const log of this.logs.values()) this.#drop(log);
    await this.#reader?.close();
  }

  /** Answers whether to ask for another page. */
  async #pageOnce(log: PartitionLog): Promise<boolean> {
    const { tenure, turns, unchecked } = log;
    const room = log.room();
    if (log.closed || room === 0 || this.#ground.registration.id !== tenure.owner) return false;
    const { owners, stream, progress, kept } = tenure.keys;
    const most = Math.min(room, PAGE);
    const answer = await run<Buffer | Page>(
      this.#ground.command,
      'keyedread',
      [this.#keys.members, owners, stream, progress, kept],
      [tenure.owner, tenure.partition, log.cursor, most, unchecked ? '1' : ''],
      true,
    );
    if (log.closed) return false;
    // It was sent back meanwhile.
    if (log.turns !== turns) return true;
    if (Buffer.isBuffer(answer)) {
      this.#refused(tenure, answer.toString('latin1'));
      return false;
    }
    const [, entries] = answer;
    log.unchecked = false;
    log.broken = false;
    const last = entries.at(-1);
    // What began anew and has nothing yet begins with what comes.
    if (last !== undefined) log.cursor = last[0].toString('latin1');
    else if (answer[0].toString('latin1') === '1') log.cursor = '';
    log.caughtUp = entries.length < most;
    const paged = new Map(entries.map((entry) => [entry[0].toString('latin1'), entry]));
    this.accept(
      log,
      entries.map(([id, fields]): RawEntry => [id, fields]),
      paged,
    );
    return !log.caughtUp || log.turns !== turns;
  }

  #refused(tenure: Tenure, why: string): void {
    if (why === 'not-member') {
      this.#ground.registration.lose(tenure.owner, 'no member when reading a partition');
      return;
    }
    this.#log.warn({ mailbox: tenure.name }, 'a partition is not this node’s any more: Redis has lost that it took it');
    this.#ground.tenures.end(tenure.name);
  }

  #pageFailed(log: PartitionLog, error: unknown): void {
    const broken = replyCode((error as Error).cause ?? error) === 'WRONGTYPE' || /WRONGTYPE/.test(String(error));
    if (broken && !log.broken)
      this.#log.error(
        { mailbox: log.tenure.name, code: 'WRONGTYPE' },
        'a partition cannot be read: its key holds another type; trying again, the others are read',
      );
    log.broken = broken;
    log.caughtUp = false;
    setTimeout(() => void this.page(log), broken ? BROKEN_MS : AGAIN_MS).unref();
  }

  #sendBack(log: PartitionLog, after: string): void {
    if (log.closed) return;
    log.sendBack(after);
    const { inHand } = log.tenure;
    for (const id of inHand) if (after === '' || isBefore(after, id)) inHand.delete(id);
    void this.page(log);
  }

  /** What was asked for it, and comes, is ignored. */
  #drop(log: PartitionLog): void {
    log.closed = true;
    log.tenure.inHand.clear();
    if (this.logs.get(log.tenure.keys.stream) === log) this.logs.delete(log.tenure.keys.stream);
  }

  #buryForeign(tenure: Tenure, id: string): void {
    if (this.#ground.tenures.get(tenure.name) !== tenure) return;
    const { owners, stream, level, progress, kept, dead } = tenure.keys;
    run(
      this.#ground.command,
      'keyedbury',
      [this.#keys.members, owners, stream, level, progress, kept, dead],
      [tenure.owner, tenure.partition, id, '', '', 'not-a-frame', 0, '[]'],
    ).then(
      () => this.#log.warn({ mailbox: tenure.name, entry: id }, 'an entry that is no frame became a dead letter'),
      () => void setTimeout(() => this.#buryForeign(tenure, id), AGAIN_MS).unref(),
    );
  }
}

/** With what is kept of the entry beside its record: answers of what was applied, and what happened before. */
function withKept(claim: OwnedClaim, entry: PagedEntry | undefined): OwnedClaim {
  const [, , , ...kept] = entry ?? [];
  if (kept.length === 0) return claim;
  const applied = new Map<number, Uint8Array>();
  let { history } = claim;
  for (let at = 0; at + 1 < kept.length; at += 2) {
    const name = kept[at]?.toString('latin1') ?? '';
    const value = kept[at + 1] ?? Buffer.alloc(0);
    if (name === 'h') history = value.toString();
    else if (/^\d{1,5}$/.test(name)) applied.set(Number(name), value);
  }
  return {
    ...claim,
    ...(history === undefined ? undefined : { history }),
    ...(applied.size === 0 ? undefined : { applied }),
  };
}
