/** One notice of one alert, on its way to one subscription of this node. */
import type { AlertRecord, Notice } from '../alert.ts';
import type { NoticeRef } from '../../ports/alerts.ts';

export type Stage =
  /** For room. */
  | 'waiting'
  /** For the answer to a claim. */
  | 'asking'
  /** The handler has it. */
  | 'running'
  /** The handler has failed: until it is tried again. */
  | 'resting'
  /** Another member of the group has it in hand. */
  | 'elsewhere'
  /** Beyond the flood limit: for the next digest. */
  | 'flooded';

export interface Work {
  readonly alertId: string;
  /** As it is now; undefined: it is gone. */
  record: AlertRecord | undefined;
  /** Number of the notice. */
  notice: number;
  stage: Stage;
  /** How often its handler has failed. */
  failures: number;
  /** It has been let through by the flood limit. */
  admitted: boolean;
  /**
   * What is claimed for it, and as whom: a node that had to rejoin holds nothing of what it claimed before. As nobody:
   * the claim got no answer.
   */
  claim: { readonly ref: NoticeRef; readonly nodeId: string | undefined } | undefined;
  /** Backend time at which it began to wait for a digest, ms. */
  floodedAt: number;
  /** Ends the rest. */
  wake: (() => void) | undefined;
}

export function newWork(record: AlertRecord, notice: number): Work {
  return {
    alertId: record.id,
    record,
    notice,
    stage: 'waiting',
    failures: 0,
    admitted: false,
    claim: undefined,
    floodedAt: 0,
    wake: undefined,
  };
}

/** A later notice takes its place: nothing has been tried for that one. */
export function renew(work: Work, notice: number): void {
  work.notice = notice;
  work.failures = 0;
  work.admitted = false;
}

/** Waits for no room, and is never held back. */
export function isUrgent({ severity, bypass }: AlertRecord): boolean {
  return severity === 'critical' || bypass;
}

/** Whether the flood limit counts it. A digest is attenuated already: what it tells, no other tells. */
export function isLimited(record: AlertRecord, notice: Notice): boolean {
  return !isUrgent(record) && notice.digest === undefined;
}

/** Ends the rest before its time. */
export function wakeUp(work: Work): void {
  work.wake?.();
  work.wake = undefined;
  work.stage = 'waiting';
}

/** Somebody is about to answer for it: what becomes of the alert meanwhile is looked at after that. */
export function isInHand({ stage }: Work): boolean {
  return stage === 'asking' || stage === 'running';
}
