/**
 * The port that carries messages. A backend implements it; nothing above knows what is behind it.
 *
 * A mailbox is named `actor@major`. An entry is one frame of 1..128 envelopes; a mask is a string of `0` and `1`, one
 * character per envelope, `1` = still to do. Every method may reject with `TransportError`; its `outcome` says whether
 * the backend may have done it (`unknown`) or surely has not (`not-executed`).
 */
import type { Log } from '../ground/log.ts';

export interface AppendRequest {
  readonly mailbox: string;
  /** The producer's next number for this mailbox. Repeating a number with the same frame is safe: it is accepted once. */
  readonly number: number;
  readonly frame: Uint8Array;
  /** How many envelopes the frame holds. */
  readonly count: number;
  /** Not before this moment (backend time, ms). Absent: at once. */
  readonly at?: number;
  /**
   * For this node alone, in order of its own numbers; never together with `at`. The shared mailbox takes it where that is
   * no member, and takes back what it has not ended once it is a member no more. Absent: for whoever has room.
   */
  readonly target?: string;
  /**
   * Who counts the numbers, where it is not this node: whoever goes on with its work goes on with its numbers. Printable
   * ASCII without braces; never together with `at` or `target`. What it has had accepted is remembered for a day after
   * the last time.
   */
  readonly producer?: string;
  /** When it does not fit, this node stands in line for room, see `Broker.turn`. Absent: it does not. */
  readonly patient?: boolean;
}

export type AppendResult =
  /** `hints` is what `hint()` last wrote beside this mailbox. */
  | { readonly kind: 'accepted'; readonly id: string; readonly hints?: string }
  /** Nothing was written, the number is not used up. `room` more envelopes would fit; 0 while others stand in line. */
  | {
      readonly kind: 'full';
      readonly room: number;
      readonly messages: number;
      readonly bytes: number;
      readonly maxLength: number;
      readonly maxBytes: number;
    }
  /** The mailbox is keyed and has been split: nothing was written, the number is not used up. See `partitions.ts`. */
  | { readonly kind: 'partitioned'; readonly partitions: number }
  | { readonly kind: 'not-member' };

export interface AppendAllRequest {
  readonly mailbox: string;
  /** The number of the first frame; the others follow it one by one. */
  readonly number: number;
  /** All of them at once: none is delayed. */
  readonly frames: readonly { readonly frame: Uint8Array; readonly count: number }[];
  /** As with `AppendRequest`. */
  readonly target?: string;
}

export type AppendAllResult =
  /**
   * The first `taken` frames are in the mailbox; the next one did not fit (or the mailbox has been split), and what follows
   * it was not looked at.
   */
  { readonly kind: 'accepted'; readonly taken: number; readonly hints?: string } | { readonly kind: 'not-member' };

export type ReplyResult = 'accepted' | 'gone' | 'not-member';

/** One frame in this node's hands. It stays with the node until a settlement ends it or the node is no member any more. */
export interface Claim {
  readonly mailbox: string;
  readonly id: string;
  readonly frame: Uint8Array;
  readonly count: number;
  /** Absent: all envelopes are to do. */
  readonly todo?: string;
  /** Deliveries charged to every envelope of this entry before now. */
  readonly deliveries: number;
  /** How many nodes died with this entry in their hands. */
  readonly crashes: number;
  /** Extra deliveries charged to single envelopes by index, for those that were marked as started when a node died. */
  readonly charges?: ReadonlyMap<number, number>;
  /** What happened before: JSON of `HistoryItem[]`. */
  readonly history?: string;
  /** Of a keyed mailbox: envelopes that are to do only so far as their callers wait for these answers, by index. */
  readonly applied?: ReadonlyMap<number, Uint8Array>;
}

export interface HistoryItem {
  readonly index: number;
  readonly attempt: number;
  readonly at: number;
  readonly node: string;
  readonly code: string;
  readonly message: string;
}

/** What shall become of a claim. `todo` is what stays to do in this entry afterwards; absent: nothing, the entry ends. */
export type Settlement =
  | { readonly kind: 'done'; readonly claim: Claim }
  /**
   * Some envelopes are done; a crash from now on repeats only `todo`. Of a keyed mailbox: no envelope is marked any more,
   * and `charges` (deliveries spent, by index; they only grow) and `history` are kept for whoever has the entry next.
   */
  | {
      readonly kind: 'progress';
      readonly claim: Claim;
      readonly todo: string;
      readonly charges?: ReadonlyMap<number, number>;
      readonly history?: string;
    }
  /** Envelope `index` is about to start, alone: if this node dies now, it is charged a delivery. */
  | { readonly kind: 'mark'; readonly claim: Claim; readonly todo: string; readonly index: number }
  /** `moved` comes back at `at` (backend time, ms). `deliveries` is what the copy starts with. */
  | {
      readonly kind: 'retry';
      readonly claim: Claim;
      readonly moved: string;
      readonly todo?: string;
      readonly at: number;
      readonly deliveries: number;
      readonly history: string;
    }
  /** `moved` becomes a dead letter. */
  | {
      readonly kind: 'bury';
      readonly claim: Claim;
      readonly moved: string;
      readonly todo?: string;
      readonly reason: string;
      readonly deliveries: number;
      readonly history: string;
    }
  /**
   * Hand back `todo` for whoever has room, without charging a delivery. What came of a mailbox that has been split goes into
   * its partitions.
   */
  | { readonly kind: 'park'; readonly claim: Claim; readonly todo: string };

