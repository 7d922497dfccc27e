import { AlertNotFound } from '@homeostat/core';
import type { Action } from './action.ts';
import { describeAlert } from './describe.ts';

export const show: Action = {
  name: 'show',
  synopses: ['alerts show <id>'],
  takes: [],
  plan(given) {
    const [, id] = given.words('show', 'id');
    return async ({ node }) => {
      const alert = await node.alerts.get(id);
      if (alert === undefined) throw new AlertNotFound(id);
      return { data: alert, text: describeAlert(alert) };
    };
  },
};
