/** Which of many is handed over next. */
import type { AlertRecord } from '../alert.ts';
import { priority } from '../severity.ts';
import { isUrgent, type Work } from './work.ts';

/** Failed notices that a member keeps to try again; beyond, it takes nothing more that another could deliver. */
const MAX_FAILED = 8;

/** The one of the highest priority; among equals the older alert. The answer depends on the hour: alerts age. */
export function first<Item extends { readonly record: AlertRecord | undefined }>(
  items: Iterable<Item>,
  now: number,
): Item | undefined {
  let best: { readonly item: Item; readonly rank: number; readonly at: number } | undefined;
  for (const item of items) {
    if (item.record === undefined) continue;
    const rank = priority(item.record, now);
    const at = item.record.firstAt;
    if (best === undefined || rank > best.rank || (rank === best.rank && at < best.at)) best = { item, rank, at };
  }
  return best?.item;
}

/** What may be started: what is urgent at any time, all else where there is room for it. */
export function startable(works: Iterable<Work>, hasRoom: boolean): readonly Work[] {
  const all = [...works];
  const failing = all.filter(({ failures }) => failures > 0).length >= MAX_FAILED;
  return all.filter(
    ({ stage, record, failures }) =>
      stage === 'waiting' && record !== undefined && (isUrgent(record) || (hasRoom && (!failing || failures > 0))),
  );
}
