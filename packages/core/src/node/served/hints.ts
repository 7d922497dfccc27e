/** Hints for senders: how they should pack what they send to a mailbox. Written beside each of its lines, since whoever appends to one is told. */
import { mailboxesOf } from '../../contract/lines.ts';
import { messageOf } from '../../ground/errors.ts';
import type { Log } from '../../ground/log.ts';
import type { Broker } from '../../ports/broker.ts';
import type { Served } from './served.ts';

type Hinting = Pick<Broker, 'hint'>;

export async function writeHints(broker: Hinting, served: Served): Promise<void> {
  const hints = served.dispatcher.hints();
  await Promise.all(mailboxesOf(served.actor.contract).map((mailbox) => broker.hint(mailbox, hints)));
  served.hints = hints;
}

/** Writes them where they have changed. Never rejects: they are written the next time. */
export async function refreshHints(broker: Hinting, all: readonly Served[], log: Log): Promise<void> {
  for (const served of all) {
    if (served.dispatcher.hints() === served.hints) continue;
    try {
      await writeHints(broker, served);
    } catch (thrown) {
      log.debug({ evt: 'hint_failed', reason: messageOf(thrown) }, 'hints for senders could not be written');
    }
  }
}
