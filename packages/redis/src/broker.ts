/** The port `Broker` on streams: one script for each verb, all on the command connection. */
import { LaneClaims } from './lane-claims.ts';
import { guarded } from './connection.ts';
import type { RawEntry } from './claims.ts';
import type {
  AppendAllRequest,
  AppendAllResult,
  AppendRequest,
  AppendResult,
  Broker,
  DeadEntry,
  Intake,
  MailboxDepth,
  MailboxLimits,
  MailboxReader,
  ReplyResult,
  SettleResult,
  Settlement,
} from './core.ts';
import { addDepths, sleep, systemTimers, TransportError, Turns } from './core.ts';
import { DueTimer } from './due.ts';
import type { Ground } from './ground.ts';
import { laneOfMailbox, laneOfNode, mailboxKeys, nodeKeys, producedKey, targetedName, type LaneKeys } from './keys.ts';
import { seeToOrphans } from './orphans.ts';
import { depthOfPartitions, momentOf } from './partition-depth.ts';
import { run } from './script.ts';
import { Settling } from './settle.ts';

/** What cannot be appended while its mailbox is being split is tried again after this, ms. */
const SPLIT_AGAIN_MS = 5;
/** Dead letters of one page at most. */
const MOST_DEAD = 1_000;

/** Where among the keys of an append the numbers stand. */
const SENT = 1;
/** What a producer that is no node has had accepted is remembered for so long after the last time, ms. */
const PRODUCED_MS = 86_400_000;

/** 0: it is being split just now. */
type Partitioned = [partitions: number];
type Appended =
  | string
  | [id: string, hints: string]
  | Partitioned
  | [room: number, messages: number, bytes: number, maxLength: number, maxBytes: number];

export class RedisBroker implements Broker {
  readonly #ground: Ground;
  readonly #claims: readonly LaneClaims[];
  readonly #due: readonly DueTimer[];
  readonly #settling: Settling;
  readonly #turns = new Turns(systemTimers, (mailbox) => void this.#pass(mailbox));

  constructor(ground: Ground) {
    this.#ground = ground;
    this.#claims = ground.lanes.map((_, lane) => new LaneClaims(ground, lane));
    this.#due = ground.lanes.map((keys) => new DueTimer(ground, keys));
    this.#settling = new Settling(ground, this.#due);
  }

