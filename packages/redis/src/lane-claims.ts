/**
 * Everything this node claims in one lane: its mailboxes, the readers that block on them (a second one beyond 32), the
 * polls when room returns, and the taking over of what non-members hold.
 */
import { adopt } from './adopt.ts';
import { parseEntries, type ParsedEntries } from './claims.ts';
import type { Connection } from './connection.ts';
import { TransportError, type Intake, type Log, type MailboxLimits, type MailboxReader } from './core.ts';
import { replyCode, transportError } from './errors.ts';
import type { Ground } from './ground.ts';
import { GROUP, mailboxKeys, nodeKeys, type LaneKeys } from './keys.ts';
import { Mailbox } from './mailbox.ts';
import { BlockingReader, poll } from './reader.ts';
import { run } from './script.ts';
import { openOwn, returnOwn } from './targeted.ts';

/** Streams of the hot read: arming it costs the server 36 µs for one, 46 for sixteen, 494 for a thousand. */
const HOT_STREAMS = 32;
/** A hot mailbox that brought nothing for this long may be replaced, ms. */
const QUIET_MS = 1_000;
/** A hot mailbox that brought nothing for this long is cold, ms. */
const COLD_MS = 3_000;
/** Mailboxes opened by one script. */
const OPEN_AT_ONCE = 100;
/** A mailbox whose key is no stream is looked at again after this, ms. */
const BROKEN_MS = 1_000;
/** What could not be cleared away is tried again after this, ms. */
const AGAIN_MS = 200;

/** What a poll brought; `not now`: something else must be seen to first. */
type Brought = 'something' | 'nothing' | 'no room' | 'not now';

export class LaneClaims {
  readonly ground: Ground;
  readonly keys: LaneKeys;
  readonly boxes: Map<string, Mailbox> = new Map();
  /** Has served something here: until then there is nothing for it to look at. */
  served = false;
  /** Mailboxes that are being opened → whether word came meanwhile of something beside it that is for this node alone. */
  readonly opening: Map<string, boolean> = new Map();
  /** Names of what is being returned to shared mailboxes right now. */
  readonly returning: Set<string> = new Set();
  readonly #log: Log;
  readonly #hot: BlockingReader;
  readonly #lane: number;
  #cold: BlockingReader | undefined;

  constructor(ground: Ground, lane: number) {
    this.ground = ground;
    this.keys = ground.lane(lane);
    this.#lane = lane;
    this.#log = ground.log;
    this.#hot = new BlockingReader(ground, this, `reader ${lane}`);
  }

