/** What the sources of alerts need of the rest of their node, and what they are to it. */
import type { AlertRecord, RaiseOptions } from '../alert.ts';
import type { Condition, ConditionOptions } from '../condition.ts';
import type { BackendMemory } from '../../backend.ts';
import type { Timers } from '../../ground/clock.ts';
import type { Log } from '../../ground/log.ts';
import type { Emitter } from '../../node/events.ts';
import type { MailboxDepth, MailboxLimits } from '../../ports/broker.ts';
import type { RetryStats } from '../../resilience/retry-counters.ts';
import type { MailboxNumbers } from '../../scaling/scaler.ts';
import type { SourcesPolicy } from './options.ts';

/** What tells one condition from another. */
export type ConditionFacts = Pick<RaiseOptions, 'kind' | 'service' | 'method' | 'scope' | 'perNode'>;

/** Where pain and pleasure go. Nothing of it throws, and nothing waits for the backend. */
export interface Signal {
  raise(options: RaiseOptions): void;
  /** This node sees the condition no more. Cheap where nobody raised it. */
  clear(condition: ConditionFacts): void;
  pleasure(options: RaiseOptions): void;
  condition(options: ConditionOptions): Condition;
}

/** A mailbox that this node serves. */
export interface ServedMailbox extends MailboxLimits {
  readonly mailbox: string;
  /** All its places are taken, or it claims nothing: more may wait than anybody has read. */
  readonly saturated: boolean;
  /** Envelopes that a frame of it usually holds. */
  readonly frameSize: number;
}

export interface SourcesNeeds {
  readonly policy: SourcesPolicy;
  readonly signal: Signal;
  readonly events: Pick<Emitter, 'on'>;
  /** `clock.now()` is backend time. */
  readonly timers: Timers;
  readonly log: Log;
  /** A main thread that stands for longer makes its node unhealthy, ms. */
  readonly stallMs: number;
  /** Id of this node, which changes when it joins again. */
  selfId(): string;
  /** The place of this node in an order of all living nodes that the text decides; 0 is the first. */
  rank(text: string): number;
  /** The node is a member. */
  lives(nodeId: string): boolean;
  /** Somebody serves the mailbox, in whatever health. */
  isServed(mailbox: string): boolean;
  /** Every alert that lives, as this node knows it. */
  alerts(): Iterable<AlertRecord>;
  /** Told of each change of those. The answer ends it. */
  onAlert(
    listener: (change: { readonly before?: AlertRecord | undefined; readonly after?: AlertRecord | undefined }) => void,
  ): () => void;
  /** What this node serves. */
  served(): Iterable<ServedMailbox>;
  /** Of a mailbox that this node serves and somebody has looked at within the last seconds. */
  numbers(mailbox: string): MailboxNumbers | undefined;
  /** Asks the backend. May reject. */
  depth(mailbox: string): Promise<MailboxDepth>;
  /** Each mailbox that this node sends to, and a number that grows with what was sent. */
  sentTo(): Iterable<readonly [mailbox: string, frames: number]>;
  /** What became of this node's calls, by service. */
  callStats(): Readonly<Record<string, RetryStats>>;
  /** As the backend last said, without being asked for it; undefined: it does not say. */
  backendMemory(): BackendMemory | undefined;
}

/** One built-in source. */
export interface Source {
  /** A look at what has no event of its own. */
  tick?(): void | Promise<void>;
  close?(): void;
}
