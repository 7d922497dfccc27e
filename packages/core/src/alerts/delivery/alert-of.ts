import type { Alert, AlertRecord } from '../alert.ts';

/** A record as subscribers see it: without what the state machine has to remember. */
export function alertOf(record: AlertRecord): Alert {
  const { timer, dueAt, reached, noticed, repeats, active, tokens, bypass, endAfterHold, ...alert } = record;
  return alert;
}
