import { mailboxesOf, type Lined } from '../contract/lines.ts';
import type { Broker, MailboxDepth } from '../ports/broker.ts';

/** What waits for an actor in all of its lines. */
export async function depthOf(broker: Pick<Broker, 'depth'>, contract: Lined): Promise<MailboxDepth> {
  const mailboxes = mailboxesOf(contract);
  if (mailboxes.length === 1) return broker.depth(contract.mailbox);
  return (await Promise.all(mailboxes.map((mailbox) => broker.depth(mailbox)))).reduce(sum);
}

function sum(one: MailboxDepth, other: MailboxDepth): MailboxDepth {
  const oldestAt = Math.min(one.oldestAt ?? Infinity, other.oldestAt ?? Infinity);
  return {
    messages: one.messages + other.messages,
    bytes: one.bytes + other.bytes,
    waiting: one.waiting + other.waiting,
    pending: one.pending + other.pending,
    dead: one.dead + other.dead,
    ...(oldestAt === Infinity ? undefined : { oldestAt }),
  };
}
