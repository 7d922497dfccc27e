import { ConfigError } from '@homeostat/core';
import type { Action } from './action.ts';

export const unsilence: Action = {
  name: 'unsilence',
  synopses: ['alerts unsilence <id>'],
  takes: [],
  plan(given) {
    const [, id] = given.words('unsilence', 'id');
    return async ({ node, by }) => {
      if (!(await node.alerts.unsilence(id, { by })))
        throw new ConfigError(`there is no silence ${id}; \`homeostat alerts silences\` lists them`);
      return { data: { id, silenced: false }, text: `${id} is over: what it held back and is still open is told now` };
    };
  },
};
