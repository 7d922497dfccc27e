import { ServiceNotFound, type ActorNode, type MailboxDepth } from '@homeostat/core';
import { describeSpan } from '../duration.ts';
import { mailboxesOf, namedBy, type FoundMailbox } from '../mailboxes.ts';
import { table } from '../print.ts';
import type { Verb } from '../verb.ts';

interface MailboxStats extends MailboxDepth {
  readonly mailbox: string;
  /** How long the oldest has been there, ms; absent when there is none. */
  readonly oldestMs?: number | undefined;
  readonly instances: number;
  /** Over all instances. */
  readonly inFlight: number;
}

export const stats: Verb = {
  name: 'stats',
  synopses: ['stats <service>', 'stats <service>@<major>', 'stats topic.<topic>@<group>'],
  summary: 'What waits in the mailboxes of a service: how much, how long, how many are dead',
  about: [
    'A line for each major version, or group of a topic, that somebody serves. messages and bytes: everything',
    'accepted and not yet ended, delayed included. waiting, pending: entries (of up to 128 messages) in nobody’s',
    'and in somebody’s hands. dead: entries of dead letters. oldest: since when the oldest entry is there.',
    'users@1 names one mailbox, also where nobody serves it now. Lines (priorities, fair turns) are added up,',
    'as long as somebody serves it.',
  ],
  examples: ['stats users', 'stats users@1 --json'],
  plan(given) {
    const [word] = given.words('service');
    const named = namedBy(word);
    return async ({ node }) => {
      const all = await Promise.all((await mailboxesOf(node, named)).map((one) => statsOf(node, one)));
      if (all.every(isNothing)) throw new ServiceNotFound(word);
      return { data: { service: named.service, mailboxes: all }, text: describe(all) };
    };
  },
};

async function statsOf(node: ActorNode, { contract, instances }: FoundMailbox): Promise<MailboxStats> {
  const depth = await node.depth(contract);
  const { oldestAt } = depth;
  return {
    mailbox: contract.mailbox,
    ...depth,
    ...(oldestAt === undefined ? undefined : { oldestMs: Math.max(0, Math.round(node.now() - oldestAt)) }),
    instances: instances.length,
    inFlight: instances.reduce((sum, one) => sum + one.inFlight, 0),
  };
}

function isNothing({ messages, dead, instances }: MailboxStats): boolean {
  return messages === 0 && dead === 0 && instances === 0;
}

function describe(all: readonly MailboxStats[]): string {
  return table(
    ['MAILBOX', 'MESSAGES', 'BYTES', 'WAITING', 'PENDING', 'OLDEST', 'DEAD', 'INSTANCES', 'IN FLIGHT'],
    all.map((one) => [
      one.mailbox,
      one.messages,
      one.bytes,
      one.waiting,
      one.pending,
      one.oldestMs === undefined ? undefined : describeSpan(one.oldestMs),
      one.dead,
      one.instances,
      one.inFlight,
    ]),
  );
}
