import type { Silence } from '@homeostat/core';
import { describeMoment } from '../../duration.ts';
import { table } from '../../print.ts';
import type { Action } from './action.ts';

export const silences: Action = {
  name: 'silences',
  synopses: ['alerts silences'],
  takes: [],
  plan(given) {
    given.words('silences');
    return async ({ node }) => {
      const all = node.alerts.silences();
      return { data: { silences: all }, text: all.length === 0 ? 'nothing is silenced' : describeSilences(all) };
    };
  },
};

export function describeSilences(all: readonly Silence[]): string {
  return table(
    ['ID', 'UNTIL', 'BY', 'COVERS', 'REASON'],
    all.map(({ id, until, author, matcher, force, reason }) => [
      id,
      describeMoment(until),
      author,
      covered(matcher, force),
      reason,
    ]),
  );
}

/** `kinds disk-slow; services orders`. */
function covered(matcher: Silence['matcher'], force: boolean): string {
  const parts = Object.entries(matcher).flatMap(([name, words]: [string, readonly string[] | undefined]) =>
    words === undefined ? [] : `${name} ${words.join(' ')}`,
  );
  return [...parts.toSorted(), ...(force ? ['critical too'] : [])].join('; ');
}
