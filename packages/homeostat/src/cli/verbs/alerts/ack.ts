import { oneOf } from '../../arguments.ts';
import { UsageError } from '../../usage-error.ts';
import type { Action } from './action.ts';
import { answerOf } from './describe.ts';

/** Those that set a clock, and those that do what they say. */
const PROMISES = ['received', 'investigating', 'responding'] as const;
const DEEDS = ['resolved', 'escalated', 'false_alarm'] as const;

export const ack: Action = {
  name: 'ack',
  synopses: [
    `alerts ack <id> [${PROMISES.join('|')}] [--note <text>] [--eta <time>]`,
    `alerts ack <id> ${DEEDS.join('|')} [--note <text>]`,
  ],
  takes: ['note', 'eta'],
  plan(given) {
    const [[, id], word = 'received'] = given.upTo('ack', 'id');
    const type = oneOf(word, [...PROMISES, ...DEEDS]);
    const [note, etaMs] = [given.text('note'), given.span('eta')];
    if (etaMs !== undefined && DEEDS.some((deed) => deed === type))
      throw new UsageError(`--eta goes with ${PROMISES.join(', ')} only`);
    return async ({ node, by }) => {
      const eta = etaMs === undefined ? undefined : node.now() + etaMs;
      return answerOf(await node.alerts.ack(id, type, { by, note, eta }), node.now());
    };
  },
};
