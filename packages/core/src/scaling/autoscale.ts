/**
 * Concurrency that follows the load. It grows to what the lag asks for, ⌈lag ÷ lagPerSlot⌉, the formula of Kubernetes'
 * horizontal autoscaler; it shrinks to what was in use. Both only after a while, and one change per cool-down, so that it
 * does not flap; and growing and shrinking begin at different marks.
 */
import type { ScalePolicy } from '../policies/service-settings.ts';

export interface Load {
  /** When it was measured, on a clock that never steps, ms. */
  readonly at: number;
  /** Messages that wait. */
  readonly lag: number;
  readonly inFlight: number;
  readonly concurrency: number;
}

/** What is remembered from one look to the next. */
export interface ScaleState {
  /** Since when the lag has been too high without a break; undefined: it is not. */
  readonly behindSince?: number | undefined;
  /** Since when there has been idle room without a break. */
  readonly idleSince?: number | undefined;
  /** Most that was in flight since then. */
  readonly peak: number;
  readonly changedAt: number;
}

export interface ScaleStep {
  readonly state: ScaleState;
  /** What the concurrency shall be from now on; undefined: as it is. */
  readonly concurrency: number | undefined;
}

export const FIRST_STATE: ScaleState = { peak: 0, changedAt: -Infinity };

/** In use beyond this part of the concurrency, there is no idle room. */
const IDLE_BELOW = 0.5;
/** When it shrinks, what is in use comes to this part of it: above the mark where shrinking begins. */
const SHRINK_TO = 0.7;

/** The nearest concurrency that the policy allows. */
export function withinBounds(concurrency: number, { min, max }: Pick<ScalePolicy, 'min' | 'max'>): number {
  return Math.min(max, Math.max(min, concurrency));
}

export function autoscale(before: ScaleState, load: Load, policy: ScalePolicy): ScaleStep {
  const { at, lag, inFlight, concurrency } = load;
  const { min, max, lagPerSlot, upAfterMs, downAfterMs, coolDownMs } = policy;
  const behind = lag > lagPerSlot * concurrency;
  const idle = lag <= (lagPerSlot * concurrency) / 2 && inFlight < IDLE_BELOW * concurrency;
  const behindSince = behind ? (before.behindSince ?? at) : undefined;
  const idleSince = idle ? (before.idleSince ?? at) : undefined;
  const peak = idle ? Math.max(before.peak, inFlight) : 0;
  const state: ScaleState = { behindSince, idleSince, peak, changedAt: before.changedAt };

  const clamped = withinBounds(concurrency, policy);
  if (clamped !== concurrency) return change(clamped);
  if (at - before.changedAt < coolDownMs) return { state, concurrency: undefined };
  if (behindSince !== undefined && at - behindSince >= upAfterMs && concurrency < max)
    return change(Math.min(max, Math.max(concurrency + 1, Math.ceil(lag / lagPerSlot))));
  if (idleSince !== undefined && at - idleSince >= downAfterMs && concurrency > min) {
    const needed = Math.max(Math.ceil(peak / SHRINK_TO), Math.ceil(lag / lagPerSlot));
    const smaller = Math.min(concurrency, Math.max(min, needed));
    if (smaller < concurrency) return change(smaller);
  }
  return { state, concurrency: undefined };

  function change(to: number): ScaleStep {
    return { state: { peak: 0, changedAt: at }, concurrency: to };
  }
}
