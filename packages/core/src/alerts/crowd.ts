/** What is new where too many alerts live already: one alert for all of it. What it was is in the log of its node. */
import type { Raised } from './alert.ts';
import { fingerprintOf } from './fingerprint.ts';

const KIND = 'too-many-alerts';

export function oneOfTheCrowd(raised: Raised, maxLive: number): Raised {
  const { source, at, lastAt, count, token, reporter, kind } = raised;
  return {
    type: 'pain',
    severity: 'high',
    kind: KIND,
    message: `more than ${maxLive} alerts live: new ones are in the logs of their nodes alone; the last was ${kind}`,
    source: { nodeId: source.nodeId },
    fingerprint: fingerprintOf({ type: 'pain', kind: KIND, nodeId: source.nodeId }),
    bypass: false,
    ...{ at, lastAt, count, token, reporter },
  };
}
