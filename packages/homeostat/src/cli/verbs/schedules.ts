import { ConfigError, type Schedule } from '@homeostat/core';
import { oneOf } from '../arguments.ts';
import { describeMoment, describeSpan } from '../duration.ts';
import { table } from '../print.ts';
import type { Verb } from '../verb.ts';

export const schedules: Verb = {
  name: 'schedules',
  synopses: ['schedules [list]', 'schedules cancel <name>'],
  summary: 'What happens by the clock; ends one of them',
  about: [
    'list, the default, shows every schedule, what is due first at the top: when it is due, what it tells whom,',
    'how often it has run, and how often it was let go by because of what waited or ran. What has ended is',
    'listed for an hour. cancel ends one for all nodes; one named tick.… is a function of a program, which',
    'puts it again when it starts.',
  ],
  examples: ['schedules', 'schedules cancel nightly-report'],
  plan(given) {
    const [, [word = 'list']] = given.split();
    if (oneOf(word, ['list', 'cancel']) === 'list') {
      given.upTo();
      return async ({ node }) => {
        const all = await node.schedules.list();
        const rows = all.map(({ name, when, mailbox, method, nextAt, lastAt, runs, skipped }) => [
          ...[name, describe(when), `${mailbox}.${method}`],
          ...[nextAt, lastAt].map((moment) => (moment === undefined ? undefined : describeMoment(moment))),
          ...[runs, skipped],
        ]);
        const heads = ['NAME', 'WHEN', 'TELLS', 'NEXT', 'LAST', 'RUNS', 'SKIPPED'];
        return { data: { schedules: all }, text: rows.length === 0 ? 'none' : table(heads, rows) };
      };
    }
    const [, chosen] = given.words('cancel', 'name');
    return async ({ node, by }) => {
      if (!(await node.schedules.cancel(chosen, { by }))) throw new ConfigError(`there is no schedule ${chosen}`);
      return { data: { name: chosen, cancelled: true }, text: `${chosen} is cancelled` };
    };
  },
};

function describe(when: Schedule['when']): string {
  if ('every' in when) return `every ${describeSpan(when.every)}`;
  if ('cron' in when) return `${when.cron} (${when.timeZone})`;
  return 'at' in when ? `at ${describeMoment(when.at)}` : `once after ${describeSpan(when.delayMs)}`;
}
