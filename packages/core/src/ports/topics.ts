/**
 * The port for topics. What is published is copied, in one step, into the mailbox of every group that is attached to the
 * topic (`topic.<name>@<group>`); from there on a copy is a message like any other: claims, redelivery, dead letters and
 * limits are the broker's. Where the topic keeps a log, the frame goes there too, to be replayed from a point.
 *
 * A group stays attached until it is dropped. While it is filled from the log it is not published to: the step that finds
 * nothing left in the log makes it live, so that nothing is missing or double where old and new meet.
 */
import type { AppendResult } from './broker.ts';

/** Bounds of what waits for a group that nobody serves. */
export interface GroupBounds {
  readonly messages: number;
  readonly bytes: number;
  /** Age of the oldest message, ms. */
  readonly ms: number;
}

/** Bounds of the log, both hold; none: it grows. */
export interface LogBounds {
  readonly messages?: number | undefined;
  readonly ms?: number | undefined;
}

export interface PublishRequest {
  readonly topic: string;
  /** The producer's next number for this topic. Repeating a number with the same frame is safe: it is accepted once. */
  readonly number: number;
  readonly frame: Uint8Array;
  /** How many envelopes the frame holds. */
  readonly count: number;
  /** Absent: no log, unless a group is being filled from one. */
  readonly keep?: LogBounds | undefined;
  /** Remembered with the topic, for `lapse`. */
  readonly retention: GroupBounds;
}

/** A group that is no more, and what was lost with it. */
export interface DroppedGroup {
  readonly topic: string;
  readonly group: string;
  readonly messages: number;
  readonly bytes: number;
  /** Entries of dead letters. */
  readonly dead: number;
}

export type PublishResult =
  | {
      readonly kind: 'accepted';
      /** Nobody had published to the topic before, and patterns attached these groups. */
      readonly attached: readonly string[];
      /** What was hinted beside the mailboxes of its groups. */
      readonly hints: readonly string[];
      readonly dropped: readonly DroppedGroup[];
    }
  /** This group has no room: nothing was written, except that forgotten groups were dropped. */
  | (Extract<AppendResult, { readonly kind: 'full' }> & {
      readonly group: string;
      readonly dropped: readonly DroppedGroup[];
    })
  | { readonly kind: 'not-member' };

/** Where a replay begins: the first message that is kept, or the first that was published at this moment or later (ms). */
export type Since = 'oldest' | number;

/**
 * `live`: it is published to. `filling`: it is filled by `fill`, step by step. `crowded`: it is not attached, the topic
 * has as many groups as it can. `absent`: there is no such group.
 */
export type Attached = 'live' | 'filling' | 'crowded' | 'absent' | 'not-member';

/** `done`: it is live. `more`: there is more to come. `full`: it has no room now. */
export type Filled = 'done' | 'more' | 'full' | 'absent' | 'not-member';

export interface GroupState {
  readonly group: string;
  readonly filling: boolean;
  /** The pattern that attached it. */
  readonly pattern?: string | undefined;
  readonly messages: number;
  readonly bytes: number;
  readonly dead: number;
}

export interface TopicState {
  readonly topic: string;
  /** Messages ever. */
  readonly published: number;
  /** Frames in the log. */
  readonly kept: number;
  /** Groups that were dropped because they were beyond the retention. */
  readonly dropped: number;
  readonly groups: readonly GroupState[];
}

export interface Lapsed {
  readonly dropped: readonly DroppedGroup[];
  /** Groups that wait for the next step of `fill`. */
  readonly filling: readonly { readonly topic: string; readonly group: string }[];
}

/** Names of topics. */
export type Matching = readonly string[] | 'absent' | 'crowded';

export interface Topics {
  /**
   * Resolves `accepted` once every group has its copy. One call in flight per topic. A group that nobody serves and that
   * is beyond the retention is dropped rather than published to.
   */
  publish(request: PublishRequest): Promise<PublishResult>;
  /**
   * Attaches a group; one that is attached already stays as it is. `since`: it is filled from the log, from there on.
   * Absent: it gets what is published from now on. May be carried out though it rejects with outcome `unknown`.
   * `servedSince`: it was attached by then (backend time, ms); one that was dropped later is not attached again: `absent`.
   */
  attach(topic: string, group: string, since?: Since, servedSince?: number): Promise<Attached>;
  /** Fills a group that is attached once more from the log. What waits in it stays. `absent` when there is no such group. */
  rewind(topic: string, group: string, since: Since): Promise<Attached>;
  /** One step, of a bounded number of frames. Safe to be taken by several nodes at once. */
  fill(topic: string, group: string): Promise<Filled>;
  /** Ends a group for good, with all that waits in it and its dead letters. Undefined: there was none. */
  drop(topic: string, group: string): Promise<DroppedGroup | undefined>;
  /**
   * This node serves the group no more, as far as the retention is concerned. False: something of it is in its hands still.
   */
  quit(topic: string, group: string): Promise<boolean>;
  /** Takes away what is left of a group that is attached no more: a reader may have made its mailbox again. */
  tidy(topic: string, group: string): Promise<void>;
  /**
   * Attaches the group to every topic that matches, those that are yet to come included; answers those that are known.
   * Which of them the group is attached to already does not matter. `servedSince`: as with `attach`. `absent`: it was dropped. `crowded`: there
   * are as many patterns as there can be.
   */
  attachPattern(pattern: string, group: string, servedSince?: number): Promise<Matching>;
  /** Ends that for good, with every group that the pattern attached. */
  dropPattern(pattern: string, group: string): Promise<readonly DroppedGroup[]>;
  /** Every topic that was ever published to or has a group, by name. */
  list(): Promise<readonly TopicState[]>;
  /**
   * Drops what nobody serves and what is beyond the retention of its topic; trims logs. Bounded: the next call goes on.
   * What was dropped, by this or by `publish`, and was not told of within ten seconds is answered again.
   */
  lapse(): Promise<Lapsed>;
  /** That these were dropped because nobody served them has been told: nobody else has to. */
  told(groups: readonly DroppedGroup[]): Promise<void>;
}
