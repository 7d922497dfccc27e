import { UsageError } from '../../usage-error.ts';
import type { Action } from './action.ts';
import { describeSilences } from './silences.ts';
import { SEVERITIES } from './words.ts';

export const silence: Action = {
  name: 'silence',
  synopses: ['alerts silence --kind|--service|--severity|--tag <value> … --reason <text> --for <time> [--force]'],
  takes: ['kind', 'service', 'severity', 'tag', 'reason', 'for', 'force'],
  plan(given) {
    given.words('silence');
    const severity = given.choice('severity', SEVERITIES);
    const matcher = {
      kinds: listOf(given.text('kind')),
      services: listOf(given.text('service')),
      severities: listOf(severity),
      tags: listOf(given.text('tag')),
    };
    if (Object.values(matcher).every((words) => words === undefined))
      throw new UsageError('silence asks which: --kind, --service, --severity or --tag');
    const [reason, forMs, force] = [given.text('reason'), given.span('for'), given.flag('force')];
    if (reason === undefined) throw new UsageError('silence asks for a --reason');
    if (forMs === undefined) throw new UsageError('silence asks for how long: --for <time>');
    return async ({ node, by }) => {
      const made = await node.alerts.silence(matcher, { author: by, reason, forMs, force });
      const undo = `homeostat alerts unsilence ${made.id}`;
      return { data: { ...made, undo }, text: `${describeSilences([made])}\nto undo it: ${undo}` };
    };
  },
};

function listOf<Word extends string>(word: Word | undefined): readonly Word[] | undefined {
  return word === undefined ? undefined : [word];
}
