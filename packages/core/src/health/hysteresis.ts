/** From the results of one check to its standing: it takes several failures to fall, and may take several successes to rise. Pure. */

export type CheckStatus = 'healthy' | 'degraded' | 'unhealthy';

/** What one run of a check said. */
export interface Verdict {
  readonly status: CheckStatus;
  readonly reason?: string | undefined;
}

export interface Thresholds {
  /** Failures in a row that make it unhealthy. */
  readonly failureThreshold: number;
  /** Successes in a row that make it well again. */
  readonly recoveryThreshold: number;
}

export interface Standing {
  /** `starting` until it passed for the first time or failed often enough. */
  readonly status: CheckStatus | 'starting';
  /** Failures in a row. */
  readonly failures: number;
  /** Successes in a row. */
  readonly successes: number;
  /** When the first of those failures was (elapsed ms). */
  readonly failingSince?: number | undefined;
  /** What the last run said, if anything. */
  readonly reason?: string | undefined;
}

/** Whatever its thresholds, a check that has failed for this long is unhealthy, ms. */
export const MAX_FAILING_MS = 60_000;

export const FRESH: Standing = { status: 'starting', failures: 0, successes: 0 };

/** The standing after one more run, which ended at `at` (elapsed ms). */
export function afterVerdict(before: Standing, verdict: Verdict, at: number, thresholds: Thresholds): Standing {
  return verdict.status === 'unhealthy'
    ? afterFailure(before, verdict, at, thresholds.failureThreshold)
    : afterSuccess(before, verdict, thresholds.recoveryThreshold);
}

/** Whether it fails without a success in between for as long as no threshold may allow. */
export function failsTooLong(standing: Standing, at: number): boolean {
  return standing.failingSince !== undefined && at - standing.failingSince >= MAX_FAILING_MS;
}

/** The standing at `at` where no run has ended since. */
export function afterSilence(before: Standing, at: number): Standing {
  return failsTooLong(before, at) && before.status !== 'unhealthy' ? { ...before, status: 'unhealthy' } : before;
}

function afterFailure(before: Standing, verdict: Verdict, at: number, threshold: number): Standing {
  const failures = before.failures + 1;
  const { failingSince = at } = before;
  const status = failures >= threshold ? 'unhealthy' : before.status;
  return afterSilence({ status, failures, successes: 0, failingSince, reason: verdict.reason }, at);
}

function afterSuccess(before: Standing, verdict: Verdict, threshold: number): Standing {
  const successes = before.successes + 1;
  const recovering = before.status === 'unhealthy' && successes < threshold;
  return {
    status: recovering ? 'unhealthy' : verdict.status,
    failures: 0,
    successes,
    reason: recovering ? `recovering: ${successes} of ${threshold} successes` : verdict.reason,
  };
}
