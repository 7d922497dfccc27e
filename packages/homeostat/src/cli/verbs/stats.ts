import { contract, ServiceNotFound, type ActorNode, type MailboxDepth } from '@homeostat/core';
import { describeSpan } from '../duration.ts';
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
  synopses: ['stats <service>', 'stats <service>@<major>'],
  summary: 'What waits in the mailboxes of a service: how much, how long, how many are dead',
  about: [
    'A line for each major version that somebody serves. messages and bytes: everything accepted and not yet',
    'ended, delayed included. waiting, pending: entries (of up to 128 messages) in nobody’s and in somebody’s',
    'hands. dead: entries of dead letters. oldest: since when the oldest entry is there.',
    'users@1 names one mailbox, also where nobody serves it now. Lines (priorities, fair turns) are added up,',
    'as long as somebody serves it.',
  ],
  examples: ['stats users', 'stats users@1 --json'],
  plan(given) {
    const [named] = given.words('service');
    return async ({ node }) => {
      const [service, major] = parted(named);
      const mailboxes = major === undefined ? await served(node, service) : [named];
      const all = await Promise.all(mailboxes.map((mailbox) => statsOf(node, service, mailbox)));
      if (all.every(isNothing)) throw new ServiceNotFound(named);
      return { data: { service, mailboxes: all }, text: describe(all) };
    };
  },
};

/** `users@1` → users, 1. */
function parted(named: string): readonly [service: string, major: string | undefined] {
  const [, service, major] = /^(.+)@(\d{1,5})$/.exec(named) ?? [];
  return [service ?? named, major];
}

/** @throws ServiceNotFound */
async function served(node: ActorNode, service: string): Promise<readonly string[]> {
  const instances = await node.registry.discover(service, { status: 'any' });
  await node.registry.refresh();
  return [...new Set(instances.map(({ mailbox }) => mailbox))];
}

async function statsOf(node: ActorNode, service: string, mailbox: string): Promise<MailboxStats> {
  const instances = node.registry.instances(service, { status: 'any' }).filter((one) => one.mailbox === mailbox);
  const major = mailbox.slice(mailbox.lastIndexOf('@') + 1);
  // Only the names of its mailboxes are asked of it.
  const [one] = instances;
  const lines = {
    ...(one?.priorities === true ? { priorities: true } : undefined),
    ...(one?.fair === true ? ({ fair: 'key' } as const) : undefined),
  };
  const depth = await node.depth(contract(service, { version: `${major}.0.0`, methods: { any: {} }, ...lines }));
  const { oldestAt } = depth;
  return {
    mailbox,
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
