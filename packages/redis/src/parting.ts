/**
 * Moves what is in a shared mailbox into its partitions. This node has an entry in its hands while it is moved: the copies
 * are made first, each once however often that is tried, then the entry ends. Lanes differ, so it cannot be one step; until
 * the mailbox is split nobody reads the copies.
 */
import { ones, parseEntries, type ParsedEntries, type RawEntry } from './claims.ts';
import { adoptOnce } from './adopt.ts';
import type { Claim } from './core.ts';
import { partitionName, partsOf } from './core.ts';
import type { Ground } from './ground.ts';
import {
  GROUP,
  laneOfMailbox,
  mailboxKeys,
  movedKey,
  nodeKeys,
  partitionKeys,
  type LaneKeys,
  type MailboxKeys,
} from './keys.ts';
import type { StreamsReply } from './reader.ts';
import { run } from './script.ts';

/** Entries taken in hand at once. */
const AT_ONCE = 32;
/** What was moved is remembered for so long, should it not be seen to end, ms. */
const MOVED_MS = 86_400_000;

interface Copy {
  /** Of what, and to where. */
  readonly name: string;
  readonly partition: string;
  readonly claim: Claim;
  readonly todo: string;
}

export class Parting {
  readonly #ground: Ground;
  readonly #mailbox: string;
  readonly #lane: LaneKeys;
  readonly #keys: MailboxKeys;

  constructor(ground: Ground, mailbox: string) {
    this.#ground = ground;
    this.#mailbox = mailbox;
    this.#lane = ground.lane(laneOfMailbox(mailbox, ground.lanes.length));
    this.#keys = mailboxKeys(this.#lane, mailbox);
  }

