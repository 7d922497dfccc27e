/** What the alerts of some time say about the whole: how much hurts, how soon somebody looks, how often it was nothing. */
import type { Alert, AlertType, AttenuatedBy, Severity } from './alert.ts';

export interface AlertStats {
  /** Backend time, ms. */
  readonly from: number;
  readonly to: number;
  /** Alerts that were raised in this time. */
  readonly total: number;
  /** How often they were raised, repeats included. */
  readonly raises: number;
  readonly byType: Readonly<Record<AlertType, number>>;
  readonly bySeverity: Readonly<Record<Severity, number>>;
  /** Pain that is not over. */
  readonly open: number;
  /** Pain that somebody acked. */
  readonly acked: number;
  /** Pain that is over, whatever ended it. */
  readonly resolved: number;
  /** From its first raise to the first ack, ms; absent where nobody acked anything. */
  readonly meanAckMs?: number | undefined;
  /** From its first raise to its end, ms, of what did not just expire; absent where nothing ended. */
  readonly meanResolveMs?: number | undefined;
  /** Pain that went further than where it began. */
  readonly escalated: number;
  /** `escalated` ÷ pain. */
  readonly escalationRate: number;
  readonly falseAlarms: number;
  /** `falseAlarms` ÷ pain. */
  readonly falsePositiveRate: number;
  /** Acked, and then nothing came of it in time. */
  readonly hollow: readonly Alert[];
  /** `hollow` ÷ `acked`. */
  readonly hollowRate: number;
  /** Alerts for which there was nobody to tell. */
  readonly unrouted: number;
  /** How often they came back. */
  readonly flaps: number;
  /** What was held back, and by what. */
  readonly attenuated: Readonly<Record<AttenuatedBy, number>>;
}

/** Figures of the alerts that were raised, for the first or a further time, in [`from`, `to`]. */
export function statistics(
  alerts: readonly Alert[],
  { from, to }: { readonly from: number; readonly to: number },
): AlertStats {
  const within = alerts.filter(({ firstAt, lastAt }) => lastAt >= from && firstAt <= to);
  const pain = within.filter(({ type }) => type === 'pain');
  const over = pain.filter(({ state }) => state === 'resolved');
  const acked = pain.filter((alert) => firstAckAt(alert) !== undefined);
  const escalated = pain.filter(({ history }) => history.some(({ event }) => event === 'escalated')).length;
  const falseAlarms = pain.filter(({ resolution }) => resolution === 'false_alarm').length;
  const hollow = pain.filter((alert) => alert.hollow === true);
  return {
    from,
    to,
    total: within.length,
    raises: sumOf(within, ({ count }) => count),
    byType: { pain: pain.length, pleasure: within.length - pain.length },
    bySeverity: {
      critical: countOf(within, 'critical'),
      high: countOf(within, 'high'),
      medium: countOf(within, 'medium'),
      low: countOf(within, 'low'),
    },
    open: pain.length - over.length,
    acked: acked.length,
    resolved: over.length,
    meanAckMs: meanOf(acked.map((alert) => (firstAckAt(alert) ?? alert.firstAt) - alert.firstAt)),
    meanResolveMs: meanOf(
      over
        .filter(({ resolution }) => resolution !== 'expired')
        .map((alert) => (alert.resolvedAt ?? alert.lastAt) - alert.firstAt),
    ),
    escalated,
    escalationRate: share(escalated, pain.length),
    falseAlarms,
    falsePositiveRate: share(falseAlarms, pain.length),
    hollow,
    hollowRate: share(hollow.length, acked.length),
    unrouted: within.filter(({ unrouted }) => unrouted === true).length,
    flaps: sumOf(within, ({ flaps }) => flaps),
    attenuated: {
      inhibition: attenuatedBy(within, 'inhibition'),
      silence: attenuatedBy(within, 'silence'),
      limit: attenuatedBy(within, 'limit'),
      storm: attenuatedBy(within, 'storm'),
      duplicate: attenuatedBy(within, 'duplicate'),
      flap: attenuatedBy(within, 'flap'),
      flood: attenuatedBy(within, 'flood'),
    },
  };
}

/** A later one may have been reset, and an early one forgotten. */
function firstAckAt({ history, ackedAt }: Alert): number | undefined {
  return history.find(({ event }) => event === 'acked')?.at ?? ackedAt;
}

function countOf(alerts: readonly Alert[], severity: Severity): number {
  return alerts.filter((alert) => alert.severity === severity).length;
}

function attenuatedBy(alerts: readonly Alert[], by: AttenuatedBy): number {
  return sumOf(alerts, ({ attenuated }) => attenuated[by] ?? 0);
}

function sumOf(alerts: readonly Alert[], amount: (alert: Alert) => number): number {
  return alerts.reduce((sum, alert) => sum + amount(alert), 0);
}

function meanOf(numbers: readonly number[]): number | undefined {
  return numbers.length === 0 ? undefined : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
