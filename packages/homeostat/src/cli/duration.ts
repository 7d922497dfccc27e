/** Spans of time as people write and read them. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Beyond, no timer and no date can hold it. */
const MAX_MS = 365 * 86_400_000;

/** What `90s`, `1.5h` is in ms; undefined when it is no such span, nothing, or more than a year. */
export function milliseconds(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  const ms = Math.round(Number(number) * (UNITS[unit] ?? 0));
  return ms >= 1 && ms <= MAX_MS ? ms : undefined;
}

/** `850 ms`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function describeSpan(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** `2026-01-31 12:00:05Z`. */
export function describeMoment(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15
    ? new Date(ms).toISOString().replace('T', ' ').replace(/\.\d+/, '')
    : '-';
}