  /** Makes the mailbox exist, with what it may hold. */
  async open(owner: string, maxLength: number, maxBytes: number): Promise<void> {
    const { members, orphans } = this.#lane;
    const { stream, level } = this.#keys;
    await run(
      this.#ground.command,
      'open',
      [members, nodeKeys(this.#lane, owner).serves, orphans, stream, level],
      [owner, this.#mailbox, maxLength, maxBytes],
    );
  }

  /** Moves all that is in nobody's hands, oldest first, until it has nearly caught up with those who send. */
  async moveAll(owner: string, partitions: number): Promise<void> {
    await this.#moveOwn(owner, partitions);
    await this.#moveAdopted(owner, partitions);
    for (;;) {
      const entries = await this.#read(owner, '>');
      await this.#moveParsed(owner, partitions, parseEntries(this.#mailbox, entries));
      if (entries.length < AT_ONCE) return;
    }
  }

  /** Answers, for each claim, whether it ended now. This node must hold them. */
  async move(owner: string, partitions: number, claims: readonly Claim[]): Promise<readonly boolean[]> {
    if (claims.length === 0) return [];
    const copies = claims.flatMap((claim) => this.#copies(claim, partitions));
    const byLane = new Map<LaneKeys, Copy[]>();
    for (const copy of copies) {
      const lane = this.#ground.lane(laneOfMailbox(copy.partition, this.#ground.lanes.length));
      const same = byLane.get(lane);
      if (same === undefined) byLane.set(lane, [copy]);
      else same.push(copy);
    }
    await Promise.all([...byLane].map(([lane, some]) => this.#put(owner, lane, some)));
    const { stream, level, progress } = this.#keys;
    const answer = await run<string>(
      this.#ground.command,
      'settle',
      [this.#lane.members, stream, level, progress],
      [owner, claims.length, ...claims.flatMap((claim) => [claim.id, workOf(claim), claim.frame.length])],
    );
    if (answer === 'not-member') return claims.map(() => false);
    for (const [lane, some] of byLane) this.#forget(lane, some);
    return claims.map((_, at) => answer.charCodeAt(at) === 0x31);
  }

  /** What an attempt before this one has left in this node's hands. What its own reader has is not meant. */
  async #moveOwn(owner: string, partitions: number): Promise<void> {
    const held = this.#ground.hands.of(this.#mailbox);
    let after = '0';
    for (;;) {
      const entries = await this.#read(owner, after);
      const last = entries.at(-1);
      if (last === undefined) return;
      after = last[0].toString('latin1');
      const left = entries.filter(([id]) => !held.has(id.toString('latin1')));
      if (left.length === 0) continue;
      const ids = left.map(([id]) => id.toString('latin1'));
      const records = await this.#ground.command.sendText<(string | null)[]>('hmget', [this.#keys.progress, ...ids]);
      const byId = new Map(ids.map((id, i) => [id, records[i] ?? '']));
      await this.#moveParsed(owner, partitions, parseEntries(this.#mailbox, left, byId));
    }
  }

  async #moveAdopted(owner: string, partitions: number): Promise<void> {
    const { stream, progress } = this.#keys;
    for (;;) {
      const { entries, records } = await adoptOnce(
        this.#ground,
        [this.#lane.members, stream, progress, this.#lane.orphans],
        [owner, this.#mailbox, AT_ONCE],
      );
      if (entries.length === 0) return;
      await this.#moveParsed(owner, partitions, parseEntries(this.#mailbox, entries, records));
    }
  }

  async #moveParsed(owner: string, partitions: number, parsed: ParsedEntries): Promise<void> {
    const { command } = this.#ground;
    const { members } = this.#lane;
    const { stream, level, progress, dead } = this.#keys;
    if (parsed.trimmed.length > 0) await command.sendText('xack', [stream, GROUP, ...parsed.trimmed]);
    for (const id of parsed.foreign)
      await run(command, 'bury', [members, stream, level, progress, dead], [owner, id, '', '', 'not-a-frame', 0, '[]']);
    await this.move(owner, partitions, parsed.claims);
  }

  async #read(owner: string, after: string): Promise<readonly RawEntry[]> {
    const { stream } = this.#keys;
    const reply = await this.#ground.command.send<StreamsReply>('xreadgroup', [
      ...['GROUP', GROUP, owner, 'COUNT', AT_ONCE, 'STREAMS'],
      ...[stream, after],
    ]);
    return reply?.[0]?.[1] ?? [];
  }

  #copies(claim: Claim, partitions: number): Copy[] {
    const { id, frame, count, todo = '1'.repeat(count) } = claim;
    return [...partsOf(frame, count, partitions)]
      .map(([partition, mask]) => ({
        name: `${id}#${partition}`,
        partition: partitionName(this.#mailbox, partition),
        claim,
        todo: both(todo, mask),
      }))
      .filter((copy) => copy.todo.includes('1'));
  }

  async #put(owner: string, lane: LaneKeys, copies: readonly Copy[]): Promise<void> {
    const keys = copies.flatMap(({ partition }) => {
      const { stream, level, progress } = partitionKeys(lane, partition);
      return [stream, level, progress];
    });
    const args = copies.flatMap(({ name, claim, todo }) => [
      ...[name, asBuffer(claim.frame), claim.count, todo],
      ...[claim.deliveries === 0 ? '' : claim.deliveries, claim.history ?? '', recordOf(claim, todo)],
    ]);
    const answer = await run<number | string>(
      this.#ground.command,
      'keyedmove',
      [lane.members, movedKey(lane, this.#mailbox), ...keys],
      [owner, MOVED_MS, ...args],
    );
    if (answer === 'not-member') throw this.#ground.registration.lost(owner, 'no member when splitting a mailbox');
  }

  /** They cannot be moved again; what is not forgotten now is forgotten later. */
  #forget(lane: LaneKeys, copies: readonly Copy[]): void {
    this.#ground.command
      .sendText('hdel', [movedKey(lane, this.#mailbox), ...copies.map(({ name }) => name)])
      .catch(() => undefined);
  }
}

function workOf({ todo, count }: Claim): number {
  return todo === undefined ? count : ones(todo);
}

function both(a: string, b: string): string {
  return Array.from(a, (bit, at) => (bit === '1' && b[at] === '1' ? '1' : '0')).join('');
}

/** As lua/lib/progress.lua writes it; `''`: there is nothing to say. */
function recordOf({ charges }: Claim, todo: string): string {
  if (charges === undefined || charges.size === 0) return '';
  return `0|${todo}||${[...charges].map((charge) => charge.join(':')).join(',')}`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
