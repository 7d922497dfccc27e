/** A backend that writes every ending the real one carried out into the history. */
import type { Backend } from '@homeostat/core/backend';
import type { HistoryWriter } from './history.ts';

export function recording(backend: Backend, history: HistoryWriter): Backend {
  return {
    name: backend.name,
    async connect(identity) {
      const link = await backend.connect(identity);
      const { broker } = link;
      const settle = broker.settle.bind(broker);
      broker.settle = async (batch) => {
        const results = await settle(batch);
        results.forEach((result, index) => {
          const { kind, claim, ...rest } = batch[index]!;
          const ends =
            kind === 'done' || ((kind === 'retry' || kind === 'bury') && !('todo' in rest && rest.todo !== undefined));
          history.add({ type: 'settle', entry: `${claim.mailbox} ${claim.id}`, kind, result, ends, at: Date.now() });
        });
        return results;
      };
      return link;
    },
  };
}
