import type { MailboxDepth } from '../ports/broker.ts';

/**
 * Messages that wait in nobody's hands. A mailbox counts entries there, and messages only in all, with those that run or
 * are due later: so this is an estimate, by the messages that an entry usually holds.
 */
export function lagOf({ messages, waiting, pending }: MailboxDepth, messagesPerEntry: number): number {
  return Math.max(0, Math.min(messages - pending, Math.round(waiting * messagesPerEntry)));
}
