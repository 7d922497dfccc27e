import { ConfigError, type ActorNode } from '@homeostat/core';
import { oneOf } from '../arguments.ts';
import { mustHaveMethod } from '../known.ts';
import { UsageError } from '../usage-error.ts';
import type { Verb } from '../verb.ts';
import { describeBreakers } from './breakers.ts';

export const breaker: Verb = {
  name: 'breaker',
  synopses: [
    'breaker <name> open --reason <text> [--ttl <time>] [--force]',
    'breaker <name> close --reason <text>',
    'breaker <name> reset [--reason <text>]',
  ],
  summary: 'Opens, closes or resets a shared breaker by hand, on all nodes',
  about: [
    'The breaker of a method is called service.method. open refuses every call at once, with the reason',
    'in the error; it holds for --ttl, or until close or reset. close admits calls again, growing over the',
    'ramp. reset closes it and sets its counters to zero.',
  ],
  options: {
    reason: { value: '<text>', says: 'Why: shown to whoever is refused, and by `breakers`; open and close ask for it' },
    ttl: { value: '<time>', says: 'open only: it closes by itself after 30s, 10m, 2h (default: it stays open)' },
    force: { says: 'Although nobody knows the name, for a breaker that is yet to be used' },
  },
  examples: ['breaker users.getUser open --reason "database is moved" --ttl 10m', 'breaker users.getUser reset'],
  plan(given) {
    const [name, word] = given.words('name', 'open|close|reset');
    const action = oneOf(word, ['open', 'close', 'reset']);
    const reason = given.text('reason') ?? (action === 'reset' ? 'reset' : undefined);
    if (reason === undefined) throw new UsageError(`${action} asks for a --reason`);
    const ttlMs = given.span('ttl');
    const force = given.flag('force');
    if (action !== 'open' && ttlMs !== undefined) throw new UsageError('--ttl goes with open only');
    return async ({ node, by }) => {
      if (!force) mustBeKnown(node, name);
      const handle = node.breaker(name);
      const why = { by, reason };
      if (action === 'open') await handle.open({ ...why, ...(ttlMs === undefined ? undefined : { ttlMs }) });
      else await handle[action](why);
      const state = await handle.stats();
      return { data: state, text: describeBreakers([state], node.now()) };
    };
  },
};

/** @throws ServiceNotFound, MethodNotFound; ConfigError for a name that belongs to no method. */
function mustBeKnown(node: ActorNode, name: string): void {
  if (node.breakers().some((one) => one.name === name)) return;
  const dot = name.indexOf('.');
  if (dot < 0)
    throw new ConfigError(`nobody knows a breaker "${name}"; \`homeostat breakers\` lists them, --force makes it`);
  mustHaveMethod(node, name.slice(0, dot), name.slice(dot + 1));
}
