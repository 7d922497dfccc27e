/**
 * The port that says who is there. Liveness is the beat's business alone: nothing else declares a node dead.
 *
 * What a node is (its report) changes seldom and is pushed to every node as news; how it feels (its vitals) changes with
 * every beat and is read by whoever wants to know. So what membership costs a node does not grow with their number.
 */
import type { NodeReport, NodeVitals } from './report.ts';

export type { NodeReport, NodeVitals } from './report.ts';

/** What everybody is told, once and in order. The backend moves it; what is inside is parsed by whoever reads it. */
export interface NewsItem {
  /** Grows by one with every item of the news, or of the alert log, of the namespace. */
  readonly seq: number;
  /**
   * `joined` and `changed`: `id` is the node, `body` its report; a large one is left out, to be read from the backend. `left` and `expired`: `id` is the node, there is no body.
   * `breaker`: `id` its name, `body` a `BreakerState`. Anything else: a family of shared records (`records.ts`), `id` the
   * name of the record, `body` a `SharedRecord`.
   */
  readonly kind: string;
  readonly id: string;
  /** Plain data, from whoever could write to the backend: parse it. */
  readonly body: unknown;
}

export interface Member {
  readonly id: string;
  /** From the backend as it stands: parse it with `parseReport`. Absent when there is none. */
  readonly report?: unknown;
}

/** Who is there, and the last news that this already contains. */
export interface Members {
  readonly members: readonly Member[];
  readonly seq: number;
}

export interface MembershipEvents {
  /** This node is no member any more: abort what runs, drop the claims, join again. */
  evicted(reason: string): void;
  /** Frames read from this node's inbox, in order. Must not throw. */
  inbox(frames: readonly Uint8Array[]): void;
  /**
   * News in order, from the moment of joining on; an item may come twice, and after a failure some may be missing: `seq`
   * tells. Must not throw.
   */
  news(items: readonly NewsItem[]): void;
  /**
   * Items of the alert log in order, from the moment of joining on: `kind` is the event, `id` the fingerprint, `body` is
   * `{ revision, body }` of its slot (without the inner body: it was emptied). A `body` of null: too large to be told,
   * read `AlertStore.live()`. An item may come twice, and after a failure some may be missing: `seq`, which counts the
   * log alone, tells. Must not throw.
   */
  alerts(items: readonly NewsItem[]): void;
  /**
   * A beat was answered: the backend is there, and these are the last news and the last item of the alert log that it
   * knows of. Must not throw.
   */
  beaten(seq: number, alertSeq: number): void;
}

/** What a node tells of itself: asked for before each beat. */
export interface Presence {
  report(): NodeReport;
  vitals(): NodeVitals;
}

export interface Membership {
  /**
   * Joins under a new id: member of every lane, inbox open, beating. Everything the broker does for this node is
   * fenced by that id. Joining again after an eviction gives another id. Its report and the news `joined` are one step.
   */
  join(presence: Presence, events: MembershipEvents): Promise<string>;
  /**
   * Sends the report at once where it has changed. Report, its index by service and the news `changed` are one step.
   * Resolves when others can see it; a change is seen with the next beat without this call too.
   */
  announce(): Promise<void>;
  /** Every member with its report, read from the backend now. */
  members(): Promise<Members>;
  /** Every member that serves an actor of this name, whatever its version, read from the backend now by an index. */
  serving(service: string): Promise<readonly Member[]>;
  /** What these nodes last said of their state, at most a beat old; who said nothing is left out. Parse with `parseVitals`. */
  vitals(ids: readonly string[]): Promise<ReadonlyMap<string, unknown>>;
  /** Stops the beat and takes this node off every list, with the news `left`; pending claims are taken up by others at once. */
  leave(): Promise<void>;
}
