/** A backend that writes what was claimed and what became of each ending into the history. */
import { createHash } from 'node:crypto';
import type { Backend, Claim, Settlement } from '@homeostat/core/backend';
import type { HistoryWriter } from './history.ts';

export function recording(backend: Backend, history: HistoryWriter): Backend {
  return {
    name: backend.name,
    async connect(identity) {
      const link = await backend.connect(identity);
      const { broker, membership } = link;
      let node = identity.name;

      const join = membership.join.bind(membership);
      membership.join = async (presence, events) => {
        const evicted = (reason: string): void => {
          history.add({ type: 'evicted', node, at: Date.now() });
          events.evicted(reason);
        };
        node = await join(presence, {
          evicted,
          inbox: (frames) => events.inbox(frames),
          news: (items) => events.news(items),
          alerts: (items) => events.alerts(items),
          beaten: (seq, alertSeq) => events.beaten(seq, alertSeq),
        });
        return node;
      };

      const consume = broker.consume.bind(broker);
      broker.consume = (mailbox, limits, intake) =>
        consume(mailbox, limits, {
          room: () => intake.room(),
          take(claims) {
            for (const claim of claims) {
              const { count, todo, deliveries } = claim;
              const whole = todo === undefined && deliveries === 0;
              const entry = entryOf(claim);
              history.add({ type: 'claim', entry, frame: digest(claim), count, whole, node, at: Date.now() });
            }
            intake.take(claims);
          },
        });

      const settle = broker.settle.bind(broker);
      broker.settle = async (batch) => {
        const by = node;
        const results = await settle(batch);
        results.forEach((result, index) => {
          const settlement = batch[index]!;
          const { kind, claim } = settlement;
          const entry = entryOf(claim);
          history.add({ type: 'settle', entry, kind, result, ends: ends(settlement), node: by, at: Date.now() });
        });
        return results;
      };
      return link;
    },
  };
}

function entryOf(claim: Claim): string {
  return `${claim.mailbox} ${claim.id}`;
}

function digest(claim: Claim): string {
  return createHash('sha1').update(claim.frame).digest('base64url');
}

function ends(settlement: Settlement): boolean {
  if (settlement.kind === 'done') return true;
  return (settlement.kind === 'retry' || settlement.kind === 'bury') && settlement.todo === undefined;
}
