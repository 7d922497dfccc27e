/** What is to become of a schedule now. Pure. */
import type { Definition, Progress, Tally } from './definition.ts';
import type { Ticks } from './ticks.ts';

/** With `catchUp: 'none'` a tick that is late by no more than this still runs: somebody may have died at the wrong moment, ms. */
const GRACE_MS = 10_000;

export type Verdict =
  /** Nothing before this moment. */
  | { readonly kind: 'wait'; readonly until: number }
  /** This tick is to become a message. */
  | { readonly kind: 'fire'; readonly tick: number }
  /** Nobody was there; it goes by. */
  | { readonly kind: 'miss'; readonly tick: number };

/** How far it has come. */
export function tallyOf(definition: Definition, progress: Progress | undefined): Tally | undefined {
  if (definition.ended !== undefined) return definition.ended;
  return progress?.id === definition.id ? progress : undefined;
}

/** The next tick that there is; undefined: none. */
export function nextTick(definition: Definition, ticks: Ticks, tally: Tally | undefined): number | undefined {
  const { ended, from, endAt = Infinity, limit = Infinity } = definition;
  if (ended !== undefined) return undefined;
  if (tally !== undefined && tally.runs + tally.skipped >= limit) return undefined;
  const next = ticks.after(tally?.at ?? from - 1);
  return next === undefined || next > endAt ? undefined : next;
}

/** @param next what `nextTick` says. */
export function judge(definition: Definition, ticks: Ticks, next: number, now: number): Verdict {
  if (next > now) return { kind: 'wait', until: next };
  const tick = ticks.latest(next, Math.min(now, definition.endAt ?? Infinity));
  const isMissed = definition.catchUp === 'none' && now - tick > GRACE_MS;
  return { kind: isMissed ? 'miss' : 'fire', tick };
}

export type Outcome = 'ran' | 'skipped' | 'missed';

/** How far it has come after a tick. */
export function advanced(tally: Tally | undefined, tick: number, outcome: Outcome): Tally {
  const { runs = 0, skipped = 0 } = tally ?? {};
  return { at: tick, runs: runs + (outcome === 'ran' ? 1 : 0), skipped: skipped + (outcome === 'skipped' ? 1 : 0) };
}
