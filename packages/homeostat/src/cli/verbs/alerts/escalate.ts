import { UsageError } from '../../usage-error.ts';
import type { Action } from './action.ts';
import { answerOf } from './describe.ts';

export const escalate: Action = {
  name: 'escalate',
  synopses: ['alerts escalate <id> --reason <text>'],
  takes: ['reason'],
  plan(given) {
    const [, id] = given.words('escalate', 'id');
    const reason = given.text('reason');
    if (reason === undefined) throw new UsageError('escalate asks for a --reason');
    return async ({ node, by }) => answerOf(await node.alerts.escalate(id, reason, { by }), node.now());
  },
};