  async consume(name: string, limits: MailboxLimits, intake: Intake): Promise<MailboxReader> {
    const before = this.boxes.get(name);
    if (before !== undefined && !before.closed)
      throw new TransportError(`mailbox ${name} is consumed by this node already`, {
        outcome: 'not-executed',
        retryable: false,
      });
    this.served = true;
    const keys = mailboxKeys(this.keys, name);
    const box = new Mailbox({ name, keys, limits, intake, held: this.ground.hands.of(name), log: this.#log });
    this.opening.set(name, false);
    try {
      const [failure] = await this.open([box], this.ground.command);
      if (failure !== undefined) throw failure;
      this.boxes.set(name, box);
      // Where that fails the mark stands, and the next beat says it again.
      if (this.opening.get(name) === true) await openOwn(this, [box], this.ground.command).catch(() => undefined);
    } finally {
      this.opening.delete(name);
    }
    const reader =
      this.#hot.boxes.size < HOT_STREAMS
        ? this.#hot
        : (this.#cold ??= new BlockingReader(this.ground, this, `cold reader ${this.#lane}`));
    reader.add(box);
    reader.interrupt();
    return {
      wake: () => this.wake(box),
      close: async () => {
        await this.#close(box);
        if (box.own !== undefined) await returnOwn(this, box.own.name);
      },
    };
  }

  /**
   * Makes the mailboxes exist, and what is for this node alone beside them, if there is any; answers the error of each
   * that cannot be used and sets it aside for a while.
   */
  async open(boxes: readonly Mailbox[], connection: Connection): Promise<(TransportError | undefined)[]> {
    const owner = this.ground.registration.id;
    const failures: (TransportError | undefined)[] = boxes.map(() => undefined);
    if (owner === undefined) return failures;
    const withOwn: Mailbox[] = [];
    for (let from = 0; from < boxes.length; from += OPEN_AT_ONCE) {
      const part = boxes.slice(from, from + OPEN_AT_ONCE);
      const answer = await run<string | string[]>(
        connection,
        'open',
        [
          this.keys.members,
          nodeKeys(this.keys, owner).serves,
          this.keys.orphans,
          ...part.flatMap((box) => [box.keys.stream, box.keys.level]),
        ],
        [owner, ...part.flatMap((box) => [box.name, box.limits.maxLength, box.limits.maxBytes])],
      );
      if (typeof answer === 'string') {
        this.ground.registration.lose(owner, 'no member when opening mailboxes');
        return failures;
      }
      part.forEach((box, i) => {
        const text = answer[i] ?? '';
        if (text === '' || text === '>') {
          box.brokenUntil = 0;
          if (text === '>' && box.own === undefined) withOwn.push(box);
          return;
        }
        if (box.brokenUntil === 0)
          this.#log.error(
            { mailbox: box.name, code: text.split(' ', 1)[0] },
            'a mailbox cannot be used; trying again, the others are served',
          );
        box.brokenUntil = performance.now() + BROKEN_MS;
        failures[from + i] = new TransportError(`mailbox ${box.name} cannot be used: its key holds another type`, {
          outcome: 'not-executed',
          retryable: false,
        });
      });
    }
    await openOwn(this, withOwn, connection);
    return failures;
  }

  /** Room has returned to a mailbox. */
  wake(box: Mailbox): void {
    if (box.closed) return;
    if (box.busy !== undefined) box.woken = true;
    else if (box.orphaned && box.own === undefined) void adopt(this, box);
    else if (!box.orphaned && box.parts.every((part) => part.armed > 0)) return;
    else if (box.orphaned || box.own?.ahead === true || box.reader?.blocked === true) void this.#poll(box);
    else box.reader?.nudge();
  }

  /** Hands over what was claimed for `owner`, and sees to what is no claim. */
  accept(box: Mailbox, parsed: ParsedEntries, owner: string, how: 'read' | 'adopted' = 'read'): void {
    if (parsed.trimmed.length > 0) this.#dropTrimmed(box, parsed.trimmed);
    if (this.ground.registration.id !== owner) {
      // Claimed for a member that is no more: whoever adopts shall find it.
      this.#detached(box, this.#mark([box.name]));
      return;
    }
    if (parsed.foreign.length > 0) {
      this.#log.warn(
        { mailbox: box.name, entries: parsed.foreign.length },
        'entries that are no frames become dead letters',
      );
    }
    for (const id of parsed.foreign) {
      this.#detached(
        box,
        run(
          this.ground.command,
          'bury',
          [this.keys.members, box.keys.stream, box.keys.level, box.keys.progress, box.keys.dead],
          [owner, id, '', '', 'not-a-frame', 0, '[]'],
        ),
      );
    }
    box.accept(parsed.claims, how);
  }

