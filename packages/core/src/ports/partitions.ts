/**
 * The port for keyed mailboxes. Such a mailbox is split into partitions, each a log of its own that one node at a time
 * owns: it alone reads it, from the first entry that is left, and ends entries. A node owns a partition from `take` until
 * it releases it or is a member no more; no time ends it. What is done is deleted, so that whoever owns it next begins
 * with the first entry that is not.
 *
 * A partition's log is named by `partitionName` and is written to by `Broker.append` and `appendAll` like any mailbox; a
 * shared mailbox that was split answers them `partitioned`. Ends of what was read of it go by `Broker.settle`, with the
 * claims as they came: `retry` and `park` are of no use there (the order would be lost) and are refused as `lost`.
 */
import type { Claim, Intake, MailboxLimits, SettleResult } from './broker.ts';

/** A partition's part is not smaller, bytes: a body of the greatest size is more than a mebibyte. */
const LEAST_BYTES = 2 * 1_024 * 1_024;

/** Into how many a mailbox can be split. */
export const MOST_PARTITIONS = 1_024;

/** The name of one partition of a mailbox, `bank@1#7`; neither mailboxes nor members have a `#` in theirs. */
export function partitionName(mailbox: string, partition: number): string {
  return `${mailbox}#${partition}`;
}

export function isPartition(name: string): boolean {
  return name.includes('#');
}

/** The mailbox that a partition belongs to; any other name is answered as it is. */
export function mailboxOfPartition(name: string): string {
  const at = name.indexOf('#');
  return at < 0 ? name : name.slice(0, at);
}

/** A partition's part of what the whole may hold; a frame of any size fits into an empty one, if into the whole. */
export function limitsOfPartition({ maxLength, maxBytes }: MailboxLimits, partitions: number): MailboxLimits {
  return {
    maxLength: Math.ceil(maxLength / partitions),
    maxBytes: Math.min(maxBytes, Math.max(LEAST_BYTES, Math.ceil(maxBytes / partitions))),
  };
}

export type PartitionTaken =
  /**
   * `orphaned`: whoever had it died with it, and what it had begun may have been done. Given then: the last entry that was
   * in the log when it was taken over, `''` where there was none. Whoever has it next, released, is told the same as long as
   * one of those entries is left.
   */
  | { readonly kind: 'owned'; readonly orphaned?: string }
  | { readonly kind: 'held'; readonly by: string }
  | { readonly kind: 'not-member' };

/** A cast that leaves together with the state that its sender changed. */
export interface OutgoingFrame {
  readonly mailbox: string;
  readonly frame: Uint8Array;
  readonly count: number;
}

export interface RelayedFrame extends OutgoingFrame {
  /** Its number in the partition, growing by one; what it is appended under, with the partition as producer. */
  readonly number: number;
}

/** One envelope has been handled. */
export interface KeyedCommit {
  readonly claim: Claim;
  /** Which envelope of the entry. */
  readonly index: number;
  readonly key: string;
  /** What is written under the key: bytes, null to delete it; absent: it stays as it is. */
  readonly state?: Uint8Array | null;
  readonly casts: readonly OutgoingFrame[];
  /**
   * Of a call, and of what has an id: it stays to do until its caller has been answered and its id has ended, but it has been
   * applied and must not be again. Whoever has the entry next finds the answer in `Claim.applied`. Absent: the envelope is
   * done; the entry ends with the last.
   */
  readonly answer?: Uint8Array;
}

export interface PartitionReader {
  /** Room has returned: read again soon. */
  wake(): void;
  /**
   * Reads on behind this place from now on (`''`: from the first that is left), as often as it is asked: what was taken
   * before comes again as far as it is there, what was read and not handed over before does not arrive any more. A place is
   * an entry's id, or one just before an entry.
   */
  seek(after: string): void;
  /** Stops reading. Resolves when nothing further can arrive. It is owned until it is released. */
  close(): Promise<void>;
}

export interface Partitions {
  /** Into how many the mailbox is split; 0: nobody has ever served it keyed. */
  count(mailbox: string): Promise<number>;
  /**
   * Splits the mailbox, at first use and for ever; what waits in the shared mailbox by then is moved into its partitions,
   * in order, by the keys in the frames. Answers into how many it is split, which may be another number. `limits` are of the
   * whole: each partition takes its part.
   */
  split(mailbox: string, partitions: number, limits: MailboxLimits): Promise<number>;
  /** Who owns what: by partition, a node's id, or undefined where nobody living does. */
  owners(mailbox: string): Promise<readonly (string | undefined)[]>;
  /** Makes this node the owner where nobody living is. Owning already is `owned`. */
  take(mailbox: string, partition: number): Promise<PartitionTaken>;
  /** This node owns it no more: it must not read it or have anything of it in hand. */
  release(mailbox: string, partition: number): Promise<void>;
  /**
   * Reads a partition that this node owns, in order, as far as `intake` has room (in frames). An entry is handed out once
   * unless `seek` says otherwise; it comes with what is left of it to do, or was when room was last asked for: what has ended
   * since may come once more. Reading is begun by this node itself: when it rejects, nothing is read.
   */
  read(mailbox: string, partition: number, intake: Intake): Promise<PartitionReader>;
  /** State by key, as last committed; undefined where there is none. */
  states(mailbox: string, partition: number, keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>;
  /**
   * One step: the key's state, what is done of the entry, and the casts that leave with it. Nothing of it happens unless
   * this node owns the partition and the entry is there with the envelope to do and not applied. Repeating it after
   * `unknown` is safe: it then answers `lost`. Several may be under way at once, for different envelopes.
   */
  commit(mailbox: string, partition: number, commit: KeyedCommit): Promise<SettleResult>;
  /** Committed casts that have not been relayed, oldest first. */
  outgoing(mailbox: string, partition: number, limit: number): Promise<readonly RelayedFrame[]>;
  /** Those up to this number have been relayed. */
  relayed(mailbox: string, partition: number, number: number): Promise<void>;
}
