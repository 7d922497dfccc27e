import { ConfigError, type ActorNode, type DeadLetter, type DeadLetters } from '@homeostat/core';
import type { Arguments } from '../arguments.ts';
import { describeMoment } from '../duration.ts';
import { mailboxesOf, namedBy, type Named } from '../mailboxes.ts';
import { table } from '../print.ts';
import { UsageError } from '../usage-error.ts';
import type { Verb, Work } from '../verb.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 10_000;

/** What is shown of one. */
interface Shown extends Omit<DeadLetter, 'bytes' | 'input' | 'headers'> {
  readonly mailbox: string;
  /** What its last failure said. */
  readonly message: string | undefined;
  readonly input?: unknown;
}

export const dead: Verb = {
  name: 'dead',
  synopses: [
    'dead <service> [--limit <count>] [--input]',
    'dead replay <service> <id> …',
    'dead replay <service> --all',
    'dead drop <service> <id> …',
    'dead drop <service> --all',
  ],
  summary: 'Dead letters of a service: why they died; puts them back, or drops them',
  about: [
    'Lists messages that were given up, the oldest first: when and of what they died, after how many deliveries.',
    'replay puts them back into their mailbox with all their deliveries before them; drop ends them for good.',
    'users@1 names one mailbox, topic.orders.created@mailer that of a group; replay and drop ask for one where',
    'there are several. Lines (priorities, fair turns) are looked through as long as somebody serves them.',
  ],
  options: {
    limit: { value: '<count>', says: `At most so many (default ${DEFAULT_LIMIT})` },
    input: { says: 'Shows what they were sent with, too: it may be nobody’s business' },
    all: { says: 'replay, drop: all that are dead now' },
  },
  examples: ['dead orders', 'dead orders --input --json', 'dead replay orders --all', 'dead drop orders 1767-0.0.1'],
  plan(given) {
    const [[word]] = given.split('service');
    if (word === 'replay' || word === 'drop') return planEnding(given, word);
    if (given.flag('all')) throw new UsageError('--all goes with replay and drop only');
    given.words('service');
    const named = namedBy(word);
    const limit = given.whole('limit') ?? DEFAULT_LIMIT;
    if (limit < 1 || limit > MAX_LIMIT) throw new UsageError(`--limit must be 1 to ${MAX_LIMIT}`);
    const withInput = given.flag('input');
    return async ({ node }) => {
      const letters = await listed(node, named, limit, withInput);
      const text = letters.length === 0 ? 'none is dead' : describe(letters, withInput);
      return { data: { service: named.service, letters }, text };
    };
  },
};

function planEnding(given: Arguments, action: 'replay' | 'drop'): Work {
  const [[, word], ids] = given.split(action, 'service');
  const all = given.flag('all');
  if (all === ids.length > 0) throw new UsageError(`${action} asks for ids, or for --all`);
  for (const option of ['limit', 'input'])
    if (given.has(option)) throw new UsageError(`--${option} does not go with ${action}`);
  const named = namedBy(word);
  return async ({ node }) => {
    const letters = await theOne(node, named);
    const wanted = all ? await idsOf(letters) : ids;
    let done = 0;
    for (const id of wanted) if (await letters[action](id)) done += 1;
    const gone = wanted.length - done;
    const word = action === 'replay' ? 'put back' : 'dropped';
    return { data: { action, done, gone }, text: `${done} ${word}${gone === 0 ? '' : `, ${gone} were gone`}` };
  };
}

async function listed(node: ActorNode, named: Named, limit: number, withInput: boolean): Promise<readonly Shown[]> {
  const shown: Shown[] = [];
  for (const { contract } of await mailboxesOf(node, named)) {
    if (shown.length >= limit) break;
    const letters = await node.deadLetters(contract).list({ limit: limit - shown.length });
    for (const { bytes: _, input, headers: __, ...letter } of letters)
      shown.push({
        ...{ mailbox: contract.mailbox, ...letter, message: letter.history.at(-1)?.message },
        ...(withInput && { input }),
      });
  }
  return shown;
}

/** @throws ConfigError when there are several: ids are those of one. */
async function theOne(node: ActorNode, named: Named): Promise<DeadLetters> {
  const found = await mailboxesOf(node, named);
  const [first] = found;
  if (first === undefined || found.length > 1)
    throw new ConfigError(
      `${named.service} has several mailboxes: name one of ${found.map(({ contract }) => contract.mailbox).join(', ')}`,
    );
  return node.deadLetters(first.contract);
}

/** Those that are dead now: what dies again meanwhile is left alone. */
async function idsOf(letters: DeadLetters): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { id } of letters.all()) ids.push(id);
  return ids;
}

function describe(letters: readonly Shown[], withInput: boolean): string {
  return table(
    ['ID', 'DIED', 'METHOD', 'KEY', 'DELIVERIES', 'REASON', 'MESSAGE', ...(withInput ? ['INPUT'] : [])],
    letters.map((one) => [
      ...[one.id, describeMoment(one.at), `${one.mailbox}.${one.method}`, one.key, one.deliveries, one.reason],
      ...[one.message, ...(withInput ? [JSON.stringify(one.input)] : [])],
    ]),
  );
}
