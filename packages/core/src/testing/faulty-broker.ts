import type { Broker, Claim, Intake, MailboxReader, Settlement, SettleResult } from '../ports/broker.ts';
import type { Faults } from './faults.ts';

/** Endings after which an entry is out of this node's hands, so that seeing it again is a second delivery. */
function ends(settlement: Settlement): boolean {
  if (settlement.kind === 'done' || settlement.kind === 'park') return true;
  return (settlement.kind === 'retry' || settlement.kind === 'bury') && settlement.todo === undefined;
}

/** A broker seen through faults. */
export function faultyBroker(inner: Broker, faults: Faults): Broker {
  /** Claims that come again after their settlement, and where to. */
  const repeated = new Map<string, { readonly intake: Intake; readonly claim: Claim }>();

  const take = (intake: Intake, claims: readonly Claim[]): void => {
    for (const claim of claims) {
      if (faults.repeats === 0) break;
      faults.repeats -= 1;
      // The first reader may write to its bytes or give them away.
      repeated.set(keyOf(claim), { intake, claim: { ...claim, frame: new Uint8Array(claim.frame) } });
    }
    intake.take(claims);
  };

  const settle = async (batch: readonly Settlement[]): Promise<readonly SettleResult[]> => {
    const results = await inner.settle(batch);
    batch.forEach((settlement, index) => {
      const again = repeated.get(keyOf(settlement.claim));
      if (again === undefined || results[index] !== 'settled' || !ends(settlement)) return;
      repeated.delete(keyOf(settlement.claim));
      setImmediate(() => again.intake.take([again.claim]));
    });
    return results;
  };

  const consume: Broker['consume'] = async (mailbox, limits, intake) => {
    const reader = await inner.consume(mailbox, limits, {
      room: () => (faults.asleep ? 0 : intake.room()),
      take: (claims) => take(intake, claims),
    });
    return readerOf(reader, faults);
  };

  return {
    append: (request) => faults.call('append', () => inner.append(request)),
    appendAll: (request) => faults.call('append', () => inner.appendAll(request)),
    turn: (mailbox, signal) => inner.turn(mailbox, signal),
    reply: (inbox, frame) => faults.call('reply', () => inner.reply(inbox, frame)),
    consume: (mailbox, limits, intake) => faults.call('other', () => consume(mailbox, limits, intake)),
    settle: (batch) => faults.call('settle', () => settle(batch)),
    hint: (mailbox, hints) => faults.call('other', () => inner.hint(mailbox, hints)),
    depth: (mailbox) => faults.call('other', () => inner.depth(mailbox)),
    dead: (mailbox, page) => faults.call('other', () => inner.dead(mailbox, page)),
    replay: (mailbox, id, moved) => faults.call('other', () => inner.replay(mailbox, id, moved)),
    drop: (mailbox, id, moved) => faults.call('other', () => inner.drop(mailbox, id, moved)),
  };
}

function readerOf(reader: MailboxReader, faults: Faults): MailboxReader {
  const forget = faults.whenAwake(() => reader.wake());
  return {
    wake: () => reader.wake(),
    close: () => {
      forget();
      return reader.close();
    },
  };
}

function keyOf(claim: Claim): string {
  return `${claim.mailbox} ${claim.id}`;
}
