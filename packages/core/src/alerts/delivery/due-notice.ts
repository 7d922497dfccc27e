/** Which notice of an alert a subscription is to be handed. */
import type { AlertLevel, AlertRecord, Notice } from '../alert.ts';

/**
 * The latest notice for this level (undefined: for any), if it comes after `done`, the last that was delivered: it takes
 * the place of all before. Of pain that is over nothing is told any more, save a digest. Pleasure is for all levels.
 */
export function dueNotice(record: AlertRecord, level: AlertLevel | undefined, done: number): Notice | undefined {
  const isForAll = level === undefined || record.type === 'pleasure';
  const last = isForAll ? record.noticed : (record.reached[level] ?? 0);
  if (last <= done) return undefined;
  const notice = noticeOf(record, last, level);
  const isOver = record.type === 'pain' && record.state === 'resolved';
  return isOver && notice.digest === undefined ? undefined : notice;
}

/** An alert remembers its last notices only: of an older one no more is known than that there was one. */
export function noticeOf(record: AlertRecord, n: number, level?: AlertLevel): Notice {
  const to = level === undefined ? [] : [level];
  return record.notices.find((notice) => notice.n === n) ?? { n, at: record.firstAt, to, why: 'raised' };
}
