import { oneOf } from '../arguments.ts';
import { FORCE, mustBeServed } from '../known.ts';
import type { Verb } from '../verb.ts';

export const delivery: Verb = {
  name: 'delivery',
  synopses: ['delivery set <service> auto|local|remote|disabled [--reason <text>] [--force]'],
  summary: 'Which way calls of a service take, on all nodes; or switches it off',
  about: [
    'auto: an actor in the same process while it has room, else the mailbox. local: only the same process.',
    'remote: always the mailbox (the default). disabled: every call fails with SERVICE_DISABLED and the reason.',
    'It is the live setting `delivery`: `config history` shows who set it, `config set <service> delivery=null`',
    'takes it back.',
  ],
  options: {
    reason: { value: '<text>', says: 'Why: in the error of every call while it is disabled' },
    force: FORCE,
  },
  examples: ['delivery set users disabled --reason "moving the database"', 'delivery set users remote'],
  plan(given) {
    const [word, service, way] = given.words('set', 'service', 'auto|local|remote|disabled');
    oneOf(word, ['set']);
    const chosen = oneOf(way, ['auto', 'local', 'remote', 'disabled']);
    const reason = given.text('reason') ?? null;
    const force = given.flag('force');
    return async ({ node, by }) => {
      if (!force) mustBeServed(node, service);
      const { revision } = await node.config.set(service, { delivery: chosen, deliveryReason: reason }, { by });
      return {
        data: { service, delivery: chosen, reason, revision },
        text: `${service} is delivered ${chosen === 'disabled' ? 'no more: disabled' : chosen} (revision ${revision})`,
      };
    };
  },
};
