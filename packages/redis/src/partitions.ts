/** The port `Partitions`: who owns what, what it reads, and what it commits; each partition's keys are in its own lane. */
import type { Argument } from './connection.ts';
import { guarded } from './connection.ts';
import {
  limitsOfPartition,
  MOST_PARTITIONS,
  NotMember,
  partitionName,
  sleep,
  TransportError,
  type Intake,
  type KeyedCommit,
  type MailboxLimits,
  type PartitionReader,
  type Partitions,
  type PartitionTaken,
  type RelayedFrame,
  type SettleResult,
} from './core.ts';
import type { Ground } from './ground.ts';
import { claimed } from './keyed-settle.ts';
import { laneOfMailbox, mailboxKeys, ownersKey, partitionKeys, type LaneKeys, type PartitionKeys } from './keys.ts';
import { LaneLogs } from './lane-logs.ts';
import { Parting } from './parting.ts';
import { run } from './script.ts';

/** While another node splits a mailbox: asked again after this, ms. */
const SPLIT_AGAIN_MS = 20;
/** Senders wait that long for the end of a split at most, ms: it takes a few, unless its node has died. */
const SEAL_MS = 1_000;
/** Casts of one page at most. */
const MOST_OUTGOING = 256;

interface Place {
  readonly name: string;
  readonly lane: LaneKeys;
  readonly keys: PartitionKeys;
}

export class RedisPartitions implements Partitions {
  readonly #ground: Ground;
  readonly #logs: readonly LaneLogs[];

  constructor(ground: Ground) {
    this.#ground = ground;
    this.#logs = ground.lanes.map((_, lane) => new LaneLogs(ground, lane));
    ground.tenures.onEnded = (tenure) => this.#logs[tenure.lane]?.ended(tenure);
  }