  /** After a read: mailboxes that moved to the other reader join it, busy cold ones become hot. */
  afterRead(reader: BlockingReader, armed: readonly Mailbox[], arrived: readonly Mailbox[]): void {
    if (this.#cold === undefined) return;
    if (armed.some((box) => box.reader !== reader && !box.closed))
      (reader === this.#hot ? this.#cold : this.#hot).interrupt();
    if (reader === this.#cold) for (const box of new Set(arrived.map(whole))) this.#warm(box, this.#cold);
    else if (arrived.length === 0) this.#coolDown(this.#cold);
  }

  /** The node joined under a new id, or lost its id: running reads are for the old one. */
  memberChanged(): void {
    for (const box of this.boxes.values()) {
      box.orphaned = false;
      box.disjoin();
    }
    // Since it was declared dead it may have claimed what nobody looks for there.
    if (this.ground.registration.id === undefined && this.boxes.size > 0)
      this.#mark([...this.boxes.keys()]).catch(() => undefined); // An audit finds them too, later.
    this.#hot.interrupt();
    this.#cold?.interrupt();
  }

  /** Stops claiming for every mailbox. */
  async stop(): Promise<void> {
    await Promise.all([...this.boxes.values()].map((box) => this.#close(box)));
  }

  async close(): Promise<void> {
    for (const box of this.boxes.values()) for (const part of box.parts) part.closed = true;
    await Promise.all([this.#hot.close(), this.#cold?.close()]);
  }

  async #poll(box: Mailbox): Promise<void> {
    box.begin('poll');
    try {
      let brought: Brought;
      do {
        box.woken = false;
        brought = await this.#pollParts(box);
        // Handlers end between a look at the room and this moment too: nobody else would say so again.
      } while (brought === 'something' || (brought === 'no room' && box.woken));
      if (brought === 'no room') return;
    } finally {
      box.end();
    }
    if (box.orphaned) void adopt(this, box);
    else box.reader?.interrupt();
  }

  async #pollParts(box: Mailbox): Promise<Brought> {
    for (const part of box.parts) {
      const brought = await this.#pollOne(part);
      if (brought !== 'nothing') return brought;
    }
    return 'nothing';
  }

  async #pollOne(box: Mailbox): Promise<Brought> {
    const owner = this.ground.registration.id;
    const room = box.room();
    if (owner === undefined || room === 0) return 'no room';
    // A sweep waits for the end of this, and with it the whole reader.
    if (box.orphaned || box.needsSweep) return 'not now';
    if (box.armed > 0) return 'nothing';
    try {
      const reply = await poll(this.ground, box, owner, box.share(room));
      const entries = reply?.[0]?.[1] ?? [];
      box.ahead = box.shared !== undefined && entries.length > 0;
      if (entries.length === 0) return 'nothing';
      this.accept(box, parseEntries(box.name, entries), owner);
      return 'something';
    } catch (error) {
      this.claimFailed(box, error);
      return 'not now';
    }
  }

  /** A claim whose answer is unknown may have left entries with us; a lost group must be made again. */
  claimFailed(box: Mailbox, error: unknown): void {
    box.ahead = false;
    const code = replyCode(error);
    if (code === 'NOGROUP' || code === 'WRONGTYPE') {
      box.reader?.reopen();
      return;
    }
    if (transportError('claim', error).outcome === 'unknown') box.needsSweep = true;
    box.reader?.interrupt();
  }

  /** Nothing came for a whole read: the quiet ones join the others, so that an idle node has one read under way. */
  #coolDown(cold: BlockingReader): void {
    const quietSince = performance.now() - COLD_MS;
    const quiet = [...this.#hot.boxes].filter(
      (box) => box.activeAt < quietSince && box.parts.every((part) => part.armed === 0),
    );
    for (const box of quiet) {
      this.#hot.boxes.delete(box);
      cold.add(box);
    }
    if (quiet.length > 0) cold.interrupt();
  }

  #warm(box: Mailbox, cold: BlockingReader): void {
    if (this.#hot.boxes.size >= HOT_STREAMS) {
      let quietest: Mailbox | undefined;
      for (const candidate of this.#hot.boxes)
        if (quietest === undefined || candidate.activeAt < quietest.activeAt) quietest = candidate;
      if (quietest === undefined || performance.now() - quietest.activeAt < QUIET_MS) return;
      this.#hot.boxes.delete(quietest);
      cold.add(quietest);
    }
    cold.boxes.delete(box);
    this.#hot.add(box);
    this.#hot.interrupt();
    cold.interrupt();
  }

  async #close(box: Mailbox): Promise<void> {
    for (const part of box.parts) part.closed = true;
    const isArmed = (): boolean => box.parts.some((part) => part.armed > 0);
    while (isArmed() || box.busy !== undefined) {
      box.reader?.interrupt();
      await box.idle();
      if (isArmed()) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    box.reader?.boxes.delete(box);
    if (this.boxes.get(box.name) === box) this.boxes.delete(box.name);
  }

  #dropTrimmed(box: Mailbox, ids: readonly string[]): void {
    this.#log.error(
      { mailbox: box.name, code: 'lost-trimmed', entries: ids.length },
      'entries were trimmed from a mailbox before they were handled: is somebody using XTRIM or MAXLEN on it?',
    );
    this.#detached(box, this.ground.command.sendText('xack', [box.keys.stream, GROUP, ...ids]));
  }

  /** Tells all members that entries of non-members may wait in these. */
  async #mark(names: readonly string[]): Promise<void> {
    const { orphans, revision } = this.keys;
    await this.ground.command.sendText('sadd', [orphans, ...names]);
    await this.ground.command.sendText('incr', [revision]);
  }

  /** Nobody waits for it. What failed is found again by the next sweep, a little later: the connection may be away. */
  #detached(box: Mailbox, work: Promise<unknown>): void {
    work.catch(() => {
      setTimeout(() => {
        box.needsSweep = true;
        box.reader?.interrupt();
      }, AGAIN_MS).unref();
    });
  }
}

/** Readers move a mailbox with what is beside it. */
function whole(box: Mailbox): Mailbox {
  return box.shared ?? box;
}