  async appendAll({ mailbox, number, frames, target }: AppendAllRequest): Promise<AppendAllResult> {
    const owner = this.#ground.registration.id;
    if (owner === undefined) return { kind: 'not-member' };
    const { name, keys } = this.#way(mailbox, owner, target);
    const answer = await run<'not-member' | [taken: number, hints: string]>(this.#ground.command, 'appendall', keys, [
      owner,
      name,
      number,
      ...frames.flatMap(({ frame, count }) => [count, asBuffer(frame)]),
    ]);
    if (answer === 'not-member') {
      this.#ground.registration.lose(owner, 'no member when appending');
      return { kind: 'not-member' };
    }
    const [taken, hints] = answer;
    return { kind: 'accepted', taken, ...(hints === '' ? undefined : { hints }) };
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    const owner = this.#ground.registration.id;
    if (owner === undefined) return { kind: 'not-member' };
    const { mailbox, number, count, at, target, producer, patient } = request;
    const inLine = patient === true ? '1' : '';
    if (patient === true) this.#turns.used(mailbox);
    const frame = asBuffer(request.frame);
    let answer: Appended;
    if (at === undefined || at <= this.#ground.time.now()) {
      const { name, keys } = this.#way(mailbox, owner, target);
      const more: (string | number)[] = [];
      if (producer !== undefined) keys[SENT] = producedKey(this.#lane(mailbox), producer);
      if (producer !== undefined || patient === true) more.push(producer === undefined ? '' : PRODUCED_MS, inLine);
      answer = await run<Appended>(this.#ground.command, 'append', keys, [owner, name, number, count, frame, ...more]);
    } else {
      const due = Math.ceil(at);
      const lane = this.#lane(mailbox);
      const { stream, level } = mailboxKeys(lane, mailbox);
      const { sent } = nodeKeys(lane, owner);
      answer = await run<Appended>(
        this.#ground.command,
        'delay',
        [lane.members, sent, stream, level, lane.due, lane.dueFrames, lane.dueSeq, lane.revision, lane.orphans],
        [owner, mailbox, number, count, frame, due, inLine],
      );
      this.#due[this.#laneIndex(mailbox)]?.arm(due);
    }
    if (answer === 'not-member') {
      this.#ground.registration.lose(owner, 'no member when appending');
      return { kind: 'not-member' };
    }
    if (typeof answer === 'string') return { kind: 'accepted', id: answer };
    if (answer.length === 1) {
      const [partitions] = answer;
      if (partitions > 0) return { kind: 'partitioned', partitions };
      await sleep(SPLIT_AGAIN_MS);
      // The number is of this member.
      return this.#ground.registration.id === owner ? this.append(request) : { kind: 'not-member' };
    }
    if (answer.length === 2) return { kind: 'accepted', id: answer[0], hints: answer[1] };
    const [room, messages, bytes, maxLength, maxBytes] = answer;
    return { kind: 'full', room, messages, bytes, maxLength, maxBytes };
  }

  turn(mailbox: string, signal: AbortSignal): Promise<void> {
    return this.#turns.wait(mailbox, signal);
  }

  /** There is room in a mailbox, and it is this node's turn. */
  turnCame(mailbox: string): void {
    this.#turns.came(mailbox);
  }

  async reply(inbox: string, frame: Uint8Array): Promise<ReplyResult> {
    const owner = this.#ground.registration.id;
    if (owner === undefined) return 'not-member';
    const lane = this.#ground.lane(laneOfNode(inbox, this.#ground.lanes.length));
    const answer = await run<number | string>(
      this.#ground.command,
      'reply',
      [lane.members, nodeKeys(lane, inbox).inbox],
      [owner, asBuffer(frame)],
    );
    if (answer === 'not-member') {
      this.#ground.registration.lose(owner, 'no member when replying');
      return 'not-member';
    }
    return answer === 1 ? 'accepted' : 'gone';
  }

  async consume(mailbox: string, limits: MailboxLimits, intake: Intake): Promise<MailboxReader> {
    const claims = this.#claims[this.#laneIndex(mailbox)];
    if (claims === undefined || this.#ground.registration.id === undefined)
      throw new TransportError(`consume ${mailbox}: join first`, { outcome: 'not-executed' });
    return claims.consume(mailbox, limits, intake);
  }

  settle(batch: readonly Settlement[]): Promise<readonly SettleResult[]> {
    return this.#settling.settle(batch);
  }

  /** Hands back everything that is still in hand: others get it without a charge. */
  async handBack(): Promise<void> {
    const held = this.#ground.hands.all();
    if (held.length > 0)
      await this.settle(held.map((claim) => ({ kind: 'park', claim, todo: claim.todo ?? '1'.repeat(claim.count) })));
  }

  /** Stops claiming; what is in hand stays. */
  async pause(): Promise<void> {
    await Promise.all(this.#claims.map((claims) => claims.stop()));
  }

  async hint(mailbox: string, hints: string): Promise<void> {
    await guarded('hint', this.#ground.command.sendText('hset', [this.#keys(mailbox).level, 'hints', hints]));
  }

  async depth(mailbox: string): Promise<MailboxDepth> {
    const { stream, level, dead } = this.#keys(mailbox);
    const [messages, bytes, entries, pending, letters, oldest, partitions] = await run<
      [
        messages: number,
        bytes: number,
        entries: number,
        pending: number,
        letters: number,
        oldest: string,
        partitions: number,
      ]
    >(this.#ground.command, 'depth', [level, stream, dead], []);
    const shared = {
      messages,
      bytes,
      waiting: Math.max(0, entries - pending),
      pending,
      dead: letters,
      ...(oldest === '' ? undefined : { oldestAt: momentOf(oldest) }),
    };
    return partitions === 0 ? shared : addDepths(shared, await depthOfPartitions(this.#ground, mailbox, partitions));
  }

  async dead(
    mailbox: string,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<readonly DeadEntry[]> {
    const { dead, progress } = this.#keys(mailbox);
    const limit = Math.max(1, Math.min(MOST_DEAD, page.limit));
    const { command } = this.#ground;
    const entries = await guarded(
      'dead letters',
      command.send<RawEntry[]>('xrange', [
        dead,
        page.after === undefined ? '-' : `(${page.after}`,
        '+',
        'COUNT',
        limit,
      ]),
    );
    if (entries.length === 0) return [];
    const masks = await guarded(
      'dead letters',
      command.sendText<(string | null)[]>('hmget', [
        progress,
        ...entries.map(([id]) => `dead:${id.toString('latin1')}`),
      ]),
    );
    return entries.map((entry, i) => toLetter(entry, masks[i] ?? undefined));
  }

  async replay(mailbox: string, id: string, moved: string): Promise<boolean> {
    const { dead, progress, stream, level } = this.#keys(mailbox);
    return (await run<number>(this.#ground.command, 'replay', [dead, progress, stream, level], [id, moved])) === 1;
  }

  async drop(mailbox: string, id: string, moved: string): Promise<boolean> {
    const { dead, progress } = this.#keys(mailbox);
    return (await run<number>(this.#ground.command, 'drop', [dead, progress], [id, moved])) === 1;
  }

  /** Mailboxes that this node reads, by lane. */
  served(): string[][] {
    return this.#claims.map((claims) => [...claims.boxes.keys()]);
  }

  /** Entries of non-members may wait in this lane. */
  orphansAppeared(lane: number): void {
    const claims = this.#claims[lane];
    if (claims !== undefined) void seeToOrphans(claims);
  }

  memberChanged(): void {
    this.#ground.hands.clear();
    this.#ground.tenures.clear();
    for (const claims of this.#claims) claims.memberChanged();
  }

  async close(): Promise<void> {
    for (const timer of this.#due) timer.close();
    await Promise.all(this.#claims.map((claims) => claims.close()));
  }

  /** The next in line has the turn. Where that fails it is forfeit in a second. */
  async #pass(mailbox: string): Promise<void> {
    const owner = this.#ground.registration.id;
    if (owner === undefined) return;
    const lane = this.#lane(mailbox);
    await run(this.#ground.command, 'pass', [lane.members, mailboxKeys(lane, mailbox).level], [owner]).catch(
      () => undefined,
    );
  }

  /** The keys of an append, and the name under which its number counts. */
  #way(mailbox: string, owner: string, target: string | undefined): { readonly name: string; readonly keys: string[] } {
    const lane = this.#lane(mailbox);
    const { stream, level } = mailboxKeys(lane, mailbox);
    const keys = [lane.members, nodeKeys(lane, owner).sent, stream, level, lane.due, lane.orphans];
    if (target === undefined) return { name: mailbox, keys };
    const name = targetedName(mailbox, target);
    return { name, keys: [...keys, mailboxKeys(lane, name).stream, lane.revision, nodeKeys(lane, target).inbox] };
  }

  #laneIndex(mailbox: string): number {
    return laneOfMailbox(mailbox, this.#ground.lanes.length);
  }

  #lane(mailbox: string): LaneKeys {
    return this.#ground.lane(this.#laneIndex(mailbox));
  }

  #keys(mailbox: string): ReturnType<typeof mailboxKeys> {
    return mailboxKeys(this.#lane(mailbox), mailbox);
  }
}

/** ioredis sends Buffers as they are; a view of the same bytes costs no copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A dead letter that was no frame shows its first value, so that a person can look at it. */
function toLetter([rawId, raw]: RawEntry, mask: string | undefined): DeadEntry {
  const id = rawId.toString('latin1');
  const fields = new Map<string, Buffer>();
  let first: Buffer | undefined;
  for (let i = 0; raw !== null && i + 1 < raw.length; i += 2) {
    const name = (raw[i] as Buffer).toString('latin1');
    if (name !== 'r') first ??= raw[i + 1];
    if (!fields.has(name)) fields.set(name, raw[i + 1] as Buffer);
  }
  const count = Number(fields.get('n')?.toString('latin1') ?? '1');
  const sane = Number.isInteger(count) && count >= 1 && count <= 65_535 ? count : 1;
  const deliveries = Number(fields.get('d')?.toString('latin1') ?? '0');
  return {
    id,
    frame: fields.get('f') ?? first ?? Buffer.alloc(0),
    count: sane,
    todo: mask ?? fields.get('t')?.toString('latin1') ?? '1'.repeat(sane),
    reason: fields.get('r')?.toString() ?? '',
    deliveries: Number.isInteger(deliveries) ? deliveries : 0,
    history: fields.get('h')?.toString() ?? '[]',
    at: momentOf(id),
  };
}
