import { UsageError } from '../../usage-error.ts';
import { assignments, fieldsAt } from '../../settings.ts';
import type { Action } from './action.ts';
import { policyAnswer } from './policy.ts';

export const configure: Action = {
  name: 'configure',
  synopses: ['alerts configure <path=value> …', 'alerts configure --replace [path=value] …'],
  takes: ['replace'],
  plan(given) {
    const [, words] = given.split('configure');
    const replace = given.flag('replace');
    const empty = words.find((word) => /^[^=]*=$/.test(word));
    if (empty !== undefined) throw new UsageError(`"${empty}" has no value`);
    const overrides = replace && words.length === 0 ? {} : fieldsAt(assignments(words));
    return async ({ node, by }) => policyAnswer(await node.alerts.configure(overrides, { by, replace }));
  },
};
