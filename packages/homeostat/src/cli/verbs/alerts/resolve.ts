import type { Action } from './action.ts';
import { answerOf } from './describe.ts';

export const resolve: Action = {
  name: 'resolve',
  synopses: ['alerts resolve <id> [--note <text>] [--false-alarm]'],
  takes: ['note', 'false-alarm'],
  plan(given) {
    const [, id] = given.words('resolve', 'id');
    const [note, falseAlarm] = [given.text('note'), given.flag('false-alarm')];
    return async ({ node, by }) => answerOf(await node.alerts.resolve(id, { by, note, falseAlarm }), node.now());
  },
};
