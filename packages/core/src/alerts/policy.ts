/** How alerts are told, escalated and held back. All of it can be changed, live and for all nodes. */
import type { AlertLevel, AlertRecord, Severity } from './alert.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export interface SeverityPolicy {
  /** Who is told at once; the highest of them is where the alert begins. Empty: nobody, it is only kept. */
  readonly first: readonly AlertLevel[];
  /** How long the unit has to put itself right before the next level is told, ms; 0: no time. */
  readonly autonomyMs: number;
  /** How long each level has to say that it saw it, ms; 0: nobody has to. */
  readonly ackByMs: number;
  /** How long after that it may take, where nobody gave an estimate, ms. */
  readonly resolveByMs: number;
  /** Between repeats at the last level, ms; 0: none. */
  readonly repeatMs: number;
  /** Most repeats; null: no bound. */
  readonly maxRepeats: number | null;
  /** Alerts of one source that are notified in a minute; null: all. */
  readonly perMinute: number | null;
  /** Archived by itself after this, ms; 0: stays until it is resolved. */
  readonly ttlMs: number;
}

export interface AlertPolicy {
  readonly severities: Readonly<Record<Severity, SeverityPolicy>>;
  /** Kinds that pass everything that holds back, and go straight to s5. */
  readonly bypassKinds: readonly string[];
  /** New conditions of one source that pass beyond its limit, in a minute. */
  readonly burst: number;
  /** A condition that comes back within this after it was resolved is the same alert, ms. */
  readonly reopenMs: number;
  /** An alert that came back three times is held open for this, ms. */
  readonly flapHoldMs: number;
  readonly storm: {
    /** More new alerts than this … */
    readonly enter: number;
    /** … within this, ms, are a storm. */
    readonly windowMs: number;
    /** It is over after so long below half the rate, ms. */
    readonly calmMs: number;
    /** Between digests, ms. */
    readonly digestMs: number;
  };
  /** Notices that one human sink gets in `floodWindowMs`, critical ones apart; the rest come as digests. ISA-18.2's figure. */
  readonly flood: number;
  readonly floodWindowMs: number;
  /** Archived alerts are kept for this, ms. */
  readonly retentionMs: number;
  /** Alerts that live at once; beyond, what is new is one alert, `too-many-alerts`, unless it passes everything. */
  readonly maxLive: number;
}

/** ALERTS.md, section 5. */
export const DEFAULT_ALERT_POLICY: AlertPolicy = {
  severities: {
    critical: {
      first: ['s5', 's3', 's1'],
      autonomyMs: 0,
      ackByMs: 30 * SECOND,
      resolveByMs: 5 * MINUTE,
      repeatMs: 30 * SECOND,
      maxRepeats: null,
      perMinute: null,
      ttlMs: 0,
    },
    high: {
      first: ['s1', 's3'],
      autonomyMs: 0,
      ackByMs: 5 * MINUTE,
      resolveByMs: 30 * MINUTE,
      repeatMs: 5 * MINUTE,
      maxRepeats: 9,
      perMinute: 10,
      ttlMs: 0,
    },
    medium: {
      first: ['s1'],
      autonomyMs: MINUTE,
      ackByMs: 30 * MINUTE,
      resolveByMs: 4 * HOUR,
      repeatMs: 0,
      maxRepeats: 0,
      perMinute: 5,
      ttlMs: 0,
    },
    low: {
      first: [],
      autonomyMs: 0,
      ackByMs: 0,
      resolveByMs: 0,
      repeatMs: 0,
      maxRepeats: 0,
      perMinute: 2,
      ttlMs: 5 * MINUTE,
    },
  },
  bypassKinds: ['system_failure', 'security_breach'],
  burst: 3,
  reopenMs: 5 * MINUTE,
  flapHoldMs: 5 * MINUTE,
  storm: { enter: 50, windowMs: 10 * SECOND, calmMs: MINUTE, digestMs: 10 * SECOND },
  flood: 10,
  floodWindowMs: 10 * MINUTE,
  retentionMs: 24 * HOUR,
  maxLive: 10_000,
};

/** What passes everything that holds back is told like what is critical, whatever its severity. */
export function policyFor(alert: Pick<AlertRecord, 'bypass' | 'severity'>, policy: AlertPolicy): SeverityPolicy {
  return policy.severities[alert.bypass ? 'critical' : alert.severity];
}
