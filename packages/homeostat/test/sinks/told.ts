/** An alert, and what a sink gets with it. */
import type { Alert, AlertContext, Log } from '@homeostat/core';

export const alert: Alert = {
  id: 'a1',
  type: 'pain',
  severity: 'high',
  source: { service: 'store', nodeId: 'n1' },
  kind: 'disk-full',
  message: 'no room left: 99 % of /var — “full”',
  fingerprint: 'f1',
  state: 'open',
  level: 's3',
  count: 1,
  flaps: 0,
  firstAt: 1_700_000_000_000,
  lastAt: 1_700_000_000_000,
  reporters: ['n1'],
  attenuated: {},
  notices: [],
  history: [],
};

export function contextOf(more: Partial<AlertContext> = {}): AlertContext {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    notice: { n: 3, at: 1_700_000_000_000, to: ['s3'], why: 'escalated' },
    attempt: 1,
    digest: undefined,
    signal: AbortSignal.timeout(20_000),
    log: {} as Log,
    ack: nothing,
    resolve: nothing,
    escalate: nothing,
    ...more,
  };
}
