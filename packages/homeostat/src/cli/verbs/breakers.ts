import type { BreakerState } from '@homeostat/core';
import { describeSpan } from '../duration.ts';
import { table } from '../print.ts';
import type { Verb } from '../verb.ts';

export const breakers: Verb = {
  name: 'breakers',
  synopses: ['breakers'],
  summary: 'Every shared breaker that was ever told of a failure',
  about: [
    'Lists phase, failures in a row, failures and successes of the rolling window, for how long an open',
    'one stays open, and why. A breaker that never saw a failure, or was quiet for hours, is not listed.',
  ],
  examples: ['breakers', 'breakers --json'],
  plan(given) {
    given.words();
    return async ({ node }) => {
      const all = node.breakers().toSorted((one, other) => (one.name < other.name ? -1 : 1));
      const text = all.length === 0 ? 'no breaker was told of a failure' : describeBreakers(all, node.now());
      return { data: { breakers: all }, text };
    };
  },
};

export function describeBreakers(all: readonly BreakerState[], now: number): string {
  return table(
    ['BREAKER', 'PHASE', 'OPEN FOR', 'IN A ROW', 'FAILED', 'SUCCEEDED', 'BY', 'REASON'],
    all.map((one) => [
      one.name,
      one.manual ? `${one.phase}, by hand` : one.phase,
      openFor(one, now),
      one.failuresInRow,
      one.windowFailures,
      one.windowSuccesses,
      one.by,
      one.reason,
    ]),
  );
}

/** One without an end stays until somebody closes it. */
function openFor({ phase, openUntil }: BreakerState, now: number): string | undefined {
  if (phase !== 'open') return undefined;
  return openUntil - now > FOREVER_MS ? 'until closed' : describeSpan(openUntil - now);
}

const FOREVER_MS = 10 * 365 * 86_400_000;
