/** The mailboxes that a word of the command line means: `users`, `users@2`, `topic.orders.created@mailer`. */
import type { ActorNode, Contract, Instance } from '@homeostat/core';
import { UsageError } from './usage-error.ts';

/** The service of an actor, a topic, or a function by the clock; and a major version, or a group. */
const NAMED = /^([A-Za-z][\w.-]{0,127})(?:@([a-z0-9][a-z0-9-]{0,63}))?$/;

export interface Named {
  readonly service: string;
  /** Absent: those that somebody serves. */
  readonly mailbox?: string | undefined;
}

/** @throws UsageError */
export function namedBy(word: string): Named {
  const [, service, part] = NAMED.exec(word) ?? [];
  if (service === undefined) throw new UsageError(`"${word}" is no service`);
  return part === undefined ? { service } : { service, mailbox: word };
}

export interface FoundMailbox {
  /** Says no more than which mailboxes there are. */
  readonly contract: Contract;
  readonly instances: readonly Instance[];
}

/** @throws ServiceNotFound when no mailbox was named and nobody serves one. */
export async function mailboxesOf(node: ActorNode, named: Named): Promise<readonly FoundMailbox[]> {
  const mailboxes = named.mailbox === undefined ? await served(node, named.service) : [named.mailbox];
  return mailboxes.map((mailbox) => found(node, named.service, mailbox));
}

async function served(node: ActorNode, service: string): Promise<readonly string[]> {
  const instances = await node.registry.discover(service, { status: 'any' });
  await node.registry.refresh();
  return [...new Set(instances.map(({ mailbox }) => mailbox))];
}

function found(node: ActorNode, service: string, mailbox: string): FoundMailbox {
  const instances = node.registry.instances(service, { status: 'any' }).filter((one) => one.mailbox === mailbox);
  const [one] = instances;
  const contract: Contract = {
    ...{ name: service, version: '1.0.0', mailbox, methods: {} },
    ...(one?.priorities === true ? { priorities: true } : undefined),
    ...(one?.fair === true ? ({ fair: 'key' } as const) : undefined),
  };
  return { contract, instances };
}