/** `settled`: carried out now. `lost`: the entry was no longer ours or is gone. `not-member`: refused, this node was evicted. */
export type SettleResult = 'settled' | 'lost' | 'not-member';

/** Where claims go. Asked before every read: a node claims only what it can run. */
export interface Intake {
  /** How many frames may be claimed now; 0 takes the mailbox out of the read. */
  room(): number;
  /** Takes what was claimed. Must not throw. */
  take(claims: readonly Claim[]): void;
}

export interface MailboxReader {
  /** Room has returned: read again soon, without waiting for a running read to end. */
  wake(): void;
  /** Stops claiming. Resolves when no further claim can arrive. */
  close(): Promise<void>;
}

export interface MailboxLimits {
  /** Most envelopes that may wait, delayed ones included. */
  readonly maxLength: number;
  /** Most bytes that may wait, delayed ones included. */
  readonly maxBytes: number;
}

export interface MailboxDepth {
  /** Envelopes accepted and not yet settled, delayed ones included. */
  readonly messages: number;
  readonly bytes: number;
  /** Entries in nobody's hands yet, and in somebody's. */
  readonly waiting: number;
  readonly pending: number;
  /** Entries of dead letters. */
  readonly dead: number;
  /** When the oldest entry that is in the mailbox was put there (backend time, ms); absent when there is none. */
  readonly oldestAt?: number;
}

/** What waits in two places. */
export function addDepths(one: MailboxDepth, other: MailboxDepth): MailboxDepth {
  const oldestAt = Math.min(one.oldestAt ?? Infinity, other.oldestAt ?? Infinity);
  return {
    messages: one.messages + other.messages,
    bytes: one.bytes + other.bytes,
    waiting: one.waiting + other.waiting,
    pending: one.pending + other.pending,
    dead: one.dead + other.dead,
    ...(oldestAt === Infinity ? undefined : { oldestAt }),
  };
}

export interface DeadEntry {
  readonly id: string;
  readonly frame: Uint8Array;
  readonly count: number;
  /** Which envelopes of the frame are dead here. */
  readonly todo: string;
  readonly reason: string;
  readonly deliveries: number;
  readonly history: string;
  /** When it died (backend time, ms). */
  readonly at: number;
}

export interface Broker {
  /** Resolves `accepted` once the frame is in the mailbox (or its due set). One call in flight per mailbox and target. */
  append(request: AppendRequest): Promise<AppendResult>;
  /** The same for several frames in one step, in order. It counts as the one call in flight of its mailbox. */
  appendAll(request: AppendAllRequest): Promise<AppendAllResult>;
  /**
   * Resolves when this node, refused when it appended `patient`, should append again: its turn has come, and there is room;
   * in any case after about a second, because nobody promises that it is told. Room is given to those in line first come
   * first served, and nobody else's append is accepted meanwhile. Who does not use its turn within a second has lost its
   * place, as has who is a member no more. Never rejects; resolves at once when the signal aborts.
   */
  turn(mailbox: string, signal: AbortSignal): Promise<void>;
  /** Appends a frame to a node's inbox; `gone` when that inbox does not exist. May arrive twice after `unknown`. */
  reply(inbox: string, frame: Uint8Array): Promise<ReplyResult>;
  /**
   * Makes the mailbox exist with its limits and starts claiming for this node as far as `intake` has room, what is
   * targeted at this node first.
   */
  consume(mailbox: string, limits: MailboxLimits, intake: Intake): Promise<MailboxReader>;
  /** Carries out endings in the order given. Repeating a batch after `unknown` is safe. */
  settle(batch: readonly Settlement[]): Promise<readonly SettleResult[]>;
  /** Writes a short text beside the mailbox which every append brings back to its sender. The last writer wins. */
  hint(mailbox: string, hints: string): Promise<void>;
  depth(mailbox: string): Promise<MailboxDepth>;
  /** Dead letters, oldest first; `after` is the last id of the page before. */
  dead(mailbox: string, page: { readonly after?: string; readonly limit: number }): Promise<readonly DeadEntry[]>;
  /** Puts `moved` of a dead entry back into the mailbox with no deliveries charged. False: it is gone already. */
  replay(mailbox: string, id: string, moved: string): Promise<boolean>;
  /** Drops `moved` of a dead entry for good. False: it is gone already. */
  drop(mailbox: string, id: string, moved: string): Promise<boolean>;
}

/** What a backend needs to know of the node that connects. */
export interface NodeIdentity {
  /** Human name; the member id is made of it and something random. */
  readonly name: string;
  readonly namespace: string;
  readonly beat: BeatOptions;
  readonly log: Log;
}

export interface BeatOptions {
  /** Between two beats, ms. */
  readonly intervalMs: number;
  /** Silence after which a node is dead, ms. */
  readonly ttlMs: number;
  /** A main thread without progress for this long is unhealthy, ms. */
  readonly stallMs: number;
  /** A main thread without progress for this long is dead, ms. */
  readonly evictMs: number;
}