  async count(mailbox: string): Promise<number> {
    const { level } = mailboxKeys(this.#laneOf(mailbox), mailbox);
    const known = await guarded(
      'partitions',
      this.#ground.command.sendText<string | null>('hget', [level, 'partitions']),
    );
    const count = Number(known ?? 0);
    return Number.isInteger(count) && count >= 0 && count <= MOST_PARTITIONS ? count : 0;
  }

  async split(mailbox: string, partitions: number, limits: MailboxLimits): Promise<number> {
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > MOST_PARTITIONS)
      throw new RangeError(`partitions must be 1 to ${MOST_PARTITIONS}, not ${partitions}`);
    const owner = this.#owner();
    const parting = new Parting(this.#ground, mailbox);
    await parting.open(owner, limits.maxLength, limits.maxBytes);
    let moved = false;
    let rounds = 0;
    let count = 0;
    for (;;) {
      const [known, by] = await this.#splitOnce(mailbox, owner, partitions, moved, rounds > 1);
      count = known ?? 0;
      if (count > 0) break;
      if (by === undefined) await parting.moveAll(owner, partitions);
      else await sleep(SPLIT_AGAIN_MS);
      moved = by === undefined;
      if (moved) rounds += 1;
    }
    // What has come back to it since.
    if (!moved) await parting.moveAll(owner, count);
    await this.#limit(mailbox, owner, count, limitsOfPartition(limits, count));
    return count;
  }

  async owners(mailbox: string): Promise<readonly (string | undefined)[]> {
    const { command, lanes } = this.#ground;
    const [count, ...flats] = await Promise.all([
      this.count(mailbox),
      ...lanes.map((lane) => run<string[]>(command, 'keyedowners', [lane.members, ownersKey(lane, mailbox)], [])),
    ]);
    const owners = Array.from<string | undefined>({ length: count });
    for (const flat of flats)
      for (let at = 0; at + 1 < flat.length; at += 2) {
        const partition = Number(flat[at]);
        if (Number.isInteger(partition) && partition >= 0 && partition < count) owners[partition] = flat[at + 1];
      }
    return owners;
  }

  async take(mailbox: string, partition: number): Promise<PartitionTaken> {
    const { registration, tenures, command } = this.#ground;
    const owner = registration.id;
    if (owner === undefined) return { kind: 'not-member' };
    const { lane, keys } = this.#place(mailbox, partition);
    const answer = await run<'not-member' | readonly [how: string, what?: string]>(
      command,
      'keyedtake',
      [lane.members, keys.owners, keys.stream, keys.progress],
      [owner, partition],
    );
    if (answer === 'not-member') {
      registration.lose(owner, 'no member when taking a partition');
      return { kind: 'not-member' };
    }
    const [how, what] = answer;
    if (how === 'held') return { kind: 'held', by: what ?? '' };
    if (registration.id !== owner) return { kind: 'not-member' };
    tenures.begin(mailbox, partition, owner);
    return { kind: 'owned', ...(what === undefined ? undefined : { orphaned: what }) };
  }

  async release(mailbox: string, partition: number): Promise<void> {
    const { registration, tenures, command } = this.#ground;
    const owner = registration.id;
    const { name, lane, keys } = this.#place(mailbox, partition);
    tenures.end(name);
    if (owner === undefined) return;
    await run(command, 'keyedrelease', [lane.members, keys.owners, keys.progress, keys.stream], [owner, partition]);
  }

  async read(mailbox: string, partition: number, intake: Intake): Promise<PartitionReader> {
    const name = partitionName(mailbox, partition);
    const tenure = this.#ground.tenures.get(name);
    const logs = tenure === undefined ? undefined : this.#logs[tenure.lane];
    if (tenure === undefined || logs === undefined)
      throw new TransportError(`${name} is not this node's to read: take it first`, {
        outcome: 'not-executed',
        retryable: false,
      });
    return logs.read(tenure, intake);
  }

  async states(
    mailbox: string,
    partition: number,
    keys: readonly string[],
  ): Promise<readonly (Uint8Array | undefined)[]> {
    if (keys.length === 0) return [];
    const { states } = this.#place(mailbox, partition).keys;
    const found = await guarded('states', this.#ground.command.send<(Buffer | null)[]>('hmget', [states, ...keys]));
    return keys.map((_, at) => found[at] ?? undefined);
  }

  async commit(mailbox: string, partition: number, commit: KeyedCommit): Promise<SettleResult> {
    const { registration, tenures, command } = this.#ground;
    const owner = registration.id;
    if (owner === undefined) return 'not-member';
    const { claim, state, casts, answer } = commit;
    const tenure = tenures.of(claim);
    const { name, lane, keys } = this.#place(mailbox, partition);
    if (tenure === undefined || tenure.name !== name || tenure.owner !== owner) return 'lost';
    const frees = casts.length === 0 && answer === undefined && !(state instanceof Uint8Array);
    const said = await run<number | string>(
      command,
      frees ? 'keyedfree' : 'keyedcommit',
      [
        ...[lane.members, keys.owners, keys.stream, keys.level, keys.progress, keys.kept],
        ...[keys.states, keys.outgoing],
      ],
      [owner, partition, ...argumentsOf(commit)],
    );
    if (said === 'not-member') {
      registration.lose(owner, 'no member when committing');
      return 'not-member';
    }
    if (said === 2) tenure.inHand.delete(claim.id);
    return said === 0 ? 'lost' : 'settled';
  }

  async outgoing(mailbox: string, partition: number, limit: number): Promise<readonly RelayedFrame[]> {
    const { outgoing } = this.#place(mailbox, partition).keys;
    const entries = await guarded(
      'outgoing casts',
      this.#ground.command.send<[Buffer, Buffer[]][]>('xrange', [
        ...[outgoing, '-', '+', 'COUNT'],
        Math.max(1, Math.min(MOST_OUTGOING, limit)),
      ]),
    );
    return entries.flatMap((entry) => toCast(entry) ?? []);
  }

