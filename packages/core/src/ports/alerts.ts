/**
 * The port that keeps alerts. Who judges is above: a slot holds the one alert that a fingerprint stands for now, every
 * change names the revision that it was judged by, and a change is one step: slot, timer, archive and log together. So
 * two nodes that judge the same at the same moment carry it out once, and a node that dies in between loses nothing.
 *
 * The log is what every node is told, in order (`MembershipEvents.alerts`); it has a stream of its own, and what is
 * written goes over a connection of its own. Every method may reject with `TransportError`. Moments are backend time, ms.
 */

/** Claims of an alert that nobody touches any more are forgotten after this, ms: thirty days. */
export const CLAIMS_LIFETIME_MS = 2_592_000_000;

export interface AlertSlot {
  readonly fingerprint: string;
  /** Grows by one with every change of this slot; one that was emptied goes on above where it was when it is filled again. */
  readonly revision: number;
  /** Plain data: parse it, anybody could have written it. */
  readonly body: unknown;
}

export interface SlotChange {
  readonly fingerprint: string;
  /** The revision that the slot has; 0: it is empty. */
  readonly expected: number;
  /** Plain data; undefined empties the slot, and its claims are forgotten. */
  readonly body: unknown;
  /** Id of the alert in the slot: claims are kept by it. */
  readonly alertId: string;
  /** When somebody has to look at the slot again; undefined: nobody, by the clock. */
  readonly dueAt?: number | undefined;
  /** What happened: the `kind` of the item in the log. */
  readonly event: string;
  /**
   * An alert that ends here: kept in the archive for `keepMs` at least, until another ends after that. `at`: when it
   * ended; absent: now.
   */
  readonly archive?: { readonly body: unknown; readonly keepMs: number; readonly at?: number | undefined } | undefined;
}

export type CommitResult =
  | { readonly kind: 'committed'; readonly revision: number }
  /** Nothing was written: the slot is at another revision; undefined: it is empty. A body of null: nobody can read it. */
  | { readonly kind: 'conflict'; readonly slot: AlertSlot | undefined };

/** One notice of one alert, for one group of subscribers. */
export interface NoticeRef {
  readonly alertId: string;
  readonly group: string;
  /** Number of the notice: claiming a later one supersedes an earlier. */
  readonly notice: number;
}

/** `granted`: it is this node's to deliver. `held`: a living node has it in hand. `done`: it, or a later one, was delivered. */
export type ClaimAnswer = 'granted' | 'held' | 'done';

export interface PermitAsk {
  /** Whose notices are counted: `service high`, `group pager`. */
  readonly name: string;
  /** Most in any window of `windowMs`. */
  readonly limit: number;
  readonly windowMs: number;
  /**
   * Given for a condition that is new: it passes beyond the limit as long as fewer than so many new ones have passed in
   * the window.
   */
  readonly burst?: number | undefined;
  /** What has passed under this passes again while that is in the window, and is not counted twice: whoever asks. */
  readonly key?: string | undefined;
}

export interface AlertStore {
  /**
   * Carries out changes in order, each in one step and on its own: one that conflicts does not keep the others from
   * being carried out. One answer each. After `unknown` read the slot: the change may have been carried out.
   */
  commit(changes: readonly SlotChange[]): Promise<readonly CommitResult[]>;
  /** Every slot, and the number of the last item of the log that this already contains. */
  live(): Promise<{ readonly slots: readonly AlertSlot[]; readonly seq: number }>;
  /** Fingerprints whose time has come at `now`, soonest first; and when the next one comes, if there is one. */
  due(
    now: number,
    limit: number,
  ): Promise<{ readonly fingerprints: readonly string[]; readonly nextAt?: number | undefined }>;
  /** Archived alerts, the latest first, that ended in [`from`, `to`]. Plain data: parse it. */
  archived(range: { readonly from: number; readonly to: number; readonly limit: number }): Promise<readonly unknown[]>;
  /** Claims for this node, each on its own. A claim of a node that is no member any more does not count. */
  claim(refs: readonly NoticeRef[]): Promise<readonly ClaimAnswer[]>;
  /** Ends this node's claims: delivered, or given back. What is not this node's is left alone. */
  finish(refs: readonly NoticeRef[], outcome: 'done' | 'released'): Promise<void>;
  /** Draws from windows over all nodes at `now`; each is counted only when it passes. */
  permit(asks: readonly PermitAsk[], now: number): Promise<readonly boolean[]>;
  /** Counts `add` more at `now` under this name, and answers how many there were in the last `windowMs`, these included. */
  rate(name: string, add: number, windowMs: number, now: number): Promise<number>;
}
