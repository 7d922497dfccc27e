/** Where a series is going: a straight line through what was measured, by least squares. */

export interface Point {
  /** When it was measured, ms on any one clock. */
  readonly at: number;
  readonly value: number;
}

export type Direction = 'improving' | 'stable' | 'degrading' | 'unknown';

export interface Trend {
  readonly direction: Direction;
  /** Change over the time looked at, as a part of the mean: 0.1 = a tenth more at its end than at its beginning. */
  readonly slope: number;
  /** Change per ms. */
  readonly perMs: number;
  /** What it comes to at the horizon if it goes on like this; never below 0. */
  readonly forecast: number;
}

export interface TrendOptions {
  /** Which way is bad. */
  readonly worse: 'higher' | 'lower';
  /** Older points do not count, ms. Default 60 min. */
  readonly windowMs?: number;
  /** With fewer points the direction is `unknown`. Default 10. */
  readonly minPoints?: number;
  /** A smaller slope is `stable`. Default 0.1. */
  readonly threshold?: number;
  /** How far ahead the forecast looks, ms. Default 30 min. */
  readonly horizonMs?: number;
  /** A smaller mean counts as this: so that a little above nothing is no rise. Default 0. */
  readonly scale?: number;
}

export const TREND_WINDOW_MS = 3_600_000;
const MIN_POINTS = 10;
const THRESHOLD = 0.1;
const HORIZON_MS = 1_800_000;
/** A slope that is not this many times its standard error may be chance. */
const SIGNIFICANT = 2;

/** Judges a series whose points are in the order of time. */
export function trendOf(series: readonly Point[], options: TrendOptions): Trend {
  const { worse, windowMs = TREND_WINDOW_MS, minPoints = MIN_POINTS, threshold = THRESHOLD } = options;
  const { horizonMs = HORIZON_MS, scale = 0 } = options;
  const newest = series.at(-1);
  if (newest === undefined) return { direction: 'unknown', slope: 0, perMs: 0, forecast: 0 };
  const points = series.filter(({ at }) => at > newest.at - windowMs);
  const line = lineThrough(points);
  const size = Math.max(scale, mean(points.map(({ value }) => Math.abs(value))));
  const slope = size === 0 ? 0 : (line.perMs * (newest.at - points[0]!.at)) / size;
  const forecast = Math.max(0, line.valueAt(newest.at + horizonMs));
  const moves = Math.abs(slope) > threshold && Math.abs(line.perMs) > SIGNIFICANT * line.errorPerMs;
  return { direction: directionOf(), slope, perMs: line.perMs, forecast };

  function directionOf(): Direction {
    if (points.length < minPoints) return 'unknown';
    if (!moves) return 'stable';
    return slope > 0 === (worse === 'higher') ? 'degrading' : 'improving';
  }
}

interface Line {
  readonly perMs: number;
  /** Standard error of `perMs`. */
  readonly errorPerMs: number;
  valueAt(at: number): number;
}

/** Ordinary least squares; the standard error of the slope is √(Σ residual² ÷ (n − 2) ÷ Σ (t − t̄)²). */
function lineThrough(points: readonly Point[]): Line {
  const middle = mean(points.map(({ at }) => at));
  const level = mean(points.map(({ value }) => value));
  let spread = 0;
  let common = 0;
  for (const { at, value } of points) {
    spread += (at - middle) ** 2;
    common += (at - middle) * (value - level);
  }
  const perMs = spread === 0 ? 0 : common / spread;
  const valueAt = (at: number): number => level + perMs * (at - middle);
  const rest = points.reduce((sum, { at, value }) => sum + (value - valueAt(at)) ** 2, 0);
  const errorPerMs = points.length > 2 && spread > 0 ? Math.sqrt(rest / (points.length - 2) / spread) : Infinity;
  return { perMs, errorPerMs, valueAt };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
