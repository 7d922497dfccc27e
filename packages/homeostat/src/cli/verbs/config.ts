import type { ActorNode, LiveSetting, ServiceSettings, SettingChange } from '@homeostat/core';
import { RevisionConflict, ServiceNotFound } from '@homeostat/core';
import { oneOf, type Arguments } from '../arguments.ts';
import { describeMoment } from '../duration.ts';
import { FORCE, isServed, mustBeServed } from '../known.ts';
import { table } from '../print.ts';
import { assignments, isNested, patchOf } from '../settings.ts';
import { UsageError } from '../usage-error.ts';
import type { Answer, Verb, Work } from '../verb.ts';

const DEFAULT_LIMIT = 20;

export const config: Verb = {
  name: 'config',
  synopses: [
    'config get <service>',
    'config set <service> <key=value> … [--expect <revision>] [--force]',
    'config history [service] [--limit <count>]',
  ],
  summary: 'Live settings of a service, on all nodes: what they are, change them, who changed what',
  about: [
    'get shows what is set live, with its revision; what nodes were started with is theirs to know.',
    'set changes fields on every node within a second. A value is JSON where it is JSON, else text; null',
    'takes a field back; a.b=… changes a part of a field. Nothing is written when one of them is wrong.',
    'Keys: timeoutMs, retry, breaker, cache, limits, hedgeAfterMs, maxPending, delivery, deliveryReason,',
    'localMaxLoad, failFast, balance, canary, whenFull, claimCheck, concurrency, scale, weight,',
    'methods.<method>.<key>.',
    'Strategies and profiles that nodes define in code are unknown here: set those from a node that has them.',
  ],
  options: {
    expect: { value: '<revision>', says: 'set: refuses when the settings are at another revision; 0 = none were set' },
    force: FORCE,
    limit: { value: '<count>', says: `history: the last so many changes (default ${DEFAULT_LIMIT})` },
  },
  examples: [
    'config get users',
    'config set users timeoutMs=2000 retry.attempts=5 --expect 3',
    'config set users methods.getUser.cache=\'{"ttlMs":5000}\' timeoutMs=null',
    'config history users --limit 5 --json',
  ],
  plan(given) {
    const [[word]] = given.split('get|set|history');
    const action = oneOf(word, ['get', 'set', 'history']);
    if (action === 'set') return planSet(given);
    if (action === 'history') return planHistory(given);
    const [, service] = given.words('get', 'service');
    return async ({ node }) => answerOf(await live(node, service));
  },
};

function planSet(given: Arguments): Work {
  const [[, service], words] = given.split('set', 'service');
  const assigned = assignments(words);
  const expect = given.whole('expect');
  const force = given.flag('force');
  return async ({ node, by }) => {
    if (!force) mustBeServed(node, service);
    const before = node.config.get(service);
    const nested = isNested(assigned);
    if (nested && expect !== undefined && expect !== before.revision)
      throw new RevisionConflict(`config of ${service}`, expect, before.revision);
    // A part is added to what this revision holds, and to nothing else.
    const expectedRevision = nested ? before.revision : expect;
    const patch = patchOf(assigned, before.settings);
    return answerOf(await node.config.set(service, patch, { by, expectedRevision }));
  };
}

function planHistory(given: Arguments): Work {
  const [, service] = given.upTo('history');
  const limit = given.whole('limit') ?? DEFAULT_LIMIT;
  if (limit < 1 || limit > 1_000) throw new UsageError('--limit must be 1 to 1000');
  return async ({ node }) => {
    const changes = await node.config.history(service, limit);
    if (service !== undefined && changes.length === 0) mustBeServed(node, service);
    return { data: { changes }, text: changes.length === 0 ? 'nothing was ever set' : describe(changes) };
  };
}

/** @throws ServiceNotFound when nobody serves it and nothing is set. */
async function live(node: ActorNode, service: string): Promise<LiveSetting> {
  const known = node.config.get(service);
  // What cannot hold here, such as a strategy that others define in code, is set all the same.
  const [last] = await node.config.history(service, 1);
  const newest = last !== undefined && last.revision > known.revision ? last : undefined;
  if (known.revision === 0 && newest === undefined && !isServed(node, service)) throw new ServiceNotFound(service);
  return newest === undefined ? known : { service, revision: newest.revision, settings: newest.to };
}

function answerOf(setting: LiveSetting): Answer {
  const { service, revision, settings = {} } = setting;
  const lines = Object.entries(settings).map(([name, value]) => `  ${name} = ${JSON.stringify(value)}`);
  const text = [`${service}, revision ${revision}`, ...(lines.length === 0 ? ['  nothing is set live'] : lines)];
  return { data: { service, revision, settings }, text: text.join('\n') };
}

function describe(changes: readonly SettingChange[]): string {
  return table(
    ['AT', 'SERVICE', 'REVISION', 'BY', 'CHANGE'],
    changes.map(({ at, service, revision, by, from, to }) => [
      describeMoment(at),
      service,
      revision,
      by,
      difference(from, to),
    ]),
  );
}

/** `timeoutMs: 1000 → 2000`, field by field. */
function difference(from: ServiceSettings = {}, to: ServiceSettings = {}): string {
  const said = (settings: ServiceSettings, name: string): string =>
    JSON.stringify((settings as Readonly<Record<string, unknown>>)[name]) ?? 'not set';
  return [...new Set([...Object.keys(from), ...Object.keys(to)])]
    .filter((name) => said(from, name) !== said(to, name))
    .map((name) => `${name}: ${said(from, name)} → ${said(to, name)}`)
    .join(', ');
}
