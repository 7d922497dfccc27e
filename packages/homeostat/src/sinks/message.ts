import type { Alert, AlertContext, AlertDigest, Notice } from '@homeostat/core';

/** What sinks send, as JSON. */
export interface SinkMessage {
  readonly alert: Alert;
  readonly notice: Notice;
  /** Many alerts in one message: then `alert` is the worst of them, or the storm. */
  readonly digest?: AlertDigest | undefined;
  /** Ms since the epoch, by the clock of the machine that sends. */
  readonly sentAt: number;
}

export function sinkMessage(alert: Alert, { notice, digest }: AlertContext): string {
  const message: SinkMessage = { alert, notice, digest, sentAt: Date.now() };
  return JSON.stringify(message);
}
