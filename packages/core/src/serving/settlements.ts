/** What leaves an entry, in as few settlements as may be: those that share their ending travel together. */
import { maskOf, type Batch, type Leaving } from './batch.ts';
import { RATE_LIMITED } from './gates/paid.ts';
import type { HistoryItem, Settlement } from '../ports/broker.ts';

/** Turns within a limit that are no further apart come back together, ms. */
const TURN_MS = 50;
/** Most items of history that travel with an entry. */
const MAX_HISTORY = 256;

/** In the order in which the backend has to hear them: each says what is left after it. */
export function settlementsOf(batch: Batch, leaving: readonly Leaving[]): Settlement[] {
  const { claim } = batch;
  const groups = grouped(leaving);
  return groups.map((group, position) => {
    const later = groups.slice(position + 1).flatMap((other) => other.map(({ index }) => index));
    const nothingLeft = batch.remaining === 0 && later.length === 0;
    const { at, deliveries, reason } = group[0]!;
    const common = {
      claim,
      moved: maskOf(
        claim.count,
        group.map(({ index }) => index),
      ),
      ...(nothingLeft ? undefined : { todo: either(batch.todo(), maskOf(claim.count, later)) }),
      deliveries,
      history: withHistory(
        batch.history,
        group.map(({ history }) => history),
      ),
    };
    return at === undefined ? { kind: 'bury', reason, ...common } : { kind: 'retry', at: Math.round(at), ...common };
  });
}

/** What happened before, and now; the oldest items give way. */
export function withHistory(history: string | undefined, now: readonly HistoryItem[]): string {
  let before: unknown = [];
  try {
    before = JSON.parse(history ?? '[]');
  } catch {
    // A history that cannot be read is not worth losing the message for.
  }
  const items = [...(Array.isArray(before) ? (before as HistoryItem[]) : []), ...now];
  return JSON.stringify(items.slice(-MAX_HISTORY));
}

function grouped(leaving: readonly Leaving[]): Leaving[][] {
  const groups = new Map<string, Leaving[]>();
  const firstTurn = leaving.find(hasTurn)?.at ?? 0;
  for (const one of leaving) {
    const key = keyOf(one, firstTurn);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

/** @param firstTurn the first moment within a limit. */
function keyOf(leaving: Leaving, firstTurn: number): string {
  const { at, deliveries, reason } = leaving;
  if (at === undefined) return `dead ${deliveries} ${reason}`;
  // A turn within a limit is its own moment's; a back-off may be any other's of the same number.
  return hasTurn(leaving) ? `turn ${deliveries} ${Math.floor((at - firstTurn) / TURN_MS)}` : `retry ${deliveries}`;
}

function hasTurn({ history }: Leaving): boolean {
  return history.code === RATE_LIMITED;
}

function either(left: string, right: string): string {
  let mask = '';
  for (let index = 0; index < left.length; index += 1) mask += left[index] === '1' || right[index] === '1' ? '1' : '0';
  return mask;
}
