/** How much it hurts: the order of severities, their other names, and which alert is handed over first. */
import type { Alert, Severity } from './alert.ts';

/** The worst first. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;

/** Other words for them. */
const ALIASES: Readonly<Record<string, Severity>> = {
  emergency: 'critical',
  severe: 'high',
  error: 'high',
  warning: 'medium',
  info: 'low',
};

/** 0 for low to 3 for critical. */
export function rank(severity: Severity): number {
  return SEVERITIES.length - 1 - SEVERITIES.indexOf(severity);
}

export function isWorse(severity: Severity, than: Severity): boolean {
  return rank(severity) > rank(than);
}

export function worstOf(severities: Iterable<Severity>): Severity {
  let worst: Severity = 'low';
  for (const severity of severities) if (isWorse(severity, worst)) worst = severity;
  return worst;
}

/** The severity that a word stands for, aliases included; undefined: none. */
export function parseSeverity(word: string): Severity | undefined {
  const severity = SEVERITIES.find((known) => known === word);
  if (severity !== undefined) return severity;
  return Object.hasOwn(ALIASES, word) ? ALIASES[word] : undefined;
}

/** Alerts with this tag are far from what is usual, and go before others of their severity. */
export const ANOMALOUS = 'anomalous';

const BASE: Readonly<Record<Severity, number>> = { critical: 100, high: 75, medium: 50, low: 25 };
const FOR_PAIN = 10;
const FOR_ANOMALY = 5;
const FOR_AGE = -5;
/** An alert is old after this, ms. */
const OLD_MS = 60_000;

/** What is handed over first: the higher, the sooner. 20 to 115; severity decides, and the rest orders within it (S3-59). */
export function priority(alert: Pick<Alert, 'type' | 'severity' | 'tags' | 'firstAt'>, now: number): number {
  const pain = alert.type === 'pain' ? FOR_PAIN : 0;
  const anomaly = alert.tags?.includes(ANOMALOUS) === true ? FOR_ANOMALY : 0;
  const age = now - alert.firstAt > OLD_MS ? FOR_AGE : 0;
  return BASE[alert.severity] + pain + anomaly + age;
}
