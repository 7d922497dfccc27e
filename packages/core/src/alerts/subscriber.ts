/** What those who are told of alerts say and get. */
import type { AckType, Alert, AlertDigest, AlertLevel, AlertType, Notice, Severity } from './alert.ts';
import type { Log } from '../ground/log.ts';

/** Which notices; every field that is given must fit. Nothing given: every notice of every level. */
export interface AlertFilter {
  /** Notices for this level. */
  readonly level?: AlertLevel | undefined;
  readonly minSeverity?: Severity | undefined;
  /** Default: pain; pleasure only where it is named. */
  readonly types?: readonly AlertType[] | undefined;
  readonly services?: readonly string[] | undefined;
  readonly kinds?: readonly string[] | undefined;
  /** Alerts that have all of these. */
  readonly tags?: readonly string[] | undefined;
}

export interface SubscribeOptions {
  /** `group`: each notice is handled by one member of the group. `broadcast`: by every node. Default `group`. */
  readonly mode?: 'group' | 'broadcast' | undefined;
  /** Of the group. Default: the name of the sink, else made of the filter. */
  readonly name?: string | undefined;
  /** Notices handled at once; critical ones do not wait for room. Default 1. */
  readonly concurrency?: number | undefined;
  /** Somebody reads them: beyond the flood limit of the policy they come as digests. Default: as the sink says. */
  readonly human?: boolean | undefined;
  /** Only looks on: what nobody else is told is unrouted all the same. Default false. */
  readonly onlooker?: boolean | undefined;
  /** How long the handler may take, ms; then it is tried again. Default 30 s. */
  readonly timeoutMs?: number | undefined;
}

export interface AlertContext {
  readonly notice: Notice;
  /** 1 for the first time that this notice is handed over. */
  readonly attempt: number;
  /** Given where many alerts come as one: then `alert` is the worst of them, or the storm. */
  readonly digest: AlertDigest | undefined;
  /** Aborts when the handler has taken too long. One that ends with its subscription may use its time. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Says that somebody saw it. Default `received`. */
  ack(
    type?: AckType,
    options?: { readonly eta?: number | undefined; readonly note?: string | undefined },
  ): Promise<void>;
  /** Says that it is over. */
  resolve(note?: string): Promise<void>;
  /** Says that it is for the next level, now. */
  escalate(reason: string): Promise<void>;
}

/** A notice is delivered when this resolves; when it rejects, it is delivered again. */
export type AlertHandler = (alert: Alert, ctx: AlertContext) => unknown;

/** Somewhere outside that alerts go to. */
export interface AlertSink {
  /** Of its group. */
  readonly name: string;
  /** Somebody reads it. */
  readonly human: boolean;
  readonly handle: AlertHandler;
}

export interface AlertSubscription extends AsyncDisposable {
  readonly name: string;
  /** Hands over nothing more until `resume`, what has failed included; other members of the group go on. */
  pause(): void;
  resume(): void;
  /** Ends it; resolves when nothing of it runs any more: handlers may use their time. What is not done others get. */
  close(): Promise<void>;
}
