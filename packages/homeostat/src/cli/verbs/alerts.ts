import { oneOf } from '../arguments.ts';
import { UsageError } from '../usage-error.ts';
import type { Verb } from '../verb.ts';
import { ack } from './alerts/ack.ts';
import type { Action } from './alerts/action.ts';
import { clear } from './alerts/clear.ts';
import { configure } from './alerts/configure.ts';
import { escalate } from './alerts/escalate.ts';
import { list } from './alerts/list.ts';
import { OPTIONS } from './alerts/options.ts';
import { policy } from './alerts/policy.ts';
import { raise } from './alerts/raise.ts';
import { resolve } from './alerts/resolve.ts';
import { show } from './alerts/show.ts';
import { silence } from './alerts/silence.ts';
import { silences } from './alerts/silences.ts';
import { stats } from './alerts/stats.ts';
import { unsilence } from './alerts/unsilence.ts';
import { watch } from './alerts/watch.ts';

const ACTIONS: readonly Action[] = [
  list,
  show,
  ack,
  resolve,
  escalate,
  silence,
  unsilence,
  silences,
  stats,
  watch,
  raise,
  clear,
  policy,
  configure,
];

export const alerts: Verb = {
  name: 'alerts',
  synopses: ACTIONS.flatMap(({ synopses }) => synopses),
  summary: 'What hurts: who was told, who takes it; acks, resolves, silences, raises',
  about: [
    'list, the default, shows what is open, the worst first; show one of them, with its history.',
    'ack stops the clock until --eta, and then it is open again one level up; resolve ends it. silence holds',
    'notices back for a while; what is still open at its end is told then. stats tells how many alerts there',
    'were, how fast they were acked and resolved, how many were false. watch prints notices as they come, with',
    '--json one document a line, until it is interrupted; it takes nothing away from the groups, and where only',
    'it listens an alert is unrouted. raise is for drills and scripts; clear says that it is over, which holds',
    'as soon as no node that is there reports it. policy lists what holds unless a node was started with something else;',
    'configure changes it on all nodes: a value is JSON where it is JSON, else text.',
  ],
  options: OPTIONS,
  examples: [
    'alerts',
    'alerts --severity critical --since 2h --state all --json',
    'alerts ack k3jx0q9ab7c2d1ef investigating --note "looking" --eta 20m',
    'alerts silence --kind disk-slow --service orders --reason "replacing it" --for 2h',
    'alerts raise drill --severity high --message "this is a drill"',
    'alerts configure severities.high.ackByMs=600000 \'bypassKinds=["system_failure"]\'',
  ],
  plan(given) {
    const [, [word = list.name]] = given.split();
    const name = oneOf(
      word,
      ACTIONS.map((action) => action.name),
    );
    const { takes, plan } = ACTIONS.find((action) => action.name === name) ?? list;
    for (const option of Object.keys(OPTIONS)) {
      if (given.has(option) && !takes.some((taken) => taken === option))
        throw new UsageError(`--${option} does not go with alerts ${name}`);
    }
    return plan(given);
  },
};
