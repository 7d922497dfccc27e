import { mailboxesOf, type Lined } from '../contract/lines.ts';
import { addDepths, type Broker, type MailboxDepth } from '../ports/broker.ts';

/** What waits for an actor in all of its lines. */
export async function depthOf(broker: Pick<Broker, 'depth'>, contract: Lined): Promise<MailboxDepth> {
  const mailboxes = mailboxesOf(contract);
  if (mailboxes.length === 1) return broker.depth(contract.mailbox);
  return (await Promise.all(mailboxes.map((mailbox) => broker.depth(mailbox)))).reduce(addDepths);
}
