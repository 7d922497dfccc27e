import type { MailboxLimits } from '../../ports/broker.ts';
import type { EntryStart } from './entry.ts';
import type { Line } from './line.ts';

/** Until a node serves the mailbox and says otherwise: envelopes, and bytes (1 GiB). */
export const DEFAULT_LIMITS: MailboxLimits = { maxLength: 1_000_000, maxBytes: 1_073_741_824 };

/** What can be appended to: a mailbox, or one partition of it. */
export interface Place {
  readonly limits: MailboxLimits;
  readonly hints: string | undefined;
  /** Envelopes not settled yet, and the bytes of their entries; delayed ones included. */
  readonly messages: number;
  readonly bytes: number;
  readonly line: Line;
  /** Puts an entry in, at once or not before `at`. Limits are the caller's business: redelivery is never refused. */
  put(start: EntryStart, at?: number): string;
}