  async relayed(mailbox: string, partition: number, number: number): Promise<void> {
    const { registration, command } = this.#ground;
    const owner = registration.id;
    if (owner === undefined) return;
    const { lane, keys } = this.#place(mailbox, partition);
    const first = `${Math.min(number, Number.MAX_SAFE_INTEGER) + 1}-0`;
    await run(command, 'keyedrelayed', [lane.members, keys.owners, keys.outgoing], [owner, partition, first]);
  }

  /** Before this node leaves: what it owns has come into no disorder. */
  async releaseAll(): Promise<void> {
    await Promise.all(
      this.#ground.tenures
        .all()
        .map(({ name, partition }) => this.release(name.slice(0, name.indexOf('#')), partition)),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#logs.map((logs) => logs.close()));
  }

  async #splitOnce(
    mailbox: string,
    owner: string,
    partitions: number,
    moved: boolean,
    seal: boolean,
  ): Promise<readonly [partitions?: number, by?: string]> {
    const lane = this.#laneOf(mailbox);
    const { stream, level } = mailboxKeys(lane, mailbox);
    const answer = await run<'not-member' | readonly [partitions?: number, by?: string]>(
      this.#ground.command,
      'keyedsplit',
      [lane.members, stream, level],
      [owner, partitions, moved ? '1' : '', seal ? SEAL_MS : ''],
    );
    if (answer !== 'not-member') return answer;
    throw this.#ground.registration.lost(owner, 'no member when splitting a mailbox');
  }

  async #limit(mailbox: string, owner: string, count: number, { maxLength, maxBytes }: MailboxLimits): Promise<void> {
    const byLane = new Map<LaneKeys, string[]>();
    for (let partition = 0; partition < count; partition += 1) {
      const { lane, keys } = this.#place(mailbox, partition);
      const levels = byLane.get(lane);
      if (levels === undefined) byLane.set(lane, [lane.members, keys.level]);
      else levels.push(keys.level);
    }
    const args = [owner, maxLength, maxBytes];
    await Promise.all([...byLane.values()].map((keys) => run(this.#ground.command, 'keyedlimits', keys, args)));
  }

  /** @throws NotMember */
  #owner(): string {
    const owner = this.#ground.registration.id;
    if (owner === undefined) throw new NotMember(this.#ground.identity.name, 'not-executed');
    return owner;
  }

  #laneOf(name: string): LaneKeys {
    return this.#ground.lane(laneOfMailbox(name, this.#ground.lanes.length));
  }

  #place(mailbox: string, partition: number): Place {
    const name = partitionName(mailbox, partition);
    const lane = this.#laneOf(name);
    return { name, lane, keys: partitionKeys(lane, name) };
  }
}

function argumentsOf({ claim, index, key, state, casts, answer }: KeyedCommit): Argument[] {
  const change = state === undefined ? '' : state === null ? 'delete' : 'set';
  return [
    ...[claim.id, index, claimed(claim), claim.frame.length],
    ...[key, change, asBuffer(state ?? NOTHING), answer === undefined ? '' : '1', asBuffer(answer ?? NOTHING)],
    ...casts.flatMap(({ mailbox, count, frame }) => [mailbox, count, asBuffer(frame)]),
  ];
}

const NOTHING = new Uint8Array();

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Undefined when the entry is no cast. */
function toCast([id, raw]: [Buffer, Buffer[]]): RelayedFrame | undefined {
  const fields = new Map<string, Buffer>();
  for (let at = 0; at + 1 < raw.length; at += 2)
    fields.set((raw[at] as Buffer).toString('latin1'), raw[at + 1] as Buffer);
  const mailbox = fields.get('m')?.toString();
  const frame = fields.get('f');
  const count = Number(fields.get('n')?.toString('latin1'));
  const number = Number(id.toString('latin1').split('-', 1)[0]);
  if (mailbox === undefined || frame === undefined || !Number.isInteger(count) || !Number.isSafeInteger(number))
    return undefined;
  return { mailbox, frame, count, number };
}
